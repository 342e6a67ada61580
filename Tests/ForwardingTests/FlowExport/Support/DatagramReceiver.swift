import Foundation
import Testing

/// A UDP port on this machine.
final class DatagramReceiver {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var size: Int32 = 32 << 20
    // Beyond the system's limit where the tests run as root.
    if setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4) != 0 {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
    }
    port = try bindLoopback(descriptor)
  }

  deinit { close(descriptor) }

  /// What has come: over the loopback a datagram is there when `send` returns.
  func messages() -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count < 0 { return messages }
      messages.append(Array(buffer[..<count]))
    }
  }

  /// A port that nothing has just now.
  static func freePort() throws -> UInt16 { try DatagramReceiver().port }
}

/// Binds a socket to a free port of 127.0.0.1.
func bindLoopback(_ descriptor: Int32) throws -> UInt16 {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
      bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
    }
  }
  try #require(status == 0)
  return UInt16(bigEndian: address.sin_port)
}
