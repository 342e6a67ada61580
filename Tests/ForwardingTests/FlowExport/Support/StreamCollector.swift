import Foundation
import Testing

/// A strict IPFIX collector over TCP: takes connections one after the other, each of which may be
/// cut after so many messages.
final class StreamCollector: @unchecked Sendable {
  let port: UInt16
  private let descriptor: Int32
  private let lock = NSLock()
  private var sessions: [ExportDecoder] = []
  private var faults: [String] = []
  private var cuts: [Int]

  /// `cuts`: after how many messages the first connection is reset, the second …; those behind are
  /// not.
  init(cuts: [Int] = []) throws {
    self.cuts = cuts
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    port = try bindLoopback(descriptor)
    try #require(listen(descriptor, 8) == 0)
    let thread = Thread { [self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        if connection < 0 { return }
        serve(connection)
      }
    }
    thread.start()
  }

  /// Ends the thread, which owns the collector.
  func stop() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  /// What each connection has brought so far.
  var decoded: [ExportDecoder] { lock.withLock { sessions } }
  var malformed: [String] { lock.withLock { faults } }

  private func serve(_ connection: Int32) {
    defer { close(connection) }
    let (index, cut) = lock.withLock {
      sessions.append(ExportDecoder(isIPFIX: true))
      return (sessions.count - 1, cuts.isEmpty ? Int.max : cuts.removeFirst())
    }
    var taken = 0
    // What its kernel has acknowledged is delivered, for the sender: that is read before the cut.
    while taken < cut || hasMore(connection) {
      guard let header = read(connection, 4),
        let rest = read(connection, Int(header[2]) << 8 + Int(header[3]) - 4)
      else { return }
      lock.withLock {
        do { try sessions[index].decode(header + rest) } catch { faults.append("\(error)") }
      }
      taken += 1
    }
    // A reset rather than an end.
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  private func hasMore(_ connection: Int32) -> Bool {
    var byte: UInt8 = 0
    return recv(connection, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 1
  }

  private func read(_ connection: Int32, _ count: Int) -> [UInt8]? {
    guard count > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    return recv(connection, &bytes, count, Int32(MSG_WAITALL)) == count ? bytes : nil
  }
}
