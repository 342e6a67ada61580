internal import FlowEngine
internal import Records

// Between messages, and their heads.

extension HTTPExchange {
  func takeHead(_ bytes: Bytes) -> Progress {
    if !side.pointee.has(HTTPSide.Flags.lineSeen) {
      // RFC 9112, section 2.2: empty lines before a message are passed over.
      var start = 0
      while let byte = bytes.u8(start), byte == 0x0d || byte == 0x0a { start &+= 1 }
      if start > 0 { return consumed(start) }
      noteBegin()
      switch begins(bytes) {
      case .yes: break
      case .maybe: return .needs(bytes.count &+ 1)
      case .no: return unexpected(bytes)
      }
      guard let progress = takeFirstLine(bytes) else { return findEnd(bytes) }
      return progress
    }
    return findEnd(bytes)
  }

  private func begins(_ bytes: Bytes) -> Probe {
    isRequest ? HTTPLine.request(bytes, isSure: false) : HTTPLine.response(bytes)
  }

  /// nil where the first line is there and its fields come next.
  private func takeFirstLine(_ bytes: Bytes) -> Progress? {
    guard let end = bytes.firstIndex(of: 0x0a, from: Int(side.pointee.scanned)) else {
      if bytes.count >= HTTPHead.longest { return tooLong(bytes) }
      side.pointee.scanned = UInt16(clamping: bytes.count)
      return .needs(bytes.count &+ 1)
    }
    let line = bytes.prefix(end).withoutCR
    if isRequest && HTTPLine.version(line) == nil {
      // HTTP/0.9: the line is the request.
      if !HTTPLine.hasKnownMethod(line) { d.note(.appMalformed) }
      return takeRequest(bytes.prefix(end &+ 1), isSimple: true)
    }
    side.pointee.flags |= HTTPSide.Flags.lineSeen
    side.pointee.scanned = UInt16(clamping: end)
    return nil
  }

  /// The empty line behind the fields.
  private func findEnd(_ bytes: Bytes) -> Progress {
    // What is told does not depend on how many bytes came at once.
    if let end = bytes.prefix(HTTPHead.longest).endOfHead(from: Int(side.pointee.scanned)) {
      return takeMessage(bytes.prefix(end))
    }
    if bytes.count >= HTTPHead.longest { return tooLong(bytes) }
    // The last three bytes may be the beginning of its end.
    side.pointee.scanned = UInt16(clamping: bytes.count &- 3)
    return .needs(bytes.count &+ 1)
  }

  private func takeMessage(_ head: Bytes) -> Progress {
    isRequest ? takeRequest(head, isSimple: false) : takeResponse(head)
  }

  /// What there is of a head that does not end; where the next message begins has to be found.
  private func tooLong(_ bytes: Bytes) -> Progress {
    d.note(.appHeadersTooLong)
    let head = bytes.prefix(HTTPHead.longest)
    takePartial(head, at: side.pointee.mark)
    side.pointee.mark &+= UInt64(head.count)
    lose(atLineStart: false)
    return .consumed(head.count)
  }

  /// A head of which the rest is not to be had: the message ends with it.
  func takePartial(_ head: Bytes, at place: UInt64) {
    // Of a line that was cut nothing is known.
    let whole = head.prefix(lastLineEnd(head))
    if whole.isEmpty {
      if isRequest {
        beginRequest()
      } else {
        beginResponse(at: place)
      }
    } else if isRequest {
      readRequest(HTTPHead(request: whole, d), isSimple: false)
    } else {
      readResponse(HTTPHead(response: whole, d), at: place)
    }
    finish(isComplete: false)
  }

  /// A request's line that nothing follows, not even its own end: what was sent of it.
  func takeLastLine(_ line: Bytes) {
    readRequest(HTTPHead(request: line, d), isSimple: true)
    finish(isComplete: false)
  }

  private func lastLineEnd(_ bytes: Bytes) -> Int {
    var end = bytes.count
    while end > 0, bytes.base[end &- 1] != 0x0a { end &-= 1 }
    return end
  }

  /// Bytes that begin no message, where one should.
  private func unexpected(_ bytes: Bytes) -> Progress {
    if isRequest && bytes.starts(with: "PRI * HTTP/2.0") { return change(to: .http2, after: 0) }
    if !isRequest, let slot = next(), slot.pointee.has(HTTPSlot.Flags.isSimple) {
      // HTTP/0.9: all that comes is the body.
      beginResponse(at: side.pointee.mark)
      beginBody(.untilClose, .max)
      return takeBody(bytes)
    }
    d.note(.appMalformed)
    lose(atLineStart: false)
    return search(bytes)
  }

  // MARK: Requests

  private func takeRequest(_ bytes: Bytes, isSimple: Bool) -> Progress {
    let head = HTTPHead(request: bytes, d)
    readRequest(head, isSimple: isSimple)
    side.pointee.mark &+= UInt64(bytes.count)
    if head.isChunked {
      beginBody(.chunkSize, 0, head.encoding)
      if let type = head.contentType { beginForm(type) }
    } else if let length = head.length, length > 0 {
      beginBody(.fixed, length, head.encoding)
      if let type = head.contentType { beginForm(type) }
    } else {
      if head.contentLength != nil && head.length == nil { d.note(.appMalformed) }
      finish(isComplete: true)
      // What follows is the tunnel's, if there will be one.
      if head.first.equals("CONNECT") { side.pointee.phase = .held }
    }
    return .consumed(bytes.count)
  }

  private func readRequest(_ head: HTTPHead, isSimple: Bool) {
    let slot = beginRequest()
    if head.first.equals("HEAD") { slot.pointee.flags |= HTTPSlot.Flags.isHead }
    if head.first.equals("CONNECT") { slot.pointee.flags |= HTTPSlot.Flags.isConnect }
    if isSimple { slot.pointee.flags |= HTTPSlot.Flags.isSimple }
    writeRequest(head, slot)
  }

  /// A tunnel that was asked for: bytes wait until the answer says whether it is one.
  func takeHeld(_ bytes: Bytes) -> Progress {
    // The answer changes the protocol, or lets the phase go: see `takeResponse`.
    guard bytes.count < HTTPHead.longest else {
      side.pointee.phase = .head
      return takeHead(bytes)
    }
    return .needs(bytes.count &+ 1)
  }

  // MARK: Responses

  private func takeResponse(_ bytes: Bytes) -> Progress {
    let head = HTTPHead(response: bytes, d)
    let status = head.second.decimal ?? 0
    let began = side.pointee.mark
    side.pointee.mark &+= UInt64(bytes.count)
    if status >= 100 && status < 200 && status != 101 {
      writeInfo(head, status)
      side.pointee.flags &= ~HTTPSide.Flags.lineSeen
      side.pointee.scanned = 0
      return .consumed(bytes.count)
    }
    if status == 101 { writeInfo(head, status) }
    let slot = readResponse(head, at: began)
    let asked = slot.pointee.flags
    if status == 101 {
      let proto = upgraded(head)
      if proto == .http2 { HTTP2Handed.leave(slot, d) }
      finish(isComplete: true)
      return change(to: proto, after: bytes.count)
    }
    if asked & HTTPSlot.Flags.isConnect != 0 {
      // RFC 9110, section 9.3.6: any 2xx makes the connection a tunnel.
      if status >= 200 && status < 300 {
        finish(isComplete: true)
        return change(to: .unknown, after: bytes.count)
      }
      let request = HTTPExchange(d, state, isRequest: true)
      if request.side.pointee.phase == .held { request.side.pointee.phase = .head }
    }
    if asked & HTTPSlot.Flags.isHead != 0 || status == 204 || status == 304 {
      finish(isComplete: true)
    } else if head.isChunked {
      beginBody(.chunkSize, 0, head.encoding)
    } else if let length = head.length {
      if length > 0 {
        beginBody(.fixed, length, head.encoding)
      } else {
        finish(isComplete: true)
      }
    } else {
      if head.contentLength != nil { d.note(.appMalformed) }
      beginBody(.untilClose, .max, head.encoding)
    }
    return .consumed(bytes.count)
  }

  @discardableResult
  private func readResponse(
    _ head: HTTPHead, at place: UInt64
  ) -> UnsafeMutablePointer<HTTPSlot> {
    let slot = beginResponse(at: place)
    writeResponse(head, slot)
    return slot
  }

  private func upgraded(_ head: HTTPHead) -> AppProtocol {
    guard let name = head.upgrade else { return .unknown }
    if HTTPHead.contains(name, "websocket") { return .websocket }
    return HTTPHead.contains(name, "h2c") ? .http2 : .unknown
  }

  private func change(to proto: AppProtocol, after count: Int) -> Progress {
    Progress(consumed: count, next: .change(proto))
  }

  // MARK: Lost

  /// Where the next message begins is not known from here on.
  func lose(atLineStart: Bool) {
    side.pointee.phase = .lost
    side.pointee.left = Self.longestSearch
    side.pointee.flags = atLineStart ? HTTPSide.Flags.atLineStart : 0
    side.pointee.scanned = 0
  }

  /// Bytes of a direction in which the next message is looked for.
  static var longestSearch: UInt64 { 4 << 20 }

  /// A line that can only be the first of a message.
  func search(_ bytes: Bytes) -> Progress {
    var place = 0
    while true {
      let rest = bytes.dropFirst(place)
      if side.pointee.has(HTTPSide.Flags.atLineStart) {
        if rest.isEmpty { break }
        let found = isRequest ? HTTPLine.request(rest, isSure: true) : HTTPLine.response(rest)
        switch found {
        // What was lost may reach into this line.
        case .yes where isRequest && !HTTPLine.hasKnownMethod(rest): break
        case .yes:
          noteFound(at: side.pointee.mark &+ UInt64(place))
          side.pointee.phase = .head
          side.pointee.flags &= HTTPSide.Flags.begun
          side.pointee.scanned = 0
          if place == 0 { return takeHead(bytes) }
          return consumed(place)
        case .maybe where rest.count < Self.longestLine:
          noteBegin()
          side.pointee.mark &+= UInt64(place)
          return Progress(consumed: place, needs: rest.count &+ 1)
        default: break
        }
      }
      side.pointee.flags &= ~HTTPSide.Flags.begun
      if side.pointee.has(HTTPSide.Flags.mayLack) { lack(at: side.pointee.mark) }
      let end = rest.firstIndex(of: 0x0a)
      if let count = nextAnswer(behind: side.pointee.mark &+ UInt64(place)),
        count < end ?? rest.count, count > 0 || !side.pointee.has(HTTPSide.Flags.atLineStart)
      {
        side.pointee.flags |= HTTPSide.Flags.atLineStart
        place &+= count
        continue
      }
      guard let end else {
        side.pointee.flags &= ~HTTPSide.Flags.atLineStart
        place = bytes.count
        break
      }
      side.pointee.flags |= HTTPSide.Flags.atLineStart
      place &+= end &+ 1
    }
    side.pointee.left &-= min(side.pointee.left, UInt64(place))
    side.pointee.mark &+= UInt64(place)
    return side.pointee.left > 0 ? .consumed(place) : .directionDone(place)
  }

  /// The longest line that is waited for while searching.
  private static var longestLine: Int { 8192 }
}
