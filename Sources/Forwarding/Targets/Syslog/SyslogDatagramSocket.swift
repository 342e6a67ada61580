internal import Glibc

/// A UDP socket with one peer, so that the kernel tells of a port that nobody listens on.
final class SyslogDatagramSocket {
  private let destination: SyslogDestination
  private let descriptor: Int32

  init(destination: SyslogDestination) throws(TargetFault) {
    self.destination = destination
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(destination.host, String(destination.port), &hints, &list)
    guard result == 0 else {
      throw TargetFault(
        "no address for '\(destination.host)': \(String(cString: gai_strerror(result)))")
    }
    defer { freeaddrinfo(list) }

    var problem = "no address"
    var entry = list
    while let address = entry?.pointee {
      entry = address.ai_next
      let type = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue)
      let descriptor = socket(address.ai_family, type, address.ai_protocol)
      guard descriptor >= 0 else {
        problem = String(cString: strerror(errno))
        continue
      }
      if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 {
        self.descriptor = descriptor
        return
      }
      problem = String(cString: strerror(errno))
      Glibc.close(descriptor)
    }
    throw TargetFault("cannot send to \(destination): \(problem)")
  }

  deinit { Glibc.close(descriptor) }

  /// False where a datagram cannot be so long. Waits while the kernel's buffers are full.
  func send(_ message: [UInt8], interruption: Interruption) throws(TargetFault) -> Bool {
    while true {
      let sent = message.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
      }
      if sent >= 0 { return true }
      let error = errno
      switch error {
      case EMSGSIZE: return false
      case EINTR: continue
      case EAGAIN, ENOBUFS:
        if interruption.isSet { throw TargetFault("interrupted while sending") }
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // ENOBUFS is the device's queue, which poll(2) does not know.
        if error == ENOBUFS { usleep(1_000) } else { poll(&waiting, 1, 100) }
      default: throw fault(error)
      }
    }
  }

  /// Throws where the receiver's host has said within so long that nobody listens.
  func checkAnswer(milliseconds: Int32) throws(TargetFault) {
    var waiting = pollfd(fd: descriptor, events: 0, revents: 0)
    guard poll(&waiting, 1, milliseconds) > 0 else { return }
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
    if error != 0 { throw fault(error) }
  }

  private func fault(_ error: Int32) -> TargetFault {
    let reason =
      error == ECONNREFUSED ? "nobody listens there" : String(cString: strerror(error))
    return TargetFault("cannot send to \(destination): \(reason)")
  }
}
