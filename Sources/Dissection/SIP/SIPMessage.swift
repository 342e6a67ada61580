internal import FlowEngine
internal import Records

/// A message's first line and headers, written as they are read (RFC 3261, 7).
struct SIPMessage {
  let d: Delivery
  private(set) var contentLength: Int?
  private(set) var isSDP = false

  /// Headers of one message that are looked at.
  static var mostHeaders: Int { 128 }
  static var mostVias: Int { 16 }

  init(_ d: Delivery) { self.d = d }

  /// A text without the passwords and tokens that it may have.
  private func put(_ w: inout EventWriter, _ field: EventField, _ text: Bytes) {
    d.redacted(&w, field, text.prefix(SIPText.longest))
  }

  /// The first line. False where it is none.
  func writeStart(_ line: Bytes, _ w: inout EventWriter) -> Bool {
    guard let first = line.firstIndex(of: 0x20) else { return false }
    let rest = line.dropFirst(first &+ 1)
    let second = rest.firstIndex(of: 0x20)
    if line.starts(with: "SIP/") {
      let code = rest.prefix(second ?? rest.count)
      guard code.count == 3, code.decimal != nil else { return false }
      w.string(SIPFields.version, line.prefix(first))
      w.string(SIPFields.code, code)
      put(&w, SIPFields.reason, rest.dropFirst((second ?? rest.count) &+ 1).prefix(256))
      put(&w, SIPFields.responseLine, line)
      return true
    }
    guard let second, first > 0, first <= 32, line.prefix(first).isPrintable else { return false }
    let version = rest.dropFirst(second &+ 1)
    guard version.starts(with: "SIP/") else { return false }
    w.string(SIPFields.method, line.prefix(first))
    put(&w, SIPFields.uri, rest.prefix(second))
    w.string(SIPFields.version, version.prefix(16))
    put(&w, SIPFields.requestLine, line)
    return true
  }

  /// Headers up to the empty line.
  mutating func writeHeaders(_ lines: inout SIPLines, _ w: inout EventWriter) {
    var vias = lines
    var count = 0
    var seen: UInt32 = 0
    var hasVia = false
    while let line = lines.next(), !line.isEmpty {
      guard count < Self.mostHeaders else {
        d.note(.appHeadersTooLong)
        break
      }
      count &+= 1
      guard let (name, value) = Self.split(line) else { continue }
      let header = Self.header(name)
      if header == .via {
        hasVia = true
        continue
      }
      // Of a header that comes twice the first.
      guard header != .other, seen >> header.rawValue & 1 == 0 else { continue }
      seen |= 1 << header.rawValue
      write(header, value, &w)
    }
    if hasVia { writeVias(&vias, &w) }
  }

  private static func split(_ line: Bytes) -> (Bytes, Bytes)? {
    // A line that begins with a space goes on with the one before.
    guard let first = line.u8(0), first != 0x20, first != 0x09,
      let colon = line.firstIndex(of: 0x3a)
    else { return nil }
    return (line.prefix(colon).trimmed, line.dropFirst(colon &+ 1).trimmed)
  }

  private enum Header: UInt32 {
    case other
    case from
    case to
    case callID
    case cseq
    case userAgent
    case server
    case contact
    case via
    case subject
    case contentType
    case contentLength
  }

  /// By name or by the letter that stands for it (RFC 3261, 7.3.3).
  private static func header(_ name: Bytes) -> Header {
    if name.count == 1, let letter = name.u8(0) {
      switch Bytes.lowercase(letter) {
      case 0x66: return .from
      case 0x74: return .to
      case 0x69: return .callID
      case 0x6d: return .contact
      case 0x76: return .via
      case 0x73: return .subject
      case 0x63: return .contentType
      case 0x6c: return .contentLength
      default: return .other
      }
    }
    if name.equals(lowercase: "from") { return .from }
    if name.equals(lowercase: "to") { return .to }
    if name.equals(lowercase: "via") { return .via }
    if name.equals(lowercase: "call-id") { return .callID }
    if name.equals(lowercase: "cseq") { return .cseq }
    if name.equals(lowercase: "contact") { return .contact }
    if name.equals(lowercase: "user-agent") { return .userAgent }
    if name.equals(lowercase: "server") { return .server }
    if name.equals(lowercase: "subject") { return .subject }
    if name.equals(lowercase: "content-type") { return .contentType }
    return name.equals(lowercase: "content-length") ? .contentLength : .other
  }

  private mutating func write(_ header: Header, _ value: Bytes, _ w: inout EventWriter) {
    switch header {
    case .from: put(&w, SIPFields.from, value)
    case .to: put(&w, SIPFields.to, value)
    case .contact: put(&w, SIPFields.contact, value)
    case .callID: put(&w, SIPFields.callID, value)
    case .cseq: put(&w, SIPFields.cseq, value)
    case .userAgent: put(&w, SIPFields.userAgent, value)
    case .server: put(&w, SIPFields.server, value)
    case .subject: if !d.settings.isHeaderOnly { put(&w, SIPFields.subject, value) }
    case .contentType:
      isSDP = value.starts(withLowercase: "application/sdp")
      put(&w, SIPFields.contentType, value)
    case .contentLength:
      guard let length = value.decimal, length < 1 << 31 else { return }
      contentLength = Int(length)
      w.integer(SIPFields.contentLength, length)
    case .via, .other: break
    }
  }

  private func writeVias(_ lines: inout SIPLines, _ w: inout EventWriter) {
    var count = 0
    var vias = 0
    w.beginArray(SIPFields.via)
    while let line = lines.next(), !line.isEmpty, count < Self.mostHeaders, vias < Self.mostVias {
      count &+= 1
      guard let (name, value) = Self.split(line), Self.header(name) == .via else { continue }
      // There is no user in a way's hosts (RFC 3261, section 20.42): what has one is no `Via`.
      guard value.firstIndex(of: 0x40) == nil else { continue }
      put(&w, SIPFields.via, value)
      vias &+= 1
    }
    w.end()
  }

  // MARK: SDP

  static var mostMedia: Int { 16 }

  /// RFC 8866, 5: what is offered, with the address and port of each medium.
  func writeSDP(_ body: Bytes, _ w: inout EventWriter) {
    guard !d.settings.isHeaderOnly, body.starts(with: "v=") else { return }
    w.beginObject(SIPFields.sdp)
    var lines = SIPLines(body)
    var address = Bytes.empty
    var seen: UInt8 = 0
    var media = lines
    while let line = lines.next(), !line.starts(with: "m=") {
      let value = line.dropFirst(2)
      if line.starts(with: "o="), seen & 1 == 0 {
        seen |= 1
        put(&w, SIPFields.origin, value)
      } else if line.starts(with: "s="), seen & 2 == 0 {
        seen |= 2
        put(&w, SIPFields.sessionName, value)
      } else if line.starts(with: "c="), seen & 4 == 0 {
        seen |= 4
        put(&w, SIPFields.connectionData, value)
        address = Self.address(value)
      }
      media = lines
    }
    // `media` stands at the first medium, if there is any.
    writeMedia(&media, address, &w)
    w.end()
  }

  private func writeMedia(
    _ lines: inout SIPLines, _ address: Bytes, _ w: inout EventWriter
  ) {
    var count = 0
    while let line = lines.next(), count < Self.mostMedia {
      guard line.starts(with: "m=") else { continue }
      if count == 0 { w.beginArray(SIPFields.mediaDescriptions) }
      count &+= 1
      let value = line.dropFirst(2)
      w.beginObject(SIPFields.mediaDescriptions)
      put(&w, SIPFields.media, value)
      // The medium's own address stands before the next one.
      var own = lines
      var place = address
      while let next = own.next(), !next.starts(with: "m=") {
        if next.starts(with: "c=") { place = Self.address(next.dropFirst(2)) }
      }
      if !place.isEmpty { w.string(SIPFields.mediaAddress, place) }
      if let port = Self.port(value) { w.integer(SIPFields.mediaPort, port) }
      w.end()
    }
    if count > 0 { w.end() }
  }

  /// `IN IP4 192.0.2.1/127` without what stands before and behind.
  private static func address(_ value: Bytes) -> Bytes {
    guard let first = value.firstIndex(of: 0x20),
      let second = value.firstIndex(of: 0x20, from: first &+ 1)
    else { return .empty }
    let address = value.dropFirst(second &+ 1).prefix(64)
    return address.prefix(address.firstIndex(of: 0x2f) ?? address.count).trimmed
  }

  /// `audio 49170 RTP/AVP 0`, and `49170/2` where there are several.
  private static func port(_ value: Bytes) -> UInt64? {
    guard let first = value.firstIndex(of: 0x20) else { return nil }
    let rest = value.dropFirst(first &+ 1)
    let word = rest.prefix(rest.firstIndex(of: 0x20) ?? rest.count)
    guard let port = word.prefix(word.firstIndex(of: 0x2f) ?? word.count).decimal,
      port <= 65_535
    else { return nil }
    return port
  }
}
