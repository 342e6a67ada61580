import Foundation

/// Reads a Redis stream from its beginning and removes what it has read, so that Redis never holds
/// more than is under way. RESP over a Unix socket, no more of it than XRANGE and XTRIM need.
final class StreamReader {
  private let descriptor: Int32
  private let key: String
  private var last = "-"
  private var buffer = [UInt8](repeating: 0, count: 1 << 20)
  private var filled = 0
  private var position = 0
  static let entriesAtATime = 2000

  init(socketPath: String, key: String) throws {
    self.key = key
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard socketPath.utf8.count < room else {
      throw BenchError("\(socketPath): longer than the \(room - 1) bytes a socket's path may have")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socketPath.utf8)) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    guard code == 0 else {
      close(descriptor)
      throw BenchError("Redis at \(socketPath): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  /// Gives each entry's `eve` to `take`, and removes them. How many there were.
  func read(_ take: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
    let from = last == "-" ? last : "(" + last
    try send(["XRANGE", key, from, "+", "COUNT", String(Self.entriesAtATime)])
    let count = try length("*")
    for _ in 0..<count {
      // An entry is its ID and the list of its fields: the name `eve`, and the record.
      guard try length("*") == 2 else { throw BenchError("not a stream entry") }
      last = try bulk { String(decoding: $0, as: UTF8.self) }
      guard try length("*") == 2 else { throw BenchError("\(last): not an entry in `eve` format") }
      _ = try bulk { $0.count }
      try bulk(take)
    }
    if count > 0 {
      // Up to the last one, which stays: it is where the next range begins.
      try send(["XTRIM", key, "MINID", last])
      _ = try line()
    }
    return count
  }

  private func send(_ words: [String]) throws {
    var text = "*\(words.count)\r\n"
    for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
    let bytes = Array(text.utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count else {
      throw BenchError("Redis: the connection was lost")
    }
  }

  /// Has `count` bytes in the buffer from `position` on.
  private func need(_ count: Int) throws {
    while filled - position < count {
      if position > 0 {
        buffer.withUnsafeMutableBytes { bytes in
          _ = memmove(bytes.baseAddress!, bytes.baseAddress! + position, filled - position)
        }
        filled -= position
        position = 0
      }
      if filled == buffer.count { buffer += [UInt8](repeating: 0, count: buffer.count) }
      let got = buffer.withUnsafeMutableBytes { bytes in
        recv(descriptor, bytes.baseAddress! + filled, bytes.count - filled, 0)
      }
      guard got > 0 else { throw BenchError("Redis: the connection was lost") }
      filled += got
    }
  }

  private func line() throws -> String {
    var length = 2
    while true {
      try need(length)
      if buffer[position + length - 2] == 13 && buffer[position + length - 1] == 10 { break }
      length += 1
    }
    defer { position += length }
    return String(decoding: buffer[position..<position + length - 2], as: UTF8.self)
  }

  private func length(_ kind: Character) throws -> Int {
    let line = try line()
    guard line.first == kind, let length = Int(line.dropFirst()) else {
      throw BenchError("Redis: \(line)")
    }
    return length
  }

  private func bulk<T>(_ body: (UnsafeRawBufferPointer) throws -> T) throws -> T {
    let count = try length("$")
    try need(count + 2)
    defer { position += count + 2 }
    return try buffer.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
    }
  }
}
