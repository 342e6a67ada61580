import Foundation
import Testing

/// Files of the project that are written from what the code has.
enum Reference {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  /// Writes it where `MARTLET_REGENERATE=1` is set; holds it against the text in any case.
  static func check(_ path: String, is text: String) throws {
    let file = URL(fileURLWithPath: "\(root)/\(path)")
    if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] == "1" {
      try Data(text.utf8).write(to: file)
    }
    let committed = try? String(contentsOf: file, encoding: .utf8)
    #expect(committed == text, "\(path) is not what the code says; MARTLET_REGENERATE=1 writes it")
  }

  static func text(_ path: String) throws -> String {
    try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
  }
}

/// Other people's implementations, where this machine has them.
enum Python {
  static func has(_ module: String) -> Bool {
    (try? run("import \(module)", input: "")) != nil
  }

  /// What the script prints.
  static func run(_ script: String, input: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-W", "ignore", "-c", script]
    let (into, out, errors) = (Pipe(), Pipe(), Pipe())
    process.standardInput = into
    process.standardOutput = out
    process.standardError = errors
    try process.run()
    // The script reads all of its input before it prints much, so one after the other does.
    try into.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try into.fileHandleForWriting.close()
    let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw TestFailure("python3: \(words)") }
    return text
  }
}
