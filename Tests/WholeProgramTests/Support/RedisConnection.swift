import Foundation

/// An answer of Redis (RESP 2).
indirect enum RedisValue: Equatable {
  case text(String)
  case integer(Int)
  case array([RedisValue])
  case null

  var text: String? {
    if case .text(let text) = self { return text }
    return nil
  }

  var integer: Int? {
    if case .integer(let value) = self { return value }
    return nil
  }

  var array: [RedisValue]? {
    if case .array(let values) = self { return values }
    return nil
  }
}

/// A client of a few lines over a Unix socket: the tests read Redis without the library that the
/// engine writes it with.
final class RedisConnection {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var at = 0

  init(socketPath: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    let path = Array(socketPath.utf8)
    guard path.count < room else {
      throw SupportError("the socket path \(socketPath) is longer than \(room - 1) bytes")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Self.failure("socket") }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    guard result == 0 else {
      let failure = Self.failure("connect to \(socketPath)")
      close(descriptor)
      throw failure
    }
    // A Redis that hangs is an error and not a test that hangs.
    var timeout = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit {
    close(descriptor)
  }

  /// Sends a command and returns its answer; an error of Redis is thrown.
  @discardableResult
  func command(_ words: String...) throws -> RedisValue { try command(words) }

  @discardableResult
  func command(_ words: [String]) throws -> RedisValue {
    var request = Array("*\(words.count)\r\n".utf8)
    for word in words {
      request += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8)
    }
    var sent = 0
    while sent < request.count {
      let count = request[sent...].withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Self.failure("send") }
      sent += count
    }
    return try value()
  }

  private static func failure(_ what: String) -> SupportError {
    SupportError("Redis: \(what): \(String(cString: strerror(errno)))")
  }

  private func fill() throws {
    buffer.removeFirst(at)
    at = 0
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else {
      throw count == 0 ? SupportError("Redis closed the connection") : Self.failure("receive")
    }
    buffer += chunk[..<count]
  }

  private func line() throws -> String {
    while true {
      if let end = buffer[at...].firstIndex(of: 13), end + 1 < buffer.count {
        defer { at = end + 2 }
        return String(decoding: buffer[at..<end], as: UTF8.self)
      }
      try fill()
    }
  }

  private func value() throws -> RedisValue {
    let line = try line()
    let rest = String(line.dropFirst())
    switch line.first {
    case "+": return .text(rest)
    case ":": return .integer(Int(rest) ?? 0)
    case "-": throw SupportError("Redis: \(rest)")
    case "$":
      guard let count = Int(rest), count >= 0 else { return .null }
      while buffer.count - at < count + 2 { try fill() }
      defer { at += count + 2 }
      return .text(String(decoding: buffer[at..<at + count], as: UTF8.self))
    case "*":
      guard let count = Int(rest), count >= 0 else { return .null }
      return .array(try (0..<count).map { _ in try value() })
    default: throw SupportError("Redis: not an answer: \(line)")
    }
  }
}
