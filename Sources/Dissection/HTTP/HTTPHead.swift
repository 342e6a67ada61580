internal import FlowEngine

/// A message's head: its first line in three parts, and those of its fields that somebody asks for (RFC
/// 9112, sections 2 to 5). Nothing is copied; of a field that comes several times the first counts,
/// of Transfer-Encoding the last.
struct HTTPHead: BitwiseCopyable {
  /// Method, target, version; or version, status, reason.
  var first = Bytes.empty
  var second = Bytes.empty
  var third = Bytes.empty
  /// Lines behind the first, with their ends.
  var fields = Bytes.empty
  var count = 0

  var host: Bytes?
  var userAgent: Bytes?
  var forwardedFor: Bytes?
  var forwardedProto: Bytes?
  var referrer: Bytes?
  var contentType: Bytes?
  var contentRange: Bytes?
  var contentLength: Bytes?
  var contentEncoding: Bytes?
  var contentDisposition: Bytes?
  var transferEncoding: Bytes?
  var location: Bytes?
  var trueClientIP: Bytes?
  var originalSourceIP: Bytes?
  var blueCoatVia: Bytes?
  var origin: Bytes?
  var via: Bytes?
  var server: Bytes?
  var upgrade: Bytes?
  var authorization: Bytes?
  var hasCookies = false
  var hasProxyFields = false
  /// Two Content-Length fields that differ.
  var lengthsDiffer = false

  /// Fields of a message that are looked at.
  static var mostFields: Int { 512 }
  /// The longest head.
  static var longest: Int { 32 << 10 }

  /// The bytes of a whole head, up to and with its empty line, or as much of it as there is.
  init(request bytes: Bytes, _ d: Delivery) {
    let line = split(bytes)
    // RFC 9112, section 3: one space; what there is more of is passed over.
    let start = firstSpace(line) ?? line.count
    first = line.prefix(start)
    let rest = line.dropFirst(start)
    if let version = HTTPLine.version(line), version > start {
      second = rest.prefix(version &- start).trimmed
      third = line.dropFirst(version).trimmed
    } else {
      second = rest.trimmed
    }
    readFields(d)
  }

  init(response bytes: Bytes, _ d: Delivery) {
    let line = split(bytes)
    let start = firstSpace(line) ?? line.count
    first = line.prefix(start)
    let rest = line.dropFirst(start).trimmed
    let end = firstSpace(rest) ?? rest.count
    second = rest.prefix(end)
    third = rest.dropFirst(end).trimmed
    readFields(d)
  }

  private func firstSpace(_ line: Bytes) -> Int? {
    for i in 0..<line.count where line.base[i] == 0x20 || line.base[i] == 0x09 { return i }
    return nil
  }

  private mutating func split(_ bytes: Bytes) -> Bytes {
    let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    fields = bytes.dropFirst(end &+ 1)
    return bytes.prefix(end).withoutCR
  }

  // MARK: Fields

  /// One field at a time; a line that begins with a space goes on with the one before.
  struct FieldCursor {
    private(set) var rest: Bytes

    init(_ fields: Bytes) { rest = fields }

    /// The next field: its name, and its value without space around it. nil at the end.
    mutating func next() -> (name: Bytes, value: Bytes)? {
      guard !rest.isEmpty else { return nil }
      var end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.count
      while let byte = rest.u8(end &+ 1), byte == 0x20 || byte == 0x09 {
        end = rest.firstIndex(of: UInt8(ascii: "\n"), from: end &+ 1) ?? rest.count
      }
      let line = rest.prefix(end)
      rest = rest.dropFirst(end &+ 1)
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return (line, .empty) }
      return (line.prefix(colon).trimmed, HTTPHead.trimmed(line.dropFirst(colon &+ 1)))
    }
  }

  /// Without spaces, tabs, CR and LF on either side.
  static func trimmed(_ bytes: Bytes) -> Bytes {
    var (from, to) = (0, bytes.count)
    while from < to, isSpace(bytes.base[from]) { from &+= 1 }
    while to > from, isSpace(bytes.base[to &- 1]) { to &-= 1 }
    return bytes.dropFirst(from).prefix(to &- from)
  }

  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a
  }

  private mutating func readFields(_ d: Delivery) {
    var cursor = FieldCursor(fields)
    while count < Self.mostFields, let (name, value) = cursor.next() {
      if name.isEmpty || name.u8(0) == 0x0d { continue }
      count &+= 1
      take(name, value, d)
    }
    if !cursor.rest.isEmpty && count == Self.mostFields { d.note(.appHeadersTooLong) }
  }

  private mutating func take(_ name: Bytes, _ value: Bytes, _ d: Delivery) {
    // By length first: most names are none of these, and are told by one comparison.
    switch name.count {
    case 3:
      if name.equals(lowercase: "via") {
        set(&via, name, value, d)
        hasProxyFields = true
      }
    case 4: if name.equals(lowercase: "host") { set(&host, name, value, d) }
    case 6:
      if name.equals(lowercase: "server") {
        set(&server, name, value, d)
      } else if name.equals(lowercase: "origin") {
        set(&origin, name, value, d)
      } else if name.equals(lowercase: "cookie") {
        hasCookies = true
      }
    case 7:
      if name.equals(lowercase: "referer") {
        set(&referrer, name, value, d)
      } else if name.equals(lowercase: "upgrade") {
        set(&upgrade, name, value, d)
      }
    case 8: if name.equals(lowercase: "location") { set(&location, name, value, d) }
    case 9: if name.equals(lowercase: "forwarded") { hasProxyFields = true }
    case 10:
      if name.equals(lowercase: "user-agent") {
        set(&userAgent, name, value, d)
      } else if name.equals(lowercase: "set-cookie") {
        hasCookies = true
      } else if name.equals(lowercase: "org-src-ip") {
        set(&originalSourceIP, name, value, d)
      }
    case 12: if name.equals(lowercase: "content-type") { set(&contentType, name, value, d) }
    case 13:
      if name.equals(lowercase: "content-range") {
        set(&contentRange, name, value, d)
      } else if name.equals(lowercase: "authorization"), authorization == nil {
        authorization = value
      }
    case 14:
      if name.equals(lowercase: "content-length") {
        if let known = contentLength, !known.equals(value) { lengthsDiffer = true }
        if contentLength == nil { contentLength = value }
      } else if name.equals(lowercase: "true-client-ip") {
        set(&trueClientIP, name, value, d)
      } else if name.equals(lowercase: "x-bluecoat-via") {
        set(&blueCoatVia, name, value, d)
      }
    case 15:
      if name.equals(lowercase: "x-forwarded-for") {
        set(&forwardedFor, name, value, d)
        hasProxyFields = true
      }
    case 16:
      if name.equals(lowercase: "content-encoding") {
        set(&contentEncoding, name, value, d)
      } else if name.equals(lowercase: "x-forwarded-from")
        || name.equals(lowercase: "proxy-connection")
      {
        hasProxyFields = true
      }
    case 17:
      if name.equals(lowercase: "transfer-encoding") {
        transferEncoding = value
      } else if name.equals(lowercase: "x-forwarded-proto") {
        set(&forwardedProto, name, value, d)
      }
    case 19:
      if name.equals(lowercase: "content-disposition") {
        set(&contentDisposition, name, value, d)
      }
    default: break
    }
  }

  /// The first of a name; masked where the name is listed.
  @inline(__always)
  private func set(_ field: inout Bytes?, _ name: Bytes, _ value: Bytes, _ d: Delivery) {
    if field == nil { field = d.isSecret(name: name) ? Bytes(Redactor.mask) : value }
  }

  // MARK: Meanings

  /// Bytes that a body is said to have; nil where nothing that can be true is said.
  var length: UInt64? {
    guard let contentLength, !lengthsDiffer else { return nil }
    return contentLength.decimal
  }

  /// RFC 9112, section 6.3: chunked is what comes last.
  var isChunked: Bool { transferCodings.last?.equals(lowercase: "chunked") == true }

  /// How the body is encoded: by itself, or for its way (RFC 9112, section 7).
  var encoding: Bytes? {
    if let contentEncoding { return contentEncoding }
    return isChunked ? transferCodings.others : nil
  }

  /// Transfer-Encoding's last word, and what stands before it.
  private var transferCodings: (others: Bytes?, last: Bytes?) {
    guard let transferEncoding else { return (nil, nil) }
    var start = transferEncoding.count
    while start > 0, transferEncoding.base[start &- 1] != UInt8(ascii: ",") { start &-= 1 }
    let last = transferEncoding.dropFirst(start).trimmed
    return (start > 0 ? transferEncoding.prefix(start &- 1).trimmed : nil, last)
  }

  /// A value has a word in it; ASCII letters are the same in either case, `word` is in lower case.
  static func contains(_ bytes: Bytes, _ word: StaticString) -> Bool {
    var place = 0
    while place &+ word.utf8CodeUnitCount <= bytes.count {
      if bytes.dropFirst(place).starts(withLowercase: word) { return true }
      place &+= 1
    }
    return false
  }
}
