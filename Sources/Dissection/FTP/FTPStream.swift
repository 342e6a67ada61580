internal import FlowEngine
internal import Records

/// FTP's control connection (RFC 959, RFC 2428, RFC 4217): a record for the greeting and for each command
/// with its reply.
enum FTPStream: StreamDissector {
  typealias State = FTPState
  typealias Flags = FTPState.Flags

  /// As long as Suricata's default for `ftp` lines.
  static let longestLine = 4096

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    context.isToServer ? probeClient(bytes, context) : probeServer(bytes, context)
  }

  private static func probeClient(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    // The commands with which a client begins; USER is POP3's, too, and tells nothing alone.
    let known = context.serverPort == 21
    guard let end = bytes.prefix(512).firstIndex(of: 0x0a) else {
      guard bytes.count < 512 else { return .no }
      for place in 0..<min(bytes.count, 4) {
        guard let byte = bytes.u8(place) else { return .no }
        // Behind three letters the word may be over.
        let isEnd = place == 3 && (byte == 0x20 || byte == 0x0d)
        if !isEnd && Bytes.lowercase(byte) &- 0x61 >= 26 { return .no }
      }
      if known { return .maybe }
      return bytes.isPrefix(lowercase: "auth tls") || bytes.isPrefix(lowercase: "auth ssl")
        || bytes.starts(withLowercase: "auth tls") || bytes.starts(withLowercase: "auth ssl")
        ? .maybe : .no
    }
    let line = bytes.prefix(end).withoutCR
    if line.equals(lowercase: "auth tls") || line.equals(lowercase: "auth ssl") { return .yes }
    guard known else { return .no }
    let (word, _) = TextLine.split(line)
    return isCommand(word) ? .yes : .no
  }

  private static func probeServer(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let known = context.serverPort == 21
    guard bytes.count >= 4 else {
      return bytes.isPrefix(of: "220") || known && isCode(bytes) ? .maybe : .no
    }
    guard isCode(bytes.prefix(3)), bytes.u8(3) == 0x20 || bytes.u8(3) == 0x2d else { return .no }
    guard bytes.starts(with: "220") else { return known ? .yes : .no }
    guard let end = bytes.prefix(1024).firstIndex(of: 0x0a) else {
      return bytes.count < 1024 ? .maybe : .no
    }
    let line = bytes.prefix(end)
    if line.contains(lowercase: "smtp") { return .no }
    if line.contains(lowercase: "ftp") { return .yes }
    return known ? .yes : .maybe
  }

  /// The beginning of a reply's three digits, the first of which is 1 to 5 (RFC 959, section 4.2).
  private static func isCode(_ bytes: Bytes) -> Bool {
    for place in 0..<bytes.count {
      guard let digit = bytes.u8(place), digit &- 0x30 < 10 else { return false }
    }
    return bytes.u8(0).map { $0 &- 0x31 < 5 } == true
  }

  // MARK: Bytes

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    let reader = LineReader(d, state)
    if let progress = reader.before(bytes, mayBeTLS: state.pointee.has(Flags.asksTLS)) {
      return progress
    }
    guard let line = reader.line(bytes, limit: longestLine) else {
      return .needs(bytes.count &+ 1)
    }
    if d.isToServer {
      takeCommand(d, state, line)
      return .consumed(line.length)
    }
    return takeReply(d, state, line)
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    // Which reply is whose nobody knows any more.
    flush(d, state)
    state.pointee.set(Flags.greeted)
    LineReader(d, state).loseLine()
    return .resume
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    guard let line = LineReader(d, state).last(rest) else { return }
    if d.isToServer {
      takeCommand(d, state, line)
    } else {
      _ = takeReply(d, state, line)
    }
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    flush(d, state)
  }
}
