/// First lines: what is a request's, what a response's (RFC 9112, sections 3 and 4).
enum HTTPLine {
  /// The longest method that is taken for one.
  static var longestMethod: Int { 32 }
  /// Beyond so many bytes the line's end is not waited for, nor looked for where it is there: what is told
  /// does not depend on how many bytes came at once.
  private static var longestLook: Int { 512 }

  /// A method that is registered or widely used, followed by a space.
  static func hasKnownMethod(_ bytes: Bytes) -> Bool {
    switch bytes.u8(0) {
    case UInt8(ascii: "G"): bytes.starts(with: "GET ")
    case UInt8(ascii: "P"):
      bytes.starts(with: "POST ") || bytes.starts(with: "PUT ") || bytes.starts(with: "PATCH ")
        || bytes.starts(with: "PROPFIND ") || bytes.starts(with: "PROPPATCH ")
    case UInt8(ascii: "H"): bytes.starts(with: "HEAD ")
    case UInt8(ascii: "D"): bytes.starts(with: "DELETE ")
    case UInt8(ascii: "O"): bytes.starts(with: "OPTIONS ")
    case UInt8(ascii: "C"):
      bytes.starts(with: "CONNECT ") || bytes.starts(with: "COPY ")
        || bytes.starts(with: "CHECKOUT ")
    case UInt8(ascii: "T"): bytes.starts(with: "TRACE ")
    case UInt8(ascii: "M"):
      bytes.starts(with: "MKCOL ") || bytes.starts(with: "MOVE ") || bytes.starts(with: "MERGE ")
        || bytes.starts(with: "M-SEARCH ")
    case UInt8(ascii: "L"): bytes.starts(with: "LOCK ")
    case UInt8(ascii: "U"):
      bytes.starts(with: "UNLOCK ") || bytes.starts(with: "UNSUBSCRIBE ")
    case UInt8(ascii: "N"): bytes.starts(with: "NOTIFY ")
    case UInt8(ascii: "S"): bytes.starts(with: "SEARCH ") || bytes.starts(with: "SUBSCRIBE ")
    case UInt8(ascii: "R"): bytes.starts(with: "REPORT ") || bytes.starts(with: "RPC_")
    default: false
    }
  }

  /// A request's beginning that no other protocol has: nothing more is needed to tell it.
  static func isPlainly(_ bytes: Bytes) -> Bool {
    switch bytes.u8(0) {
    case UInt8(ascii: "G"): bytes.starts(with: "GET /")
    case UInt8(ascii: "P"): bytes.starts(with: "POST /") || bytes.starts(with: "PUT /")
    case UInt8(ascii: "H"): bytes.starts(with: "HEAD /")
    default: false
    }
  }

  /// The length of the method's token before a space; nil where there is none, -1 where it may be longer
  /// than these bytes.
  private static func method(_ bytes: Bytes) -> Int? {
    for i in 0..<min(bytes.count, longestMethod &+ 1) {
      let byte = bytes.base[i]
      if byte == 0x20 || byte == 0x09 { return i > 0 ? i : nil }
      let isToken =
        Bytes.lowercase(byte) &- 0x61 < 26 || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: "_") || byte &- 0x30 < 10
      if !isToken { return nil }
    }
    return bytes.count > longestMethod ? nil : -1
  }

  /// Whether a message that begins with these bytes is a request. `isSure`: it must be, by a whole first
  /// line; otherwise, where a request is what is waited for, it may be one from another world.
  static func request(_ bytes: Bytes, isSure: Bool) -> Probe {
    guard let method = method(bytes) else { return .no }
    if method < 0 { return .maybe }
    // HTTP/2's preface is not for here (RFC 9113, section 3.4).
    if bytes.starts(with: "PRI * HTTP/2.0") { return .no }
    guard let end = bytes.prefix(longestLook).firstIndex(of: UInt8(ascii: "\n")) else {
      if bytes.count < longestLook { return .maybe }
      return !isSure || hasKnownMethod(bytes) && hasPath(bytes, method) ? .yes : .no
    }
    let line = bytes.prefix(end).withoutCR
    if version(line) != nil { return .yes }
    if isSure { return hasPath(line, method) ? simple(line) : .no }
    // Another protocol's line of the same shape: RTSP/1.0, SIP/2.0.
    let last = line.suffix(8)
    if last.starts(with: "RTSP/") || line.suffix(7).starts(with: "SIP/") { return .no }
    return .yes
  }

  /// HTTP/0.9: `GET /path`; or a line that has the version in the wrong place.
  private static func simple(_ line: Bytes) -> Probe {
    let last = line.suffix(8)
    if last.starts(with: "RTSP/") || last.starts(with: "ICAP/") || !line.isPrintable { return .no }
    return hasKnownMethod(line) || line.firstIndex(of: "HTTP/1.") != nil ? .yes : .no
  }

  private static func hasPath(_ bytes: Bytes, _ method: Int) -> Bool {
    bytes.u8(method &+ 1) == UInt8(ascii: "/") || bytes.dropFirst(method &+ 1).starts(with: "http")
  }

  /// Where ` HTTP/…` stands at the end of a request line.
  static func version(_ line: Bytes) -> Int? {
    var end = line.count
    while end > 0, line.base[end &- 1] == 0x20 || line.base[end &- 1] == 0x09 { end &-= 1 }
    var start = end
    while start > 0, end &- start < 16, line.base[start &- 1] != 0x20, line.base[start &- 1] != 0x09
    {
      start &-= 1
    }
    guard start > 0, let version = line.slice(start, end &- start),
      version.starts(withLowercase: "http/"), version.count > 5
    else { return nil }
    return start
  }

  /// Whether a message that begins with these bytes is a response.
  static func response(_ bytes: Bytes) -> Probe {
    let known: StaticString = "HTTP/"
    if bytes.count <= known.utf8CodeUnitCount {
      if Bytes(known).prefix(bytes.count).equals(bytes) { return .maybe }
      return Bytes("ICY ").prefix(bytes.count).equals(bytes.prefix(4)) && bytes.count < 5
        ? .maybe : .no
    }
    if bytes.starts(with: known) {
      return bytes.u8(5).map { $0 &- 0x30 < 10 } == true ? .yes : .no
    }
    return bytes.starts(with: "ICY ") && bytes.u8(4).map { $0 &- 0x30 < 10 } == true ? .yes : .no
  }
}
