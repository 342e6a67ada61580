import ControlAPI
import Foundation
import Glibc
import Testing

@testable import ControlServer

/// The socket's file: who gets the path, and what is left of it.
struct SocketFileTests {
  func server(_ path: String, mode: UInt32 = 0o600, group: String? = nil) -> ControlServer {
    ControlServer(
      engine: StubEngine(), socketPath: path, mode: mode, group: group, logger: quietLogger)
  }

  func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func staleSocketIsReplaced() throws {
    let directory = try TestDirectory()
    let left = try SocketFile(
      path: directory.socketPath, mode: 0o600, group: nil, backlog: 1)
    close(left.descriptor)
    #expect(FileManager.default.fileExists(atPath: directory.socketPath))
    let server = server(directory.socketPath)
    try server.start()
    #expect(try RawClient(directory.socketPath).ask(HostileClientTests.good)["id"] == 1)
    server.stop()
    #expect(!FileManager.default.fileExists(atPath: directory.socketPath))
  }

  @Test func socketInUseIsRefused() throws {
    let directory = try TestDirectory()
    let first = server(directory.socketPath)
    try first.start()
    defer { first.stop() }
    let second = server(directory.socketPath)
    #expect(message { try second.start() }.contains("is in use by another process"))
    // Neither the failure nor stopping what never started takes the first one's socket away.
    second.stop()
    #expect(try RawClient(directory.socketPath).ask(HostileClientTests.good)["id"] == 1)
  }

  @Test func otherFilesAreNotTouched() throws {
    let directory = try TestDirectory()
    try Data("precious".utf8).write(to: URL(fileURLWithPath: directory.socketPath))
    #expect(message { try server(directory.socketPath).start() }.contains("is no socket"))
    #expect(try String(contentsOfFile: directory.socketPath, encoding: .utf8) == "precious")
  }

  @Test func replacedSocketIsNotRemoved() throws {
    let directory = try TestDirectory()
    let first = server(directory.socketPath)
    try first.start()
    unlink(directory.socketPath)
    let second = server(directory.socketPath)
    try second.start()
    defer { second.stop() }
    first.stop()
    #expect(try RawClient(directory.socketPath).ask(HostileClientTests.good)["id"] == 1)
  }

  @Test func longPathIsRefused() throws {
    let path = "/tmp/" + String(repeating: "x", count: 103)
    #expect(
      message { try server(path).start() }
        == "control socket path \(path) has 108 bytes; 1 to 107 are possible")
    #expect(throws: ControlClientError.self) { try ControlClient(socketPath: path) }
  }

  @Test func longestPathWorks() throws {
    let directory = try TestDirectory()
    let path = directory.path + "/" + String(repeating: "x", count: 106 - directory.path.count)
    #expect(path.utf8.count == 107)
    let server = server(path)
    try server.start()
    defer { server.stop() }
    #expect(try RawClient(path).ask(HostileClientTests.good)["id"] == 1)
  }

  @Test func missingDirectoryIsNamed() throws {
    let text = message { try server("/tmp/no-such-directory-here/x.sock").start() }
    #expect(text.contains("/tmp/no-such-directory-here "))
    #expect(text.contains("No such file or directory"))
  }

  @Test func unknownGroupIsNamed() throws {
    let directory = try TestDirectory()
    let server = server(directory.socketPath, group: "no-such-group")
    #expect(
      message { try server.start() } == "there is no group no-such-group for the control socket")
  }

  @Test(arguments: [0o600, 0o660, 0o666] as [UInt32])
  func modeIsAsAsked(mode: UInt32) throws {
    let directory = try TestDirectory()
    let server = server(directory.socketPath, mode: mode, group: String(getegid()))
    try server.start()
    defer { server.stop() }
    var information = stat()
    #expect(lstat(directory.socketPath, &information) == 0)
    #expect(information.st_mode & 0o777 == mode)
  }

  @Test func startsAgainAfterStop() throws {
    let directory = try TestDirectory()
    let server = server(directory.socketPath)
    for _ in 0..<3 {
      try server.start()
      #expect(try RawClient(directory.socketPath).ask(HostileClientTests.good)["id"] == 1)
      server.stop()
    }
  }

  @Test func clientSaysWhatIsWrong() throws {
    let directory = try TestDirectory()
    let path = directory.socketPath
    #expect(
      message { _ = try ControlClient(socketPath: path) }
        == "martletd is not running at \(path) (no such socket); start it or give --socket")
    let left = try SocketFile(path: path, mode: 0o600, group: nil, backlog: 1)
    close(left.descriptor)
    #expect(
      message { _ = try ControlClient(socketPath: path) }.contains(
        "martletd is not running at \(path) (nobody listens"))
  }

  @Test func clientGivesUpAfterItsTimeout() throws {
    try withServer(engine: StubEngine(delaySeconds: 0.5)) { path in
      let client = try ControlClient(socketPath: path, timeoutSeconds: 0.1)
      #expect(
        message { _ = try client.callValue(.engineStatus) }.contains("nothing came from martletd"))
    }
  }
}
