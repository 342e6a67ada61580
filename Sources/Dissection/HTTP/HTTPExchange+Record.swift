internal import FlowEngine
internal import Records

// The `http` record, as EVE has it, out of heads.

extension HTTPExchange {
  private var wantsHidden: Bool { d.core.pointee.settings.wantsHiddenRecords }

  // MARK: Request

  func writeRequest(_ head: HTTPHead, _ slot: UnsafeMutablePointer<HTTPSlot>) {
    var w = d.event()
    let isConnect = slot.pointee.has(HTTPSlot.Flags.isConnect)
    writeHost(&w, head, isConnect)
    if !head.second.isEmpty {
      // A method that is cut or not CONNECT's own may have an authority, too (RFC 9112, section 3.2.3).
      if isConnect || head.second.u8(0) != 0x2f && head.second.firstIndex(of: "//") == nil {
        d.redactedAuthority(&w, HTTPFields.url, head.second)
      } else {
        d.redacted(&w, HTTPFields.url, head.second)
      }
    }
    put(&w, HTTPFields.userAgent, head.userAgent)
    put(&w, HTTPFields.forwardedFor, head.forwardedFor)
    put(&w, HTTPFields.referrer, head.referrer)
    if !head.first.isEmpty { d.redacted(&w, HTTPFields.method, head.first) }
    if !head.third.isEmpty { d.redacted(&w, HTTPFields.protocolVersion, head.third) }
    put(&w, HTTPFields.trueClientIP, head.trueClientIP)
    put(&w, HTTPFields.originalSourceIP, head.originalSourceIP)
    put(&w, HTTPFields.blueCoatVia, head.blueCoatVia)
    put(&w, HTTPFields.forwardedProto, head.forwardedProto)
    put(&w, HTTPFields.origin, head.origin)
    put(&w, HTTPFields.via, head.via)
    put(&w, HTTPFields.upgrade, head.upgrade)
    if let type = head.contentType { put(&w, HTTPFields.requestContentType, mediaType(type)) }
    w.integer(HTTPFields.requestHeaderCount, UInt32(truncatingIfNeeded: head.count))
    if let authorization = head.authorization { writeUser(&w, authorization) }
    if head.hasCookies { writeCookies(&w, head) }
    if let disposition = head.contentDisposition {
      d.writeFilename(&w, HTTPFields.requestFilename, disposition)
    }
    if wantsHidden { writeZeekRequest(&w, head, slot) }
    d.keep(w, in: &slot.pointee.draft)
  }

  private func writeZeekRequest(
    _ w: inout EventWriter, _ head: HTTPHead, _ slot: UnsafeMutablePointer<HTTPSlot>
  ) {
    w.integer(HTTPFields.transactionDepth, state.pointee.depth)
    w.time(HTTPFields.requestTime, nanoseconds: slot.pointee.time)
    if let host = head.host { put(&w, HTTPFields.rawHost, withoutUser(host)) }
    guard head.hasProxyFields else { return }
    w.beginArray(HTTPFields.proxied)
    var cursor = HTTPHead.FieldCursor(head.fields)
    var count = 0
    while count < HTTPHead.mostFields, let (name, value) = cursor.next() {
      count &+= 1
      guard isProxyField(name), !d.isSecret(name: name), value.firstIndex(of: "=") == nil,
        value.firstIndex(of: "@") == nil, let string = w.beginString(HTTPFields.proxied)
      else { continue }
      w.piece(name)
      w.piece(Bytes(" -> "))
      w.piece(value)
      w.endString(string)
    }
    w.end()
  }

  private func isProxyField(_ name: Bytes) -> Bool {
    name.equals(lowercase: "via") || name.equals(lowercase: "x-forwarded-for")
      || name.equals(lowercase: "forwarded") || name.equals(lowercase: "x-forwarded-from")
      || name.equals(lowercase: "client-ip") || name.equals(lowercase: "proxy-connection")
      || name.equals(lowercase: "xroxy-connection")
  }

  /// `1.1` of `HTTP/1.1`.
  private func versionNumber(_ version: Bytes) -> Bytes? {
    version.starts(withLowercase: "http/") ? version.dropFirst(5) : nil
  }

  /// A field's value with secrets masked, if there is any.
  @inline(__always)
  private func put(_ w: inout EventWriter, _ field: EventField, _ value: Bytes?) {
    if let value { d.redacted(&w, field, value) }
  }

  private func mediaType(_ value: Bytes) -> Bytes {
    guard let end = value.firstIndex(of: UInt8(ascii: ";")) else { return value }
    return value.prefix(end)
  }

  // MARK: Host

  private func writeHost(_ w: inout EventWriter, _ head: HTTPHead, _ isConnect: Bool) {
    var authority = Bytes.empty
    if isConnect {
      authority = head.second
    } else if head.second.u8(0) != UInt8(ascii: "/"), let start = head.second.firstIndex(of: "://")
    {
      authority = head.second.dropFirst(start &+ 3)
      if let end = authority.firstIndex(of: UInt8(ascii: "/")) { authority = authority.prefix(end) }
      if let end = authority.firstIndex(of: UInt8(ascii: "?")) { authority = authority.prefix(end) }
    }
    if authority.isEmpty { authority = head.host ?? .empty }
    authority = withoutUser(authority)
    guard !authority.isEmpty else { return }
    var host = authority
    // Behind the bracket of an IPv6 address, if it is one.
    let bracket =
      authority.u8(0) == UInt8(ascii: "[") ? authority.firstIndex(of: UInt8(ascii: "]")) : 0
    if let bracket, let colon = authority.firstIndex(of: UInt8(ascii: ":"), from: bracket),
      let port = authority.dropFirst(colon &+ 1).decimal, port <= 65_535
    {
      host = authority.prefix(colon)
      w.integer(HTTPFields.port, port)
    }
    w.lowercase(HTTPFields.hostname, host)
  }

  /// Without `user:password@`.
  private func withoutUser(_ authority: Bytes) -> Bytes {
    var start = authority.count
    while start > 0, authority.base[start &- 1] != UInt8(ascii: "@") { start &-= 1 }
    return authority.dropFirst(start)
  }

  // MARK: Names, never values

  /// The user of basic authorization (RFC 7617): what stands before the colon, and nothing behind it is
  /// ever decoded. Where nothing stands there the user himself is a key.
  private func writeUser(_ w: inout EventWriter, _ authorization: Bytes) {
    guard authorization.starts(withLowercase: "basic ") else { return }
    let text = authorization.dropFirst(6).trimmed
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.longestUser) { buffer in
      guard let base = buffer.baseAddress else { return }
      let count = Self.user(text, into: base)
      if count >= 0 { w.string(HTTPFields.username, Bytes(base, count)) }
    }
  }

  private static let longestUser = 256

  /// What stands in front of the colon in `user:password`, which is base64 (RFC 7617, section 2): how many
  /// bytes; -1 where there is no colon, no password, or more than ``longestUser`` bytes.
  private static func user(_ text: Bytes, into base: UnsafeMutablePointer<UInt8>) -> Int {
    var (count, bits, bitCount) = (0, UInt32(0), 0)
    for i in 0..<text.count {
      guard let value = base64(text.base[i]) else { return -1 }
      bits = bits << 6 | value
      bitCount &+= 6
      guard bitCount >= 8 else { continue }
      bitCount &-= 8
      let byte = UInt8(truncatingIfNeeded: bits >> UInt32(bitCount))
      if byte == UInt8(ascii: ":") { return hasMore(text.dropFirst(i &+ 1), bitCount) ? count : -1 }
      guard count < longestUser else { return -1 }
      base[count] = byte
      count &+= 1
    }
    return -1
  }

  /// Whether so many bits and what follows make another byte.
  private static func hasMore(_ text: Bytes, _ bits: Int) -> Bool {
    var count = 0
    while count < 2, let byte = text.u8(count), base64(byte) != nil { count &+= 1 }
    return bits &+ 6 &* count >= 8
  }

  private static func base64(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5a: UInt32(byte &- 0x41)
    case 0x61...0x7a: UInt32(byte &- 0x61) &+ 26
    case 0x30...0x39: UInt32(byte &- 0x30) &+ 52
    case 0x2b, 0x2d: 62
    case 0x2f, 0x5f: 63
    default: nil
    }
  }

  private static var mostCookies: Int { 32 }
  private static var longestCookieName: Int { 128 }

  private func writeCookies(_ w: inout EventWriter, _ head: HTTPHead) {
    w.beginArray(isRequest ? HTTPFields.cookieNames : HTTPFields.setCookieNames)
    var cursor = HTTPHead.FieldCursor(head.fields)
    var (fields, count) = (0, 0)
    while fields < HTTPHead.mostFields, let (name, value) = cursor.next() {
      fields &+= 1
      if isRequest && name.equals(lowercase: "cookie") {
        var rest = value
        while !rest.isEmpty, count < Self.mostCookies {
          let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.count
          count &+= writeCookie(&w, HTTPFields.cookieNames, rest.prefix(end))
          rest = rest.dropFirst(end &+ 1)
        }
      } else if !isRequest && name.equals(lowercase: "set-cookie"), count < Self.mostCookies {
        count &+= writeCookie(&w, HTTPFields.setCookieNames, value)
      }
    }
    w.end()
  }

  private func writeCookie(_ w: inout EventWriter, _ field: EventField, _ cookie: Bytes) -> Int {
    // What has no name is a value.
    guard let equals = cookie.firstIndex(of: UInt8(ascii: "=")) else { return 0 }
    let name = HTTPHead.trimmed(cookie.prefix(equals))
    if name.isEmpty || name.count > Self.longestCookieName { return 0 }
    // So is what ends in the padding of base64.
    let value = cookie.dropFirst(equals &+ 1).trimmed
    if name.count >= 12, value.isEmpty || value.equals("=") { return 0 }
    w.string(field, name)
    return 1
  }

  // MARK: Response

  func writeResponse(_ head: HTTPHead, _ slot: UnsafeMutablePointer<HTTPSlot>) {
    var w = d.event()
    if let type = head.contentType { put(&w, HTTPFields.contentType, mediaType(type)) }
    if let range = head.contentRange { writeRange(&w, range) }
    if let status = head.second.decimal, status <= 999 {
      w.integer(HTTPFields.status, status)
    } else if !head.second.isEmpty {
      put(&w, HTTPFields.statusString, head.second)
    }
    put(&w, HTTPFields.redirect, head.location)
    put(&w, HTTPFields.server, head.server)
    put(&w, HTTPFields.contentEncoding, head.contentEncoding)
    w.integer(HTTPFields.responseHeaderCount, UInt32(truncatingIfNeeded: head.count))
    if head.hasCookies { writeCookies(&w, head) }
    if let disposition = head.contentDisposition {
      d.writeFilename(&w, HTTPFields.responseFilename, disposition)
    }
    if slot.pointee.has(HTTPSlot.Flags.hasRequest) && d.time >= slot.pointee.time {
      w.seconds(HTTPFields.latency, nanoseconds: d.time &- slot.pointee.time)
    }
    if wantsHidden {
      put(&w, HTTPFields.statusMessage, head.third)
      put(&w, HTTPFields.zeekVersion, versionNumber(head.first))
      if !slot.pointee.has(HTTPSlot.Flags.hasRequest) {
        w.integer(HTTPFields.transactionDepth, state.pointee.depth)
        w.time(HTTPFields.requestTime, nanoseconds: d.time)
      }
    }
    d.keep(w, in: &slot.pointee.draft)
  }

  /// `bytes 0-99/200` (RFC 9110, section 14.4)
  private func writeRange(_ w: inout EventWriter, _ value: Bytes) {
    w.beginObject(HTTPFields.contentRange)
    put(&w, HTTPFields.rangeRaw, value)
    if value.starts(withLowercase: "bytes ") {
      let rest = value.dropFirst(6).trimmed
      let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
      let range = rest.prefix(slash)
      if let dash = range.firstIndex(of: UInt8(ascii: "-")) {
        if let start = range.prefix(dash).decimal { w.integer(HTTPFields.rangeStart, start) }
        if let end = range.dropFirst(dash &+ 1).decimal { w.integer(HTTPFields.rangeEnd, end) }
      }
      if let size = rest.dropFirst(slash &+ 1).decimal { w.integer(HTTPFields.rangeSize, size) }
    }
    w.end()
  }

  /// A 1xx answer: the first of a transaction is kept, for Zeek.
  func writeInfo(_ head: HTTPHead, _ status: UInt64) {
    guard wantsHidden, let slot = next(), !slot.pointee.has(HTTPSlot.Flags.hasInfo) else { return }
    slot.pointee.flags |= HTTPSlot.Flags.hasInfo
    var w = d.event()
    w.integer(HTTPFields.infoCode, status)
    put(&w, HTTPFields.infoMessage, head.third)
    d.keep(w, in: &slot.pointee.draft)
  }

  // MARK: The end

  func writeRequestBody(_ slot: UnsafeMutablePointer<HTTPSlot>) {
    var w = d.event()
    w.integer(HTTPFields.requestBodyLength, side.pointee.body)
    if side.pointee.magic != .unknown {
      w.text(HTTPFields.requestMIMEType, side.pointee.magic.mimeType)
    }
    d.keep(w, in: &slot.pointee.draft)
  }

  /// Makes the record of a transaction.
  func emit(_ slot: UnsafeMutablePointer<HTTPSlot>) {
    // Neither request nor response was seen, only holes where they were.
    if slot.pointee.draft.isEmpty { return }
    var w = d.event()
    w.integer(HTTPFields.length, slot.pointee.responseLength)
    if slot.pointee.has(HTTPSlot.Flags.hasResponse) {
      w.integer(HTTPFields.responseBodyLength, slot.pointee.responseBody)
      if slot.pointee.magic != .unknown {
        w.text(HTTPFields.responseMIMEType, slot.pointee.magic.mimeType)
      }
    }
    if slot.pointee.has(HTTPSlot.Flags.incomplete) {
      w.boolean(HTTPFields.incomplete, true)
      if slot.pointee.missing > 0 { w.integer(HTTPFields.missingBytes, slot.pointee.missing) }
    }
    d.emit(
      .http, &slot.pointee.draft, w, toServer: state.pointee.roles != .swapped,
      transaction: slot.pointee.number)
  }
}
