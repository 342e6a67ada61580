import ArgumentParser
import ControlAPI

struct Reload: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let the engine read its configuration file again.",
    discussion: """
      What can change while packets flow does; what cannot is listed and waits for a restart. A file \
      that is wrong changes nothing.

      EXAMPLES
        martlet reload --dry-run    what would change
        martlet reload
      """)

  @OptionGroup var options: ControlOptions
  @Flag(name: [.customShort("n"), .long], help: "Only say what would change.") var dryRun = false

  func run() throws {
    try options.ask(
      .engineReload, ReloadParameters(dryRun: dryRun ? true : nil), as: ReloadAnswer.self
    ) { ReloadView.lines($0, $1, style: $2) }
  }
}

struct LogLevelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log-level",
    abstract: "Change how much the engine writes to its log, until it ends.",
    discussion: """
      EXAMPLES
        martlet log-level debug
        martlet log-level info --json | jq -r .before
      """)

  @OptionGroup var options: ControlOptions

  @Argument(
    help: "One of \(LogLevelParameters.levels.joined(separator: ", ")).",
    completion: .list(LogLevelParameters.levels))
  var level: String

  func validate() throws {
    if !LogLevelParameters.levels.contains(level) {
      throw ValidationError(
        "the level is one of \(LogLevelParameters.levels.joined(separator: ", "))")
    }
  }

  func run() throws {
    try options.ask(.logSetLevel, LogLevelParameters(level: level), as: LogLevelChange.self) {
      change, _, style in
      [
        StyledLine(Span("log level: \(change.before) → "), Span(change.after, .bold))
          .text(width: .max, style: style)
      ]
    }
  }
}
