internal import Glibc

/// Messages over a connection (RFC 7011 section 10.4). IPFIX knows no acknowledgement, TCP does:
/// what
/// the peer's kernel has not acknowledged is not delivered.
final class TCPExportTransport: ExportTransport {
  private let settings: FlowExportSettings
  private var socket: CollectorSocket?

  init(_ settings: FlowExportSettings) { self.settings = settings }

  private var place: String { "\(settings.host):\(settings.port)" }

  func connect(_ interruption: Interruption) throws(TargetFault) -> Bool {
    if let socket {
      if !Self.hasEnded(socket) { return false }
      close()
    }
    socket = try CollectorSocket.connect(
      host: settings.host, port: settings.port, isStream: true,
      timeoutSeconds: settings.timeoutSeconds, interruption)
    return true
  }

  func send(_ message: [UInt8], _ interruption: Interruption) throws(TargetFault) {
    guard let socket else { throw TargetFault("not connected") }
    let deadline = CollectorSocket.deadline(settings.timeoutSeconds)
    var sent = 0
    while sent < message.count {
      let count = message.withUnsafeBytes { bytes in
        Glibc.send(
          socket.descriptor, bytes.baseAddress! + sent, bytes.count - sent,
          Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        sent += count
      } else if errno == EAGAIN {
        do throws(TargetFault) {
          try socket.wait(
            for: Int16(POLLOUT), "\(place) takes nothing more", deadline: deadline, interruption)
        } catch {
          // Half a message is sent: nothing can follow it.
          close()
          throw error
        }
      } else if errno != EINTR {
        let error = errno
        close()
        throw TargetFault("\(place): \(CollectorSocket.text(error))")
      }
    }
  }

  func settle(_ interruption: Interruption) throws(TargetFault) {
    guard let socket else { throw TargetFault("not connected") }
    let deadline = CollectorSocket.deadline(settings.timeoutSeconds)
    var pauseMicroseconds: UInt32 = 50
    while true {
      // What the peer has not acknowledged: tcp(7).
      var unacknowledged: Int32 = 0
      if ioctl(socket.descriptor, UInt(TIOCOUTQ), &unacknowledged) == 0, unacknowledged == 0 {
        break
      }
      if Self.hasEnded(socket) {
        close()
        throw TargetFault("\(place) has ended the connection before it took everything")
      }
      if interruption.isSet || ExportClock.monotonic >= deadline {
        close()
        throw TargetFault(
          interruption.isSet ? "interrupted" : "\(place) does not take what it is sent")
      }
      usleep(pauseMicroseconds)
      pauseMicroseconds = min(pauseMicroseconds * 2, 5000)
    }
    // A reset empties the queue, too.
    if let error = socket.pendingError {
      close()
      throw TargetFault("\(place): \(CollectorSocket.text(error))")
    }
  }

  func close() { socket = nil }

  /// Whether the peer has closed the connection or it has failed. A collector sends nothing; what
  /// one sends nevertheless is read and dropped.
  private static func hasEnded(_ socket: CollectorSocket) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 512)
    // So that a peer that never stops sending does not hold this up.
    for _ in 0..<16 {
      let count = recv(socket.descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      if count == 0 { return true }
      if count < 0 {
        if errno == EINTR { continue }
        return errno != EAGAIN
      }
    }
    return false
  }
}
