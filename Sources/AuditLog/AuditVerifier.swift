import Glibc

/// What a look through an audit log found.
package struct AuditReport: Equatable, Sendable {
  /// Something that must not be, and in which line of the file, from 1.
  package struct Problem: Equatable, Sendable, CustomStringConvertible {
    package var line: Int
    package var words: String

    package var description: String { "line \(line): \(words)" }
  }

  /// Lines of the chain.
  package var lines = 0
  /// Where the chain ends.
  package var head = AuditHead.beginning
  /// The first few; nothing is wrong where there are none.
  package var problems: [Problem] = []
  /// Lines that were written in part and are named by the line behind them: no problem.
  package var tornLines: [Int] = []
  /// The last line has no end: the daemon is writing it, or was interrupted and not started since.
  package var endsInFragment = false
  /// Where the hash that was asked for stands; nil where it is not in the chain.
  package var expectedLine: Int?

  package static let maximumProblems = 20
}

/// Looks through an audit log, line by line: every hash, every link, every sequence number.
package struct AuditVerifier {
  private var report = AuditReport()
  private var lineNumber = 0
  /// A line that is none, until the next one says whether it was torn.
  private var suspect: (line: Int, bytes: [UInt8], fault: AuditLine.Fault)?
  private let expectedHash: String?
  private let visit: (Int, AuditLine) -> Void

  private init(expecting hash: String?, visit: @escaping (Int, AuditLine) -> Void) {
    expectedHash = hash
    self.visit = visit
  }

  /// - Parameters:
  ///   - hash: one that the chain must have: what `engine.status` said, or was written down elsewhere.
  ///   - visit: is given each line of the chain that is in order, with its number in the file.
  /// - Throws: where the file cannot be read.
  package static func verify(
    path: String, expecting hash: String? = nil,
    visit: @escaping (Int, AuditLine) -> Void = { _, _ in }
  ) throws(AuditLogError) -> AuditReport {
    guard let file = fopen(path, "re") else {
      throw AuditLogError("cannot open audit log \(path)", errno: errno)
    }
    defer { fclose(file) }
    var verifier = AuditVerifier(expecting: hash?.lowercased(), visit: visit)
    var line: UnsafeMutablePointer<CChar>?
    var room = 0
    defer { free(line) }
    while true {
      let count = getline(&line, &room, file)
      guard count > 0, let text = line else { break }
      let bytes = text.withMemoryRebound(to: UInt8.self, capacity: count) {
        Array(UnsafeBufferPointer(start: $0, count: count))
      }
      verifier.take(bytes)
    }
    if ferror(file) != 0 { throw AuditLogError("cannot read audit log \(path)", errno: errno) }
    return verifier.end()
  }

  /// A line with its end, where it has one.
  private mutating func take(_ bytes: [UInt8]) {
    lineNumber += 1
    guard bytes.last == UInt8(ascii: "\n") else {
      report.endsInFragment = true
      return
    }
    do throws(AuditLine.Fault) {
      let line = try AuditLine(bytes.dropLast())
      settleSuspect(before: line)
      link(line)
    } catch {
      settleSuspect(before: nil)
      suspect = (lineNumber, Array(bytes.dropLast()), error)
    }
  }

  private mutating func end() -> AuditReport {
    settleSuspect(before: nil)
    return report
  }

  /// A line that is none was torn where the line behind it says so, with its hash; else it was changed.
  private mutating func settleSuspect(before next: AuditLine?) {
    guard let (line, bytes, fault) = suspect else { return }
    suspect = nil
    if let next, next.event == "torn", next.previous == report.head.hash,
      next.text("tornSHA256") == AuditHash.text(of: bytes)
    {
      report.tornLines.append(line)
      return
    }
    note(
      line,
      fault == .wrongHash
        ? "was changed: its hash is not that of its content" : "is no line of an audit log")
  }

  private mutating func link(_ line: AuditLine) {
    let head = report.head
    if line.previous != head.hash || line.head.sequence != head.sequence &+ 1 {
      noteBreak(line, head)
    } else {
      visit(lineNumber, line)
    }
    report.lines += 1
    report.head = line.head
    if line.head.hash == expectedHash { report.expectedLine = lineNumber }
  }

  private mutating func noteBreak(_ line: AuditLine, _ head: AuditHead) {
    let sequence = line.head.sequence
    let awaited = head.sequence &+ 1
    if sequence > awaited {
      let missing = sequence - awaited
      note(
        lineNumber,
        "follows sequence number \(head.sequence) with \(sequence): "
          + (missing == 1 ? "a line is missing" : "\(missing) lines are missing"))
    } else if sequence < awaited {
      note(
        lineNumber,
        "has sequence number \(sequence) behind \(head.sequence): it was moved or put in here")
    } else {
      note(
        lineNumber, "does not follow the line before it: that one was changed, or this one put in")
    }
  }

  private mutating func note(_ line: Int, _ words: String) {
    guard report.problems.count < AuditReport.maximumProblems else { return }
    report.problems.append(.init(line: line, words: words))
  }
}
