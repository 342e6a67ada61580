internal import Glibc

/// A member's name, held for as long as this object lives.
///
/// A member finds by its name what it had not finished, so the name has to be the same after a
/// restart, and no two members may have it at once. Names of one machine are told apart by a socket in
/// the abstract name space, which goes with its process however that ends.
package final class ConsumerName: Sendable {
  package let name: String
  private let descriptor: Int32

  /// How many members of one group a machine may have without naming them.
  private static let maxIndex = 256

  /// - Parameters:
  ///   - wanted: the name; nil for the host's with the first number that is free: `edge-1`.
  ///   - group: in which it is a member.
  ///   - redis: where, as ``RedisURL/target`` says it.
  package init(_ wanted: String?, group: String, redis: String) throws(TargetFault) {
    if let wanted {
      guard let descriptor = Self.hold(wanted, group, redis) else {
        throw TargetFault(
          "another forwarder of this machine is consumer \(wanted) of group \(group)", isFinal: true
        )
      }
      name = wanted
      self.descriptor = descriptor
      return
    }
    let host = Self.hostName()
    for index in 1...Self.maxIndex {
      if let descriptor = Self.hold("\(host)-\(index)", group, redis) {
        name = "\(host)-\(index)"
        self.descriptor = descriptor
        return
      }
    }
    throw TargetFault(
      "this machine has \(Self.maxIndex) forwarders of group \(group) already", isFinal: true)
  }

  deinit { close(descriptor) }

  private static func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "forwarder" }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "forwarder" : String(decoding: bytes, as: UTF8.self)
  }

  /// Nil where the name is taken.
  private static func hold(_ name: String, _ group: String, _ redis: String) -> Int32? {
    // FNV-1a: an address has no room for three names.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(redis)\n\(group)\n\(name)".utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    let path = Array("martlet-forward-\(String(hash, radix: 16))".utf8)
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // The first byte of the path stays 0: the abstract name space (unix(7)).
    withUnsafeMutableBytes(of: &address.sun_path) { space in
      for (index, byte) in path.prefix(space.count - 1).enumerated() { space[index + 1] = byte }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + path.count)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard result == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }
}
