internal import FlowEngine
internal import Records

extension SMTPStream {
  /// One line of the server's.
  static func takeReplies(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    let reader = LineReader(d, s)
    if let progress = reader.before(bytes, mayBeTLS: true) {
      if case .change = progress.next { tellTLS(d, s) }
      return progress
    }
    guard let line = reader.line(bytes, limit: longestLine) else {
      return .needs(bytes.count &+ 1)
    }
    let text = line.text
    guard let code = text.prefix(3).decimal, text.count >= 3 else {
      return .consumed(line.length)
    }
    s.pointee.lastReply.set(mayRepeat(s, code) ? text.prefix(3) : text)
    // Of several lines the last one has no hyphen (RFC 5321, section 4.2.1).
    if text.u8(3) == 0x2d { return .consumed(line.length) }
    return reply(d, s, code, line.length)
  }

  /// A server asks in a login, and repeats what it does not understand: of such replies the code alone is
  /// kept, and of those to commands that were not seen here.
  private static func mayRepeat(_ s: UnsafeMutablePointer<State>, _ code: UInt64) -> Bool {
    switch s.pointee.queue.first {
    case .auth: code / 100 != 2
    case .other: code >= 400
    case nil: code >= 400 && s.pointee.has(Flags.greeted)
    // Not understood (RFC 5321, section 4.2.2), so it is not the answer to what was understood here.
    default: code == 500 || code == 502
    }
  }

  private static func reply(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ code: UInt64, _ length: Int
  ) -> Progress {
    if !s.pointee.has(Flags.greeted) {
      s.pointee.set(Flags.greeted)
      if !d.isMidstream && (code == 220 || code == 554) { return .consumed(length) }
    }
    // A login goes on: the client's next line belongs to it.
    if code == 334, s.pointee.queue.first == .auth {
      s.pointee.set(Flags.secretLine)
      return .consumed(length)
    }
    guard let command = s.pointee.queue.pop() else {
      // The message's end was in a hole, and here is the answer to it.
      if s.pointee.phase == .data, s.pointee.has(Flags.gap), code != 354 {
        endMail(d, s, isComplete: false)
        tell(d, s)
      }
      return .consumed(length)
    }
    switch command {
    case .data:
      if code / 100 != 3, s.pointee.phase == .data, !s.pointee.has(Flags.begun) {
        s.pointee.phase = .commands
        view(d, s).close()
      }
    case .endOfData, .lastChunk:
      if s.pointee.has(Flags.complete) { tell(d, s) }
    case .hello, .reset:
      // What was begun is given up (RFC 5321, section 4.1.4); a finished message waits for its reply.
      if code / 100 == 2, s.pointee.has(Flags.reset) { tell(d, s) }
      s.pointee.set(Flags.reset, false)
    case .startTLS:
      if code == 220 {
        tellTLS(d, s)
        return Progress(consumed: length, next: .change(.tls))
      }
    default: break
    }
    return .consumed(length)
  }

  /// The connection goes on in TLS.
  static func tellTLS(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    tell(d, s, isTLS: true)
  }
}
