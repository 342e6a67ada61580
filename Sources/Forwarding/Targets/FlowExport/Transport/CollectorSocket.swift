internal import Glibc

/// A connected socket, closed with its owner. Calls do not block.
final class CollectorSocket {
  let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Connects to the first of a name's addresses that takes it.
  static func connect(
    host: String, port: UInt16, isStream: Bool, timeoutSeconds: Double,
    _ interruption: Interruption
  ) throws(TargetFault) -> CollectorSocket {
    var hints = addrinfo()
    hints.ai_socktype = Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    var status = getaddrinfo(host, String(port), &hints, &list)
    if status != 0 {
      // A machine without a network has no address for AI_ADDRCONFIG to go by.
      hints.ai_flags = 0
      status = getaddrinfo(host, String(port), &hints, &list)
    }
    guard status == 0 else {
      throw TargetFault("\(host): \(String(cString: gai_strerror(status)))")
    }
    defer { freeaddrinfo(list) }
    var fault = TargetFault("\(host): no address")
    var next = list
    while let address = next?.pointee {
      next = address.ai_next
      do throws(TargetFault) {
        return try connect(address, "\(host):\(port)", timeoutSeconds, interruption)
      } catch {
        fault = error
      }
    }
    throw fault
  }

  private static func connect(
    _ address: addrinfo, _ name: String, _ timeoutSeconds: Double, _ interruption: Interruption
  ) throws(TargetFault) -> CollectorSocket {
    let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(address.ai_family, address.ai_socktype | flags, address.ai_protocol)
    guard descriptor >= 0 else { throw TargetFault("a socket for \(name): \(text(errno))") }
    let made = CollectorSocket(descriptor)
    if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return made }
    guard errno == EINPROGRESS else { throw TargetFault("\(name): \(text(errno))") }
    try made.wait(
      for: Int16(POLLOUT), "\(name) does not answer", deadline: deadline(timeoutSeconds),
      interruption)
    if let error = made.pendingError { throw TargetFault("\(name): \(text(error))") }
    return made
  }

  /// The error that the socket has met since it was last asked.
  var pendingError: Int32? {
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
    return error == 0 ? nil : error
  }

  /// Waits for an event of poll(2), looking at the interruption four times a second.
  func wait(
    for events: Int16, _ what: String, deadline: Int64, _ interruption: Interruption
  ) throws(TargetFault) {
    while true {
      if interruption.isSet { throw TargetFault("interrupted") }
      var request = pollfd(fd: descriptor, events: events, revents: 0)
      if poll(&request, 1, 250) > 0 { return }
      if ExportClock.monotonic >= deadline { throw TargetFault(what) }
    }
  }

  static func deadline(_ seconds: Double) -> Int64 {
    ExportClock.monotonic + Int64(min(seconds, 1e9) * 1e9)
  }

  static func text(_ error: Int32) -> String { String(cString: strerror(error)) }
}
