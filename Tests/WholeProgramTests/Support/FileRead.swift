import Foundation

/// `martlet read`, run to its end.
struct FileRead {
  let status: Subprocess.Status
  let output: String
  let errors: String

  /// `program` and its arguments are put in front where they are given (setpriv …).
  init(
    _ arguments: [String], standardInputPath: String = "/dev/null", wrapper: [String] = [],
    environment: [String: String?] = [:], seconds: Double = 120
  ) throws {
    let command = wrapper + [Programs.martlet, "read"] + arguments
    let process = try Subprocess(
      command[0], Array(command.dropFirst()), environment: environment,
      standardInputPath: standardInputPath)
    status = try process.wait(seconds: seconds)
    output = process.standardOutput
    errors = process.standardError
  }

  /// The flows of some files as EVE, in the order in which they began.
  static func sorted(_ arguments: String...) throws -> String {
    let run = try FileRead(arguments + ["--sorted", "--format", "eve", "--quiet"])
    guard run.status == .exited(0) else {
      throw SupportError("\(arguments): \(run.status)\n\(run.errors)")
    }
    return run.output
  }

  /// Its EVE records.
  /// What was written of flows.
  func records() throws -> [[String: Any]] {
    try Self.records(output).filter { $0["event_type"] as? String != "anomaly" }
  }

  /// What was written of packets that are against a rule.
  func anomalies() throws -> [[String: Any]] {
    try Self.records(output).filter { $0["event_type"] as? String == "anomaly" }
  }

  static func records(_ text: String) throws -> [[String: Any]] {
    try text.split(separator: "\n").map { line in
      guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      else { throw SupportError("no object: \(line)") }
      return object
    }
  }
}
