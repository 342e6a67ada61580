internal import FlowEngine
internal import Records

/// A header block's fields as EVE has them: a list of all, and what everybody asks for beside it.
struct HTTP2FieldList {
  private let d: Delivery
  private let isRequest: Bool
  private var list: EventWriter
  /// The list is written in one go: what stands beside it is written elsewhere in the meantime.
  private var common: EventWriter
  private(set) var hasUnknown = false
  private(set) var status: UInt64 = 0
  /// Of `content-length`, `content-encoding`.
  private(set) var length: UInt64?
  private(set) var coding = HTTPCoding.none
  /// A bit for each field beside the list that has been written: a second one is in the list alone.
  private var written: UInt16 = 0
  private var count: UInt32 = 0

  init(_ d: Delivery, isRequest: Bool, common: UnsafeMutableRawPointer, capacity: Int) {
    self.d = d
    self.isRequest = isRequest
    list = d.event()
    self.common = EventWriter(common, capacity: capacity)
    list.beginArray(isRequest ? HTTP2Fields.requestHeaders : HTTP2Fields.responseHeaders)
  }

  mutating func add(_ item: HTTP2HeaderBlock.Item) {
    let field = isRequest ? HTTP2Fields.requestHeaders : HTTP2Fields.responseHeaders
    switch item {
    case .unknown: hasUnknown = true
    case .resize(let size):
      list.beginObject(field)
      list.integer(HTTP2Fields.tableSizeUpdate, size)
      list.end()
    case .field(let name, let value):
      count &+= 1
      list.beginObject(field)
      d.redacted(&list, HTTP2Fields.name, name)
      let isSecret = Self.isSecret(name) || d.isSecret(name: name)
      if isSecret {
        list.text(HTTP2Fields.value, Redactor.mask)
      } else if name.equals(":authority") || name.equals(lowercase: "host") {
        d.redactedAuthority(&list, HTTP2Fields.value, value)
      } else {
        d.redacted(&list, HTTP2Fields.value, value)
      }
      list.end()
      if !isSecret { note(name, value) }
    }
  }

  /// Values that let somebody in, or tell who does: all fields are shown here, whatever applications call
  /// theirs.
  private static func isSecret(_ name: Bytes) -> Bool {
    if name.u8(0) == 0x3a { return false }
    for place in 0..<name.count {
      let rest = name.dropFirst(place)
      let isFound: Bool
      switch Bytes.lowercase(name.base[place]) {
      case UInt8(ascii: "a"):
        isFound =
          rest.starts(withLowercase: "auth") || rest.starts(withLowercase: "api-key")
          || rest.starts(withLowercase: "apikey")
      case UInt8(ascii: "c"):
        isFound =
          rest.starts(withLowercase: "cookie") || rest.starts(withLowercase: "credential")
      case UInt8(ascii: "p"): isFound = rest.starts(withLowercase: "passw")
      case UInt8(ascii: "s"):
        isFound =
          rest.starts(withLowercase: "secret") || rest.starts(withLowercase: "session")
          || rest.starts(withLowercase: "signature")
      case UInt8(ascii: "t"): isFound = rest.starts(withLowercase: "token")
      case UInt8(ascii: "-"): isFound = rest.equals(lowercase: "-key")
      default: isFound = false
      }
      if isFound { return true }
    }
    return false
  }

  private mutating func note(_ name: Bytes, _ value: Bytes) {
    guard let first = name.u8(0) else { return }
    if first == 0x3a { return notePseudo(name, value) }
    if name.equals(lowercase: "content-length") {
      length = value.decimal ?? length
    } else if name.equals(lowercase: "content-encoding") {
      guard isFirst(Written.encoding) else { return }
      coding = HTTPCoding(value)
      if !isRequest { d.redacted(&common, HTTPFields.contentEncoding, value) }
    } else if name.equals(lowercase: "content-disposition") {
      guard isFirst(Written.disposition) else { return }
      d.writeFilename(
        &common, isRequest ? HTTPFields.requestFilename : HTTPFields.responseFilename, value)
    } else if isRequest {
      noteRequest(name, value)
    } else {
      noteResponse(name, value)
    }
  }

  private enum Written {
    static var status: UInt16 { 1 << 0 }
    static var method: UInt16 { 1 << 1 }
    static var path: UInt16 { 1 << 2 }
    static var host: UInt16 { 1 << 3 }
    static var userAgent: UInt16 { 1 << 4 }
    static var referrer: UInt16 { 1 << 5 }
    static var forwardedFor: UInt16 { 1 << 6 }
    static var contentType: UInt16 { 1 << 7 }
    static var origin: UInt16 { 1 << 8 }
    static var via: UInt16 { 1 << 9 }
    static var server: UInt16 { 1 << 10 }
    static var redirect: UInt16 { 1 << 11 }
    static var encoding: UInt16 { 1 << 12 }
    static var disposition: UInt16 { 1 << 13 }
  }

  private mutating func isFirst(_ field: UInt16) -> Bool {
    if written & field != 0 { return false }
    written |= field
    return true
  }

  /// Section 8.3.
  private mutating func notePseudo(_ name: Bytes, _ value: Bytes) {
    if name.equals(":status") {
      guard let number = value.decimal, !isRequest, isFirst(Written.status) else { return }
      status = number
      common.integer(HTTPFields.status, number)
    } else if !isRequest {
      return
    } else if name.equals(":method") {
      if isFirst(Written.method) { d.redacted(&common, HTTPFields.method, value) }
    } else if name.equals(":path") {
      if isFirst(Written.path) { d.redacted(&common, HTTPFields.url, value) }
    } else if name.equals(":authority") {
      noteHost(value)
    }
  }

  /// The host alone: the port is a field of its own.
  private mutating func noteHost(_ value: Bytes) {
    if value.isEmpty || !isFirst(Written.host) { return }
    // RFC 9113, section 8.3.1: there must be no user in it.
    var value = value
    while let at = value.firstIndex(of: 0x40) { value = value.dropFirst(at &+ 1) }
    var host = value
    if let colon = value.firstIndex(of: 0x3a), value.u8(0) != 0x5b,
      let port = value.dropFirst(colon &+ 1).decimal, port <= 65_535
    {
      host = value.prefix(colon)
      common.integer(HTTPFields.port, port)
    }
    common.lowercase(HTTPFields.hostname, host)
  }

  private mutating func noteRequest(_ name: Bytes, _ value: Bytes) {
    if name.equals(lowercase: "user-agent") {
      if isFirst(Written.userAgent) { d.redacted(&common, HTTPFields.userAgent, value) }
    } else if name.equals(lowercase: "host") {
      noteHost(value)
    } else if name.equals(lowercase: "referer") {
      if isFirst(Written.referrer) { d.redacted(&common, HTTPFields.referrer, value) }
    } else if name.equals(lowercase: "x-forwarded-for") {
      if isFirst(Written.forwardedFor) { d.redacted(&common, HTTPFields.forwardedFor, value) }
    } else if name.equals(lowercase: "content-type") {
      guard isFirst(Written.contentType) else { return }
      d.redacted(&common, HTTPFields.requestContentType, Self.withoutParameters(value))
    } else if name.equals(lowercase: "origin") {
      if isFirst(Written.origin) { d.redacted(&common, HTTPFields.origin, value) }
    } else if name.equals(lowercase: "via") {
      if isFirst(Written.via) { d.redacted(&common, HTTPFields.via, value) }
    }
  }

  private mutating func noteResponse(_ name: Bytes, _ value: Bytes) {
    if name.equals(lowercase: "content-type") {
      guard isFirst(Written.contentType) else { return }
      d.redacted(&common, HTTPFields.contentType, Self.withoutParameters(value))
    } else if name.equals(lowercase: "server") {
      if isFirst(Written.server) { d.redacted(&common, HTTPFields.server, value) }
    } else if name.equals(lowercase: "location") {
      if isFirst(Written.redirect) { d.redacted(&common, HTTPFields.redirect, value) }
    }
  }

  private static func withoutParameters(_ value: Bytes) -> Bytes {
    guard let end = value.firstIndex(of: 0x3b) else { return value }
    return value.prefix(end).trimmed
  }

  /// Puts all of it into a draft.
  mutating func finish(_ draft: inout EventDraft) {
    list.end()
    d.keep(list, in: &draft)
    common.integer(
      isRequest ? HTTPFields.requestHeaderCount : HTTPFields.responseHeaderCount, count)
    d.keep(common, in: &draft)
  }
}
