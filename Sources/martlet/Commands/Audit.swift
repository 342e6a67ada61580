import ArgumentParser
import AuditLog
import ControlAPI
import Glibc

struct Audit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look through the audit log, and prove that nobody changed it.",
    discussion: """
      Every change over the control socket and every refusal is a line of the file that \
      control.auditLog names, chained to the line before by its hash.

      EXAMPLES
        martlet audit show --last 20
        martlet audit verify
        martlet audit verify --expect-last 5f70bf18…   the hash that you wrote down
      """,
    subcommands: [AuditVerify.self, AuditShow.self])

  static let defaultPath = "/var/log/martlet/audit.log"

  /// What to do about a log that cannot be read.
  static func trouble(_ path: String, _ error: AuditLogError) -> NothingFound {
    guard access(path, F_OK) != 0 else { return NothingFound(error.description) }
    let why =
      path == defaultPath
      ? "name the file that control.auditLog of the configuration names; where it names none, nothing"
        + " is logged"
      : "control.auditLog of the configuration names the one there is"
    return NothingFound("no audit log at \(path): \(why)")
  }
}

struct AuditVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every line's hash, and that each follows the one before.",
    discussion: """
      Whoever can write the file can cut off its end, or make all of it anew: only a hash that was \
      kept elsewhere proves that it was not. `martlet status --json` has the last one of a running \
      daemon, in `audit`; --running asks for it.

      EXIT STATUS
        0   nothing was changed      1   it says what was, and in which line
      """)

  @Argument(help: "The audit log.", completion: .file())
  var file = Audit.defaultPath

  @Option(help: ArgumentHelp("A hash that the chain must have.", valueName: "hash"))
  var expectLast: String?

  @Option(help: ArgumentHelp("How many lines there must be at least.", valueName: "lines"))
  var expectCount: Int?

  @Flag(help: "Ask the running daemon for the hash that the chain must have.")
  var running = false

  @OptionGroup var options: ControlOptions

  func run() throws {
    var expected = expectLast
    if running {
      let status = try options.connect().call(.engineStatus, as: EngineStatus.self)
      guard let audit = status.audit else {
        throw RPCError(.wrongState, "the daemon has no audit log")
      }
      expected = audit.lastHash
    }
    let report = try Self.report(file, expected)
    var problems = report.problems.map(\.description)
    if let expected, report.expectedLine == nil, expected != AuditHead.beginning.hash {
      problems.append(
        "the line with hash \(expected) is not there: the end was cut off, or all made anew")
    }
    if let expectCount, report.lines < expectCount {
      problems.append(
        "\(report.lines) lines are there, and \(expectCount) should be: the end was cut off")
    }
    if options.json {
      Output.write(Self.json(report, problems))
    } else {
      Output.write(Self.lines(file, report, problems, Style.ofStandardOutput()))
    }
    if !problems.isEmpty { throw ExitCode(ExitStatus.failure.rawValue) }
  }

  private static func report(_ path: String, _ expected: String?) throws -> AuditReport {
    do throws(AuditLogError) {
      return try AuditVerifier.verify(path: path, expecting: expected)
    } catch {
      throw Audit.trouble(path, error)
    }
  }

  private static func lines(
    _ path: String, _ report: AuditReport, _ problems: [String], _ style: Style
  ) -> [String] {
    var lines = problems.map { "\(path): \($0)" }
    for line in report.tornLines {
      lines.append("\(path): line \(line): was written in part, as the line behind it says")
    }
    if report.endsInFragment { lines.append("\(path): its last line has no end yet") }
    let count = report.lines == 1 ? "1 line" : "\(report.lines) lines"
    lines.append(
      problems.isEmpty
        ? "\(path): \(count) in order, the last one's hash is \(report.head.hash)"
        : "\(path): \(count), and not as they were written")
    return lines
  }

  private static func json(_ report: AuditReport, _ problems: [String]) -> JSONValue {
    [
      "lines": .number(String(report.lines)), "lastHash": .string(report.head.hash),
      "sequence": .number(String(report.head.sequence)),
      "problems": .array(problems.map { .string($0) }),
      "tornLines": .array(report.tornLines.map { .number(String($0)) }),
    ]
  }
}

struct AuditShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "What was changed or refused, by whom, and what came of it.")

  @Argument(help: "The audit log.", completion: .file())
  var file = Audit.defaultPath

  @Option(help: ArgumentHelp("Only the last lines.", valueName: "lines"))
  var last: Int?

  @Flag(help: "Print the lines as they are.")
  var json = false

  func run() throws {
    var lines: [String] = []
    do {
      let report = try AuditVerifier.verify(path: file) { _, line in
        lines.append(json ? line.json.text : Self.text(line))
        if let last, lines.count > max(last, 0) { lines.removeFirst() }
      }
      Output.write(lines)
      if !report.problems.isEmpty {
        Output.writeError("martlet: \(file) was changed; `martlet audit verify` says where\n")
        throw ExitCode(ExitStatus.failure.rawValue)
      }
    } catch let error as AuditLogError {
      throw Audit.trouble(file, error)
    }
  }

  /// `17 2026-11-21T05:36:00.123456+0000 uid 0 operator tuning.set ok: "adaptive" → "busy"`
  static func text(_ line: AuditLine) -> String {
    var words = [String(line.head.sequence), line.text("time") ?? "-"]
    if let uid = line.number("uid") { words.append("uid \(uid)") }
    if let role = line.text("role") { words.append(role) }
    words.append(line.text("method") ?? line.event)
    switch line.event {
    case "begin": words.append((line.json["params"] ?? .null).text)
    case "end", "refused":
      let outcome = line.text("outcome") ?? ""
      if case .string(let message) = line.json["error"]?["message"] {
        words.append("\(outcome): \(message)")
      } else {
        let before = (line.json["before"] ?? .null).text
        words.append("\(outcome): \(before) → \((line.json["after"] ?? .null).text)")
      }
    case "refusals": words.append("\(line.number("count") ?? 0) more")
    case "torn": words.append("the line before was written in part")
    default: break
    }
    return printable(words.joined(separator: " "))
  }
}
