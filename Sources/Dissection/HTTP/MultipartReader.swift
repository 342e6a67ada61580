internal import CCrypto
internal import FlowEngine
internal import Records

/// The parts of a form that is sent (RFC 7578, RFC 2046, section 5.1), as their bytes come, wherever they were
/// cut: those that have a file's name are files. In a block of the pool, as long as the body lasts.
struct MultipartReader: BitwiseCopyable {
  private enum Phase: UInt8, BitwiseCopyable {
    /// In front of the first part, or behind a hole that hid where the next one begins.
    case outside = 0
    /// Behind a delimiter, up to its line's end.
    case delimiter
    case header
    case data
    /// Behind the last part.
    case over
  }

  private var phaseValue: UInt8 = 0
  /// Bytes of the delimiter that have been there; behind it, bytes of its line.
  private var matched: UInt8
  /// Both bytes behind the delimiter so far were hyphens: it is the last one.
  private var isLast = false
  private var isFile = false
  /// A body's only part is none where nothing has told that it is a form.
  private(set) var parts: UInt16 = 0
  private var fields: UInt8 = 0
  /// CR, LF, two hyphens and the boundary.
  private var delimiter = ShortText<74>()
  private var line = ShortText<512>()
  private var name = ShortText<200>()
  private var first = ShortText<128>()
  private var digest = ccrypto_sha256_state()
  private var size: UInt64 = 0
  private var missing: UInt64 = 0
  private var began: Int64 = 0

  private static var mostFields: UInt8 { 32 }

  private var phase: Phase {
    get { Phase(rawValue: phaseValue) ?? .over }
    set { phaseValue = newValue.rawValue }
  }

  /// By Content-Type's value; nil where it is no form, or has no boundary that makes sense.
  init?(_ type: Bytes) {
    var parameters = MIMEParameters(type)
    guard parameters.value.equals(lowercase: "multipart/form-data") else { return nil }
    var boundary = Bytes.empty
    while boundary.isEmpty, let parameter = parameters.next() {
      if parameter.name.equals(lowercase: "boundary") { boundary = parameter.value }
    }
    // No line end is in it: what begins with the delimiter and goes on otherwise holds no other one's beginning.
    guard !boundary.isEmpty, boundary.count <= 70, boundary.firstIndex(of: 0x0d) == nil else {
      return nil
    }
    // In front of the first part there need be no line end.
    matched = 2
    for byte: UInt8 in [0x0d, 0x0a, 0x2d, 0x2d] { delimiter.append(byte) }
    for place in 0..<boundary.count { delimiter.append(boundary.base[place]) }
  }

  // MARK: Bytes

  mutating func take(_ bytes: Bytes, _ x: HTTPExchange) {
    var rest = bytes
    while !rest.isEmpty {
      switch phase {
      case .outside, .data: rest = search(rest, x)
      case .delimiter:
        takeDelimiter(rest.base[0])
        rest = rest.dropFirst(1)
      case .header:
        takeHeader(rest.base[0], x)
        rest = rest.dropFirst(1)
      case .over: return
      }
    }
  }

  /// Up to the next delimiter; returns what is behind that, or behind what cannot be one.
  private mutating func search(_ bytes: Bytes, _ x: HTTPExchange) -> Bytes {
    if matched == 0 {
      let end = bytes.firstIndex(of: 0x0d) ?? bytes.count
      put(bytes.prefix(end), x)
      guard end < bytes.count else { return .empty }
      matched = 1
      return bytes.dropFirst(end &+ 1)
    }
    let known = matched
    let same = delimiter.with { delimiter in
      var same = 0
      let wanted = delimiter.dropFirst(Int(known))
      while same < wanted.count, same < bytes.count, bytes.base[same] == wanted.base[same] {
        same &+= 1
      }
      return same
    }
    matched &+= UInt8(truncatingIfNeeded: same)
    if UInt16(matched) == delimiter.count {
      endPart(x, isComplete: true)
      phase = .delimiter
      matched = 0
      isLast = true
    } else if same < bytes.count {
      giveBack(x)
    }
    return bytes.dropFirst(same)
  }

  /// What looked like a delimiter was none.
  private mutating func giveBack(_ x: HTTPExchange) {
    var text = delimiter
    let count = Int(matched)
    matched = 0
    text.with { put($0.prefix(count), x) }
  }

  private mutating func takeDelimiter(_ byte: UInt8) {
    if matched < 2 {
      isLast = isLast && byte == 0x2d
      matched &+= 1
      if matched == 2 && isLast { phase = .over }
    }
    guard byte == 0x0a, phase == .delimiter else { return }
    matched = 0
    fields = 0
    line.set(.empty)
    name.set(.empty)
    isFile = false
    phase = .header
  }

  private mutating func takeHeader(_ byte: UInt8, _ x: HTTPExchange) {
    guard byte == 0x0a else { return line.append(byte) }
    var text = line
    line.set(.empty)
    let isEmpty = text.with { $0.withoutCR.isEmpty }
    if isEmpty { return beginPart(x) }
    guard fields < Self.mostFields else { return }
    fields &+= 1
    text.with { text in
      guard let colon = text.firstIndex(of: 0x3a),
        text.prefix(colon).trimmed.equals(lowercase: "content-disposition")
      else { return }
      takeName(MIMEParameters(text.dropFirst(colon &+ 1).withoutCR))
    }
  }

  private mutating func takeName(_ parameters: MIMEParameters) {
    var parameters = parameters
    while let parameter = parameters.next() {
      // RFC 7578, section 4.2: not in RFC 5987's form.
      guard parameter.name.equals(lowercase: "filename"), !parameter.value.isEmpty else { continue }
      name.set(parameter.value)
      isFile = true
      return
    }
  }

  // MARK: Parts

  private mutating func beginPart(_ x: HTTPExchange) {
    phase = .data
    size = 0
    missing = 0
    began = x.d.time
    first.set(.empty)
    guard isFile else { return }
    ccrypto_sha256_begin(&digest)
    x.d.fileBegins(toServer: x.isToServer)
  }

  private mutating func put(_ bytes: Bytes, _ x: HTTPExchange) {
    guard phase == .data, isFile, !bytes.isEmpty else { return }
    ccrypto_sha256_add(&digest, bytes.base, bytes.count)
    var place = 0
    while first.count < 128, place < bytes.count {
      first.append(bytes.base[place])
      place &+= 1
    }
    size &+= UInt64(bytes.count)
    x.d.fileBytes(bytes, toServer: x.isToServer)
  }

  /// So many bytes were not seen.
  mutating func miss(_ count: UInt64, _ x: HTTPExchange) {
    if phase == .data {
      giveBack(x)
      missing &+= count
      if isFile { x.d.fileGap(count, toServer: x.isToServer) }
    } else if phase != .over {
      phase = .outside
      matched = 0
    }
  }

  /// The body is over.
  mutating func finish(_ x: HTTPExchange) {
    if phase == .data { giveBack(x) }
    endPart(x, isComplete: false)
    phase = .over
  }

  private mutating func endPart(_ x: HTTPExchange, isComplete: Bool) {
    guard phase == .data, isFile else { return }
    isFile = false
    if parts < .max { parts &+= 1 }
    var file = FileRecord(
      source: "HTTP", isFromClient: true, began: began, transaction: x.current.pointee.number,
      isWhole: isComplete && missing == 0, hasGaps: missing > 0, size: size)
    file.missing = missing
    file.magic = first.with { FileMagic($0) }
    var w = x.beginFile()
    if !x.d.settings.isHeaderOnly {
      name.with { x.d.redacted(&w, FileFields.filename, $0) }
    }
    let hasGaps = missing > 0
    withUnsafeMutablePointer(to: &digest) {
      if !hasGaps { file.digest = $0 }
      file.write(x.d, &w)
    }
    w.end()
    x.d.emit(.fileinfo, w, toServer: x.isToServer)
  }
}

extension HTTPExchange {
  /// A form's parts are its files, and not its body; where bodies are hashed.
  func beginForm(_ type: Bytes) {
    guard side.pointee.has(HTTPSide.Flags.hashed), side.pointee.inflater == 0,
      !side.pointee.has(HTTPSide.Flags.encoded), let reader = MultipartReader(type),
      let size = BlockPool.size(for: MemoryLayout<MultipartReader>.size)
    else { return }
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
    d.core.pointee.blocks.at(block).initializeMemory(as: MultipartReader.self, to: reader)
    side.pointee.form = block
  }

  var form: UnsafeMutablePointer<MultipartReader>? {
    guard side.pointee.form != 0 else { return nil }
    return d.core.pointee.blocks.at(side.pointee.form)
      .assumingMemoryBound(to: MultipartReader.self)
  }

  func endForm() {
    guard let form, let size = BlockPool.size(for: MemoryLayout<MultipartReader>.size) else {
      return
    }
    form.pointee.finish(self)
    d.core.pointee.blocks.giveBack(side.pointee.form, size)
    side.pointee.form = 0
  }

  /// The transaction that the message at hand is part of.
  var current: UnsafeMutablePointer<HTTPSlot> { slot(side.pointee.slot) }
}
