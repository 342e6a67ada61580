import ControlAPI
import ControlServer
import Foundation
import Glibc
import Logging

/// A directory that goes away with the test, and a socket path in it.
final class TestDirectory {
  let path: String
  var socketPath: String { path + "/control.sock" }

  init() throws {
    var template = Array("/tmp/martlet-control-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct TestFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// A server with a stub engine on a path of its own, while `body` runs.
func withServer(
  engine: any EngineInterface = StubEngine(), limits: ControlServerLimits = .init(),
  authorizer: @escaping ControlAuthorizer = ownerAuthorizer, audit: AuditTrail? = nil,
  mode: UInt32 = 0o600, _ body: (String) throws -> Void
) throws {
  let directory = try TestDirectory()
  let server = ControlServer(
    engine: engine, socketPath: directory.socketPath, mode: mode, limits: limits,
    authorizer: authorizer, audit: audit, logger: quietLogger)
  if mode != 0o600 { chmod(directory.path, 0o755) }
  try server.start()
  defer { server.stop() }
  try body(directory.socketPath)
}

/// Whoever connects has this role; nil: nobody may.
func everybodyIs(_ role: ControlRole?) -> ControlAuthorizer { { _ in role } }

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A client that sends whatever it is told to.
final class RawClient {
  let descriptor: CInt
  private var pending: [UInt8] = []

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    guard var address = unixSocketAddress(path: path) else { throw TestFailure("path") }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw TestFailure("connect: \(errno)") }
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// Everything, or false where the server closed or did not read for ten seconds.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, CInt(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  func finishSending() { shutdown(descriptor, CInt(SHUT_WR)) }

  /// The next line without its end; nil at the end of the stream.
  func line() throws -> String? {
    while true {
      if let end = pending.firstIndex(of: 10) {
        defer { pending.removeSubrange(...end) }
        return String(decoding: pending[..<end], as: UTF8.self)
      }
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count < 0 && errno == EAGAIN { throw TestFailure("no answer within 10 s") }
      if count <= 0 { return nil }
      pending.append(contentsOf: chunk[..<count])
    }
  }

  /// Sends a line and gives the next one as JSON.
  func ask(_ text: String) throws -> JSONValue {
    send(text + "\n")
    return try answer()
  }

  func answer() throws -> JSONValue {
    guard let line = try line() else { throw TestFailure("closed without an answer") }
    return try JSONParser.parse(line)
  }
}

extension JSONValue {
  /// The code of a response that is an error.
  var errorCode: Int? {
    guard case .number(let digits) = self["error"]?["code"] else { return nil }
    return Int(digits)
  }
}
