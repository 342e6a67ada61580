import Foundation

/// A TCP or UDP socket on the loopback interface, on a port that was free.
final class WireSocket: Sendable {
  let descriptor: Int32
  let port: UInt16

  init(datagrams: Bool = false, receiveBytes: Int32? = nil) throws {
    let type = datagrams ? SOCK_DGRAM : SOCK_STREAM
    let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    self.descriptor = descriptor
    if var receiveBytes {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, 4)
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutableBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { address in
        guard bind(descriptor, address.baseAddress, length) == 0 else { return false }
        return getsockname(descriptor, address.baseAddress, &length) == 0
      }
    }
    guard bound else { throw WireTimeout(description: String(cString: strerror(errno))) }
    port = UInt16(bigEndian: address.sin_port)
    if !datagrams { listen(descriptor, 8) }
  }

  deinit { close(descriptor) }

  /// A port that nobody has just now.
  static func freePort(datagrams: Bool = false) throws -> UInt16 {
    try WireSocket(datagrams: datagrams).port
  }

  func accept() -> Int32 { Glibc.accept(descriptor, nil, nil) }
}
