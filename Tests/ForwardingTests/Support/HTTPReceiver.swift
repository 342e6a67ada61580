import ControlAPI
import Forwarding
import Foundation

/// One of the strict receivers in `Receivers/`, running as a process of its own.
final class HTTPReceiver {
  /// What the data port speaks.
  let port: Int
  private let control: HTTPClient
  private let process = Process()
  private let input = Pipe()

  static let python: String? = ["/usr/bin/python3", "/usr/local/bin/python3"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// For `.enabled(if:)`: says loudly what is not tested.
  static let isInstalled: Bool = {
    if python == nil {
      FileHandle.standardError.write(
        Data("\n*** python3 is not installed: THE HTTP TARGETS ARE NOT TESTED ***\n\n".utf8))
    }
    return python != nil
  }()

  /// - Parameter name: `elasticsearch`, `splunk` or `webhook`.
  init(_ name: String, _ options: [String] = [], settings: JSONValue = .object([])) throws {
    let folder = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Receivers")
    process.executableURL = URL(fileURLWithPath: Self.python ?? "")
    process.arguments =
      ["-B", folder.appendingPathComponent("\(name)_receiver.py").path] + options
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    var line = Data()
    while line.last != UInt8(ascii: "\n") {
      let piece = output.fileHandleForReading.availableData
      if piece.isEmpty { throw ReceiverError("the receiver \(name) did not start") }
      line += piece
    }
    let ports = try JSONParser.parse(String(decoding: line, as: UTF8.self))
    guard let port = ports["port"]?.integer, let controlPort = ports["control"]?.integer else {
      throw ReceiverError("the receiver \(name) said \(ports)")
    }
    self.port = port
    control = try HTTPClient(HTTPSettings(url: HTTPURL("http://127.0.0.1:\(controlPort)")))
    try set(settings)
  }

  deinit {
    // The receiver ends with its standard input.
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  /// What becomes of the next requests with records, one each.
  func disturb(_ faults: JSONValue...) throws { try post("/faults", .array(faults)) }

  func set(_ settings: JSONValue) throws { try post("/set", settings) }

  /// Takes the data port away, with the connections to it, or brings it back.
  func listen(_ isOn: Bool) throws { try post("/listen", ["on": .bool(isOn)]) }

  func state() throws -> JSONValue {
    let answer = try control.send(HTTPRequest(.get, "/state"), interruption: Interruption())
    return try JSONParser.parse(answer.body[...])
  }

  private func post(_ path: String, _ value: JSONValue) throws {
    let request = HTTPRequest(.post, path, body: Array(value.text.utf8))
    let answer = try control.send(request, interruption: Interruption())
    if !answer.isSuccess { throw ReceiverError("the receiver's control says \(answer.status)") }
  }
}

struct ReceiverError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

extension JSONValue {
  var integer: Int? {
    if case .number(let digits) = self { return Int(digits) }
    return nil
  }
  var string: String? {
    if case .string(let text) = self { return text }
    return nil
  }
  var elements: [JSONValue] {
    if case .array(let elements) = self { return elements }
    return []
  }
  var members: [Member] {
    if case .object(let members) = self { return members }
    return []
  }
}
