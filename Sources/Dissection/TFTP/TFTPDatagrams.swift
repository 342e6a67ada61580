internal import FlowEngine
internal import Records

/// Requests to read or write a file (RFC 1350, section 5). What is transferred goes to and from another port of
/// the server, and is another flow: ``TFTPTransfer``.
enum TFTPDatagrams: DatagramDissector {
  typealias State = TFTPTransfer

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let request = TFTPRequest(bytes), request.isKnownMode else { return .no }
    if context.serverPort == 69 { return .yes }
    return !request.file.isEmpty && request.file.isPrintable ? .yes : .no
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    let view = TFTPView(d: d, t: state)
    guard let opcode = bytes.be16(0), opcode == 1 || opcode == 2 else {
      return view.take(bytes, missing)
    }
    guard view.isSettled else { return .lost }
    view.finish()
    state.pointee = TFTPTransfer()
    guard let request = TFTPRequest(bytes) else {
      d.note(.appMalformed)
      return .idle
    }
    var w = d.event()
    w.text(TFTPFields.packet, opcode == 1 ? "read" : "write")
    if !d.settings.isHeaderOnly { w.string(TFTPFields.file, request.file) }
    w.string(TFTPFields.mode, request.mode)
    options(&w, request.options)
    d.emit(.tftp, w, transaction: d.nextTransaction())
    d.core.pointee.announcements.announce(
      d.isToServer ? d.clientAddress : d.serverAddress,
      d.isToServer ? d.clientPort : d.serverPort, d.key, now: d.time,
      purpose: TFTPTransfer.Purpose.value(request, isWritten: opcode == 2), name: request.file)
    return .idle
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    TFTPView(d: d, t: state).finish()
  }

  /// Name and value of each (RFC 2347); there are no more than these four.
  private static func options(_ w: inout EventWriter, _ bytes: Bytes) {
    var rest = bytes
    for _ in 0..<8 {
      guard let (name, behind) = TFTPRequest.text(rest),
        let (value, next) = TFTPRequest.text(behind)
      else { return }
      rest = next
      guard let number = value.decimal else { continue }
      if name.equals(lowercase: "blksize") { w.integer(TFTPFields.blockSize, number) }
      if name.equals(lowercase: "tsize") { w.integer(TFTPFields.transferSize, number) }
      if name.equals(lowercase: "timeout") { w.integer(TFTPFields.timeout, number) }
      if name.equals(lowercase: "windowsize") { w.integer(TFTPFields.windowSize, number) }
    }
  }
}

/// A request's parts.
struct TFTPRequest: BitwiseCopyable {
  let file: Bytes
  let mode: Bytes
  let options: Bytes

  init?(_ bytes: Bytes) {
    guard let opcode = bytes.be16(0), opcode == 1 || opcode == 2,
      let (file, behind) = Self.text(bytes.dropFirst(2)), let (mode, rest) = Self.text(behind)
    else { return nil }
    self.file = file
    self.mode = mode
    options = rest
  }

  var isKnownMode: Bool {
    mode.equals(lowercase: "octet") || mode.equals(lowercase: "netascii")
      || mode.equals(lowercase: "mail")
  }

  /// A text up to its zero, and what stands behind that.
  static func text(_ bytes: Bytes) -> (Bytes, Bytes)? {
    guard let end = bytes.firstIndex(of: 0) else { return nil }
    return (bytes.prefix(end), bytes.dropFirst(end &+ 1))
  }
}
