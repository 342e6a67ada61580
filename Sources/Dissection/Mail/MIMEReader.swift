internal import CCrypto
internal import FlowEngine
internal import Records

/// Reads a message (RFC 5322, RFC 2045 to 2049) as its bytes come: header fields as a whole, bodies by the
/// line, decoded only to be measured and hashed. It lies in a block of the pool.
struct MIMEReader: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    case header = 0
    /// The body of a part that is no multipart.
    case body
    /// Before the first boundary of a multipart, or behind its last.
    case between
    /// There is nothing more to be read.
    case over
  }

  enum Encoding: UInt8, BitwiseCopyable {
    case identity = 0
    case base64
    case quotedPrintable
  }

  /// Multiparts within each other; what is deeper is one part.
  static let deepest = 6
  /// A header field, with all its lines; what is longer is cut.
  static let longestField = 8192
  /// A body's line; what is longer is taken piece by piece.
  static let longestLine = 2048
  /// Parts of a message that are told of.
  static let mostParts: UInt16 = 512

  var phaseValue: UInt8 = 0
  var depth: UInt8 = 0
  var encodingValue: UInt8 = 0
  /// The bytes at hand go on with a line of which the beginning has been taken.
  var isWithinLine = false
  /// The rest of a header field is to be dropped.
  var dropsField = false
  /// Past the message's own header.
  var isPart = false
  /// The message's own header was not seen: what looks like a boundary at first is taken for one.
  var adoptsBoundary = false
  /// The header at hand announces a multipart, whose boundary is `boundaries[depth]`.
  var isMultipart = false
  var isAttachment = false
  /// Addresses of the web are looked for in the part at hand.
  var hasLinks = false
  /// A line's end that belongs to the body only where something stands behind it: 1 LF, 2 CR LF.
  var pendingEnd: UInt8 = 0
  /// Bytes of the field at hand in which its end has been looked for.
  var scanned: UInt16 = 0
  var hasGap = false
  var bitCount: UInt8 = 0
  var bits: UInt32 = 0
  var parts: UInt16 = 0
  /// Headers so far, the message's own and its parts': Zeek's depth of a file.
  var entities: UInt16 = 1
  /// Bytes of the part's body, decoded.
  var size: UInt64 = 0
  var missing: UInt64 = 0
  var began: Int64 = 0
  var digest = ccrypto_sha256_state()
  var name = ShortText<255>()
  var type = ShortText<62>()
  /// The part's first bytes, decoded.
  var first: InlineArray<128, UInt8> = InlineArray(repeating: 0)
  var links = MIMELinks()
  var boundaries: InlineArray<6, ShortText<70>> = InlineArray(repeating: ShortText<70>())

  var phase: Phase {
    get { Phase(rawValue: phaseValue) ?? .over }
    set { phaseValue = newValue.rawValue }
  }
  var encoding: Encoding {
    get { Encoding(rawValue: encodingValue) ?? .identity }
    set { encodingValue = newValue.rawValue }
  }

  /// How far it has come, in Suricata's words.
  var status: StaticString {
    switch phase {
    case .header: "HEADER_STARTED"
    case .body, .between: "BODY_STARTED"
    case .over: hasGap ? "BODY_STARTED" : "PARSE_DONE"
    }
  }

  /// What comes stands behind a header that was not seen.
  mutating func beginWithoutHeader() {
    phase = .between
    isPart = true
    adoptsBoundary = true
  }

  // MARK: Bytes

  /// Takes whole lines and whole header fields; returns how many bytes, and whether the dot alone on its
  /// line has come.
  mutating func take(
    _ m: MailView, _ bytes: Bytes, hasDots: Bool
  ) -> (Int, Bool) {
    var place = 0
    while place < bytes.count {
      let rest = bytes.dropFirst(place)
      if phase == .header && !dropsField && !isWithinLine {
        guard let field = MIMEField.first(of: rest, limit: Self.longestField, scanned: &scanned)
        else { break }
        place &+= field.length
        if hasDots && field.text.equals(".") { return (place, true) }
        takeField(m, field)
        continue
      }
      guard let line = TextLine.first(of: rest, limit: Self.longestLine) else { break }
      if hasDots && !isWithinLine && !line.isCut && line.text.equals(".") {
        return (place &+ line.length, true)
      }
      if dropsField && !isWithinLine && line.text.u8(0) != 0x20 && line.text.u8(0) != 0x09 {
        dropsField = false
        continue
      }
      place &+= line.length
      takeLine(m, line, hasDots: hasDots)
    }
    return (place, false)
  }

  /// Takes what there is, whole or not: nothing follows it.
  mutating func takeRest(
    _ m: MailView, _ bytes: Bytes
  ) {
    let (place, _) = take(m, bytes, hasDots: false)
    scanned = 0
    let rest = bytes.dropFirst(place)
    guard !rest.isEmpty else { return }
    if phase == .header && !dropsField && !isWithinLine {
      takeField(m, MIMEField(text: rest.withoutLineEnd, length: rest.count, isCut: false))
    } else {
      takeLine(m, TextLine(text: rest, length: rest.count, isCut: true), hasDots: false)
    }
  }

  private mutating func takeLine(
    _ m: MailView, _ line: TextLine, hasDots: Bool
  ) {
    let goesOn = isWithinLine
    isWithinLine = line.isCut
    if dropsField || phase == .header { return }
    var text = line.text
    if !goesOn {
      // A dot that was put before one (RFC 5321, section 4.5.2).
      if hasDots && text.u8(0) == 0x2e { text = text.dropFirst(1) }
      if text.u8(0) == 0x2d && takeBoundary(m, text) { return }
    }
    guard phase == .body else { return }
    let end = line.isCut ? 0 : line.length &- line.text.count
    decode(
      text, end: UInt8(truncatingIfNeeded: end), isEnded: !line.isCut,
      Target(m: m, hashes: hashes(m)))
  }

  mutating func missed(
    _ m: MailView, _ rest: Bytes, _ count: UInt64
  ) {
    takeRest(m, rest)
    if hasLinks { links.finish { _ in } }
    hasGap = true
    missing &+= min(count, 1 << 48)
    isWithinLine = true
    // What stands behind a hole in a header may be anything; its fields are found again.
    if phase == .header { dropsField = true }
  }

  /// The message is over.
  mutating func finish(
    _ m: MailView, isComplete: Bool
  ) {
    guard phase != .over else { return }
    // A message without a body has no empty line behind its header.
    if phase == .header && isComplete { endHeader(m) }
    endPart(m, isComplete: isComplete)
    if isComplete {
      phase = .over
    } else {
      hasGap = true
    }
  }

  // MARK: Parts

  /// A line that may be a boundary: true where it is one.
  private mutating func takeBoundary(
    _ m: MailView, _ line: Bytes
  ) -> Bool {
    guard line.starts(with: "--") else { return false }
    let text = line.dropFirst(2)
    if adoptsBoundary && isLikeBoundary(text) {
      adoptsBoundary = false
      boundaries[0].set(text.withoutBlanksBehind)
      depth = 1
    }
    var level = Int(depth)
    while level > 0 {
      level &-= 1
      let length = boundaries[level].with { text.prefix($0.count).equals($0) ? $0.count : -1 }
      guard length > 0 else { continue }
      let rest = text.dropFirst(length)
      let isLast = rest.starts(with: "--")
      // Behind it there may be blanks and nothing else (RFC 2046, section 5.1.1).
      guard isLast || rest.trimmed.isEmpty else { continue }
      endPart(m, isComplete: true)
      if isLast {
        depth = UInt8(level)
        phase = .between
      } else {
        depth = UInt8(level &+ 1)
        beginPart()
      }
      return true
    }
    return false
  }

  /// Of what stands behind two hyphens: no line of hyphens alone, and no words.
  private func isLikeBoundary(_ text: Bytes) -> Bool {
    let text = text.withoutBlanksBehind
    guard text.count > 0, text.count <= 70, text.firstIndex(of: 0x20) == nil else { return false }
    for place in 0..<text.count where text.base[place] != 0x2d { return true }
    return false
  }

  private mutating func beginPart() {
    phase = .header
    isPart = true
    if entities < .max { entities &+= 1 }
    isMultipart = false
    isAttachment = false
    encoding = .identity
    pendingEnd = 0
    bitCount = 0
    bits = 0
    size = 0
    missing = 0
    name.set(.empty)
    type.set(.empty)
  }

  /// One field of a header, or its end.
  private mutating func takeField(
    _ m: MailView, _ field: MIMEField
  ) {
    if field.isCut {
      m.d.note(.appHeadersTooLong)
      dropsField = true
      isWithinLine = true
    }
    if field.text.isEmpty { return endHeader(m) }
    if field.text.u8(0) == 0x2d && takeBoundary(m, field.text) { return }
    guard let colon = field.text.firstIndex(of: 0x3a), colon > 0, colon <= 76 else { return }
    let name = field.text.prefix(colon).trimmed
    let value = field.text.dropFirst(colon &+ 1)
    if name.starts(withLowercase: "content-") {
      takeContentField(m.d, name, value)
    } else if !isPart {
      MailHeader.take(m, name, value)
    }
  }

  private mutating func endHeader(_ m: MailView) {
    began = m.d.time
    if isMultipart && Int(depth) < Self.deepest {
      depth &+= 1
      phase = .between
      isMultipart = false
      return
    }
    if !isMultipart && encoding == .identity && isMessage() {
      // A message within the message has a header and parts of its own (RFC 2046, section 5.2.1): what is
      // told of it is its name, and they.
      if entities <= Self.mostParts { listName(m) }
      beginPart()
      return
    }
    phase = .body
    // Multiparts too deep, or too many parts: what is left is not told apart.
    if isMultipart || parts == Self.mostParts { m.d.note(.appTooManyTransactions) }
    isMultipart = false
    if parts < .max { parts &+= 1 }
    if hashes(m) { ccrypto_sha256_begin(&digest) }
    if isAttachment { m.d.fileBegins(toServer: m.isToServer) }
    hasLinks = m.tellsLinks && !isAttachment && !m.d.settings.isHeaderOnly && isText()
    listName(m)
  }

  private mutating func listName(_ m: MailView) {
    guard isAttachment && parts <= Self.mostParts && !m.d.settings.isHeaderOnly else { return }
    var w = m.d.event()
    name.with { if !$0.isEmpty { m.d.redacted(&w, SMTPFields.attachments, $0) } }
    m.d.keep(w, in: &m.mail.pointee.attachments)
  }

  private mutating func endPart(
    _ m: MailView, isComplete: Bool
  ) {
    guard phase == .body else { return }
    phase = .between
    endLinks(m)
    guard parts <= Self.mostParts else { return }
    if isAttachment || m.tellsAllParts {
      MailFile.tell(m, &self, isComplete: isComplete && missing == 0)
    }
  }

  /// RFC 2045, section 5.2: what names no type is text.
  private mutating func isText() -> Bool {
    type.with { $0.isEmpty || $0.starts(withLowercase: "text/") }
  }

  private mutating func isMessage() -> Bool {
    type.with { $0.equals(lowercase: "message/rfc822") || $0.equals(lowercase: "message/global") }
  }

  /// The part at hand is hashed.
  func hashes(_ m: MailView) -> Bool {
    m.d.settings.hashesFiles && (isAttachment || m.tellsAllParts)
  }

  // MARK: What a part is

  private mutating func takeContentField(_ d: Delivery, _ field: Bytes, _ value: Bytes) {
    let what = field.dropFirst(8)
    if what.equals(lowercase: "transfer-encoding") {
      let text = value.trimmed
      if text.starts(withLowercase: "base64") {
        encoding = .base64
      } else if text.starts(withLowercase: "quoted-printable") {
        encoding = .quotedPrintable
      }
      return
    }
    let isType = what.equals(lowercase: "type")
    guard isType || what.equals(lowercase: "disposition") else { return }
    MIMEText.unfolded(d, value) { text in
      var parameters = MIMEParameters(text)
      if isType {
        type.set(parameters.value)
        if parameters.value.starts(withLowercase: "multipart/") { takeBoundary(parameters) }
      } else if parameters.value.starts(withLowercase: "attachment") {
        isAttachment = true
      }
      if isType && !name.isEmpty { return }
      takeName(&parameters, isType: isType)
    }
  }

  private mutating func takeBoundary(_ parameters: MIMEParameters) {
    var parameters = parameters
    while let parameter = parameters.next() {
      guard parameter.name.equals(lowercase: "boundary") else { continue }
      let text = parameter.value
      guard text.count > 0, text.count <= 70 else { return }
      if Int(depth) < Self.deepest { boundaries[Int(depth)].set(text) }
      isMultipart = true
      return
    }
  }

  /// `filename` of Content-Disposition, or `name` of Content-Type, plain or as RFC 2231 has it.
  private mutating func takeName(_ parameters: inout MIMEParameters, isType: Bool) {
    let wanted: StaticString = isType ? "name" : "filename"
    var memory: InlineArray<512, UInt8> = InlineArray(repeating: 0)
    var found = false
    withUnsafeMutableBytes(of: &memory) { memory in
      guard let start = memory.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      var output = BoundedText(start, capacity: 512)
      var plain = Bytes.empty
      while let parameter = parameters.next() {
        if parameter.name.equals(lowercase: wanted) {
          if plain.isEmpty { plain = parameter.value }
        } else if parameter.name.starts(withLowercase: wanted),
          parameter.name.u8(wanted.utf8CodeUnitCount) == 0x2a
        {
          MIMEText.extended(
            parameter.value, parameter.name.dropFirst(wanted.utf8CodeUnitCount), &output)
        }
      }
      if output.count == 0 && !plain.isEmpty { MIMEText.decodeWords(plain, &output) }
      guard output.count > 0 else { return }
      name.set(Bytes(start, output.count))
      found = true
    }
    // A part with a name is an attachment, whatever its disposition says: so has Suricata.
    if found { isAttachment = true }
  }
}
