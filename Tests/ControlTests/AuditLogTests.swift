import AuditLog
import ControlAPI
import Foundation
import Glibc
import Testing

/// The chain of the audit log, and what becomes of it when somebody lays hands on the file.
struct AuditLogTests {
  /// A log of five lines, and what it holds.
  private func withLog(_ body: (String, [String]) throws -> Void) throws {
    let directory = try TestDirectory()
    let path = directory.path + "/audit.log"
    let writer = try AuditWriter(path: path)
    for number in 1...5 {
      try writer.append([
        .init("time", "2026-11-21T05:36:00.123456+0000"), .init("event", "begin"),
        .init("method", .string("filter.add \(number) \"ü\" \\")),
      ])
    }
    writer.finish()
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    try body(path, lines.map(String.init))
  }

  private func verify(_ path: String, _ lines: [String]) throws -> [String] {
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
    return try AuditVerifier.verify(path: path).problems.map(\.description)
  }

  @Test func aChainIsVerified() throws {
    try withLog { (path: String, lines: [String]) throws in
      let report = try AuditVerifier.verify(path: path)
      #expect(report.problems.isEmpty && report.lines == 5 && report.head.sequence == 5)
      #expect(lines[4].hasSuffix("\"hash\":\"\(report.head.hash)\"}"))
      var information = stat()
      #expect(stat(path, &information) == 0 && information.st_mode & 0o777 & ~0o640 == 0)
    }
  }

  /// A line can be checked with what every machine has.
  @Test func hashesAreThoseOfSha256sum() throws {
    try withLog { (path: String, lines: [String]) throws in
      let script = #"sed -n 3p "$0" | sed 's/,"hash":"[0-9a-f]*"}$/}/' | tr -d '\n' | sha256sum"#
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", script, path]
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(lines[2].contains("\"hash\":\"\(text.prefix(64))\""))
      #expect(lines[3].contains("\"previous\":\"\(text.prefix(64))\""))
    }
  }

  @Test func aChangedLineIsFound() throws {
    try withLog { (path: String, lines: [String]) throws in
      var changed = lines
      changed[2] = changed[2].replacing("filter.add 3", with: "filter.add 4")
      #expect(
        try verify(path, changed) == [
          "line 3: was changed: its hash is not that of its content",
          "line 4: follows sequence number 2 with 4: a line is missing",
        ])
    }
  }

  @Test func aLineMadeAnewIsFound() throws {
    try withLog { (path: String, lines: [String]) throws in
      // Its own hash is right; the line behind it still bears the old one.
      let second = try AuditLine(Array(lines[1].utf8)[...])
      var changed = lines
      changed[2] = String(
        decoding: AuditLine.make([.init("event", "begin")], after: second.head).bytes,
        as: UTF8.self)
      #expect(
        try verify(path, changed) == [
          "line 4: does not follow the line before it: that one was changed, or this one put in"
        ])
    }
  }

  @Test func removedLinesAreFound() throws {
    try withLog { (path: String, lines: [String]) throws in
      #expect(
        try verify(path, [lines[0], lines[3], lines[4]]) == [
          "line 2: follows sequence number 1 with 4: 2 lines are missing"
        ])
      #expect(
        try verify(path, Array(lines[1...])) == [
          "line 1: follows sequence number 0 with 2: a line is missing"
        ])
    }
  }

  @Test func movedAndInsertedLinesAreFound() throws {
    try withLog { (path: String, lines: [String]) throws in
      #expect(
        try verify(path, [lines[0], lines[2], lines[1], lines[3], lines[4]]).map { $0.prefix(6) }
          == ["line 2", "line 3", "line 4"])
      #expect(
        try verify(path, [lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]]) == [
          "line 3: has sequence number 2 behind 2: it was moved or put in here"
        ])
      #expect(
        try verify(path, [lines[0], "", lines[1], "{}", lines[2], lines[3], lines[4]]) == [
          "line 2: is no line of an audit log", "line 4: is no line of an audit log",
        ])
    }
  }

  @Test func aTailThatIsCutOffIsFoundByTheLastHash() throws {
    try withLog { (path: String, lines: [String]) throws in
      let last = try AuditLine(Array(lines[4].utf8)[...]).head.hash
      #expect(try AuditVerifier.verify(path: path, expecting: last).expectedLine == 5)
      #expect(try verify(path, Array(lines[..<4])).isEmpty)
      #expect(try AuditVerifier.verify(path: path, expecting: last).expectedLine == nil)
    }
  }

  @Test func theChainGoesOnAfterARestart() throws {
    try withLog { (path: String, _: [String]) throws in
      let writer = try AuditWriter(path: path)
      #expect(writer.head.sequence == 5)
      try writer.append([.init("event", "start")])
      writer.finish()
      let report = try AuditVerifier.verify(path: path)
      #expect(report.problems.isEmpty && report.lines == 6)
      #expect(throws: AuditLogError.self) { try writer.append([.init("event", "late")]) }
    }
  }

  @Test(arguments: [1, 40, 1000])
  func aTornLastLineIsNamedAndTheChainGoesOn(kept: Int) throws {
    try withLog { (path: String, lines: [String]) throws in
      let torn = String(lines[4].prefix(min(kept, lines[4].count - 1)))
      try Data((lines[..<4].joined(separator: "\n") + "\n" + torn).utf8)
        .write(to: URL(fileURLWithPath: path))
      #expect(try AuditVerifier.verify(path: path).endsInFragment)
      let writer = try AuditWriter(path: path)
      try writer.append([.init("time", "t"), .init("event", "start")])
      let report = try AuditVerifier.verify(path: path)
      #expect(report.problems.isEmpty, "\(report.problems)")
      #expect(report.tornLines == [5] && report.lines == 6 && report.head == writer.head)
      // Whoever changes the torn line is found, too.
      let text = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      var changed = text.map(String.init)
      changed[4] = "x" + changed[4]
      #expect(try verify(path, changed) == ["line 5: is no line of an audit log"])
    }
  }

  @Test func aLastLineThatLacksOnlyItsEndIsWhole() throws {
    try withLog { (path: String, lines: [String]) throws in
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
      let writer = try AuditWriter(path: path)
      try writer.append([.init("event", "start")])
      let report = try AuditVerifier.verify(path: path)
      #expect(report.problems.isEmpty && report.tornLines.isEmpty && report.lines == 6)
    }
  }

  @Test func twoDaemonsCannotWriteOneLog() throws {
    try withLog { (path: String, _: [String]) throws in
      let writer = try AuditWriter(path: path)
      let error = #expect(throws: AuditLogError.self) { try AuditWriter(path: path) }
      #expect(error?.description.contains("another process") == true)
      writer.finish()
    }
  }

  @Test func whatIsNoAuditLogIsNotWrittenTo() throws {
    let directory = try TestDirectory()
    let path = directory.path + "/x"
    try Data("something else\n".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: AuditLogError.self) { try AuditWriter(path: path) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "something else\n")
    #expect(throws: AuditLogError.self) { try AuditWriter(path: directory.path) }
    symlink(path, directory.path + "/link")
    #expect(throws: AuditLogError.self) { try AuditWriter(path: directory.path + "/link") }
  }
}
