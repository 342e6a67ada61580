internal import Glibc

/// Messages as datagrams. Nobody acknowledges them; but where nobody listens at all, the
/// collector's
/// machine says so, and that is a fault.
final class UDPExportTransport: ExportTransport {
  private let settings: FlowExportSettings
  private var socket: CollectorSocket?

  init(_ settings: FlowExportSettings) { self.settings = settings }

  func connect(_ interruption: Interruption) throws(TargetFault) -> Bool {
    if socket != nil { return false }
    socket = try CollectorSocket.connect(
      host: settings.host, port: settings.port, isStream: false,
      timeoutSeconds: settings.timeoutSeconds, interruption)
    return true
  }

  func send(_ message: [UInt8], _ interruption: Interruption) throws(TargetFault) {
    guard let socket else { throw TargetFault("not connected") }
    let deadline = CollectorSocket.deadline(settings.timeoutSeconds)
    while Glibc.send(socket.descriptor, message, message.count, Int32(MSG_NOSIGNAL)) < 0 {
      switch errno {
      case EINTR: continue
      case EAGAIN, ENOBUFS:
        // ENOBUFS: the network card's queue, which poll does not know of.
        if errno == ENOBUFS { usleep(1000) }
        try socket.wait(
          for: Int16(POLLOUT), "the network takes no datagrams", deadline: deadline, interruption)
      case EMSGSIZE:
        throw TargetFault(
          "a message of \(message.count) bytes is longer than the way to \(settings.host) takes: "
            + "make --message-bytes smaller")
      default:
        let error = errno
        close()
        throw fault(error)
      }
    }
  }

  func settle(_ interruption: Interruption) throws(TargetFault) {
    if let error = socket?.pendingError {
      close()
      throw fault(error)
    }
  }

  /// With the socket goes the address that was looked up for it: the collector may have moved.
  func close() { socket = nil }

  private func fault(_ error: Int32) -> TargetFault {
    let place = "\(settings.host):\(settings.port)"
    return error == ECONNREFUSED
      ? TargetFault("nobody listens at \(place) (UDP)")
      : TargetFault("\(place): \(CollectorSocket.text(error))")
  }
}
