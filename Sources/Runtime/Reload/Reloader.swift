package import Configuration
package import ControlAPI
import Foundation
import Logging
import Ports
import Synchronization

/// Reads the configuration file again: what can change while the engine runs does, what cannot is named,
/// and a file that is wrong changes nothing.
package final class Reloader: Sendable {
  private let path: String
  /// What this run began with: beside it stands what only a restart changes.
  private let began: Settings
  private let logLevel: LogLevel
  private let isReloading = Mutex(())

  package init(path: String, began: Settings, logLevel: LogLevel) {
    self.path = path
    self.began = began
    self.logLevel = logLevel
  }

  package func reload(_ engine: Engine, dryRun: Bool) throws(RPCError) -> ReloadAnswer {
    let outcome = isReloading.withLock { _ -> Result<ReloadAnswer, RPCError> in
      do throws(RPCError) {
        return .success(try run(engine, dryRun: dryRun))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  private func run(_ engine: Engine, dryRun: Bool) throws(RPCError) -> ReloadAnswer {
    let result = SettingsLoader.load(path: path)
    guard let settings = result.settings else { throw wrong(result.problems.map(\.description)) }
    let rules = settings.filterRules
    // The ports that run are those that rules can name.
    if let problem = FilterCheck.problem(rules, portNames: engine.ports.map(\.name)) {
      throw wrong(["\(path): \(problem)"])
    }
    var answer = ReloadAnswer()
    answer.path = path
    answer.isDryRun = dryRun
    answer.warnings = result.warnings.map(\.description)
    let new = Dictionary(
      settings.flattened.filter { !Self.isFilter($0.key) }, uniquingKeysWith: { $1 })
    let old = Dictionary(
      began.flattened.filter { !Self.isFilter($0.key) }, uniquingKeysWith: { $1 })
    for key in Set(new.keys).union(old.keys).sorted() {
      let after = new[key] ?? ""
      if key == "log.level" {
        try applyLogLevel(after, dryRun, &answer)
      } else if let tunable = engine.liveTunable(key) {
        try apply(tunable, after, engine, dryRun, &answer)
      } else if after != old[key] ?? "" {
        answer.needsRestart.append(ReloadItem(key: key, before: old[key] ?? "", after: after))
      }
    }
    try applyFilters(rules, engine, dryRun, &answer)
    return answer
  }

  private static func isFilter(_ key: String) -> Bool {
    key == "filters" || key.hasPrefix("filters[")
  }

  private func wrong(_ problems: [String]) -> RPCError {
    RPCError(
      .invalidParams,
      "the configuration is wrong, and nothing has changed: \(problems.first ?? path)"
        + (problems.count > 1 ? " (and \(problems.count - 1) more)" : ""),
      data: ["problems": .array(problems.map { .string($0) })])
  }

  private func applyLogLevel(
    _ word: String, _ dryRun: Bool, _ answer: inout ReloadAnswer
  ) throws(RPCError) {
    guard let level = Logger.Level(rawValue: word), level != logLevel.level else { return }
    let before = dryRun ? logLevel.level : logLevel.set(level)
    answer.applied.append(
      ReloadItem(key: "log.level", before: before.rawValue, after: level.rawValue))
  }

  /// The file's value against the one in force, which somebody may have tuned since the start.
  private func apply(
    _ tunable: Tunable, _ text: String, _ engine: Engine, _ dryRun: Bool,
    _ answer: inout ReloadAnswer
  ) throws(RPCError) {
    let value: TuningValue =
      switch tunable.kind {
      case .integer: Int(text).map { .integer($0) } ?? .text(text)
      case .number: Double(text).map { .number($0) } ?? .text(text)
      case .choice: .text(text)
      }
    guard value.description != tunable.value.description else { return }
    if !dryRun { _ = try engine.tuneChecked(TuningSetParameters(key: tunable.key, value: value)) }
    answer.applied.append(
      ReloadItem(
        key: tunable.key, before: tunable.value.description, after: value.description))
  }

  /// Rules that are as they were keep what they have counted.
  private func applyFilters(
    _ rules: [FilterRule], _ engine: Engine, _ dryRun: Bool, _ answer: inout ReloadAnswer
  ) throws(RPCError) {
    guard let book = engine.filterBook else { return }
    let present = book.list().rules.map(\.rule)
    guard present != rules else { return }
    if !dryRun { try book.set(rules) }
    let count = answer.applied.count
    for rule in present where !rules.contains(where: { $0.name == rule.name }) {
      answer.applied.append(
        ReloadItem(key: "filters[\(rule.name)]", before: rule.words, after: ""))
    }
    for rule in rules {
      let before = present.first { $0.name == rule.name }
      if before == rule { continue }
      answer.applied.append(
        ReloadItem(
          key: "filters[\(rule.name)]", before: before?.words ?? "", after: rule.words))
    }
    if answer.applied.count == count {
      answer.applied.append(
        ReloadItem(
          key: "filters", before: present.map(\.name).joined(separator: ", "),
          after: rules.map(\.name).joined(separator: ", ")))
    }
  }
}

extension FilterRule {
  /// In a line.
  var words: String {
    var text = action.rawValue
    if let oneIn { text += " 1/\(oneIn)" }
    if let tag { text += " \(tag)" }
    text += expression.isEmpty ? ", every packet" : ", \(expression)"
    if inner { text += ", inner" }
    if let ports { text += ", on \(ports.joined(separator: " "))" }
    return text
  }
}

extension Settings {
  /// The filter rules in the control plane's terms.
  package var filterRules: [FilterRule] {
    filters.map { filter in
      var rule = FilterRule()
      rule.name = filter.name
      rule.expression = filter.expression
      rule.action = FilterAction(rawValue: filter.action.rawValue) ?? .drop
      rule.oneIn = filter.oneIn
      rule.tag = filter.tag
      rule.ports = filter.ports
      rule.inner = filter.inner
      return rule
    }
  }
}

extension Engine {
  package func reload(_ parameters: ReloadParameters) throws -> ReloadAnswer {
    guard let reloader else {
      throw RPCError(.wrongState, "this engine was not made from a configuration file")
    }
    return try reloader.reload(self, dryRun: parameters.dryRun ?? false)
  }

  package func setLogLevel(_ parameters: LogLevelParameters) throws -> LogLevelChange {
    guard let level = Logger.Level(rawValue: parameters.level) else {
      throw RPCError(
        .invalidParams,
        "level is \"\(parameters.level)\", but must be one of"
          + " \(LogLevelParameters.levels.joined(separator: ", "))",
        data: [
          "parameter": "level",
          "allowed": .array(LogLevelParameters.levels.map { .string($0) }),
        ])
    }
    guard let logLevel else { throw RPCError(.wrongState, "the log's level is fixed") }
    return LogLevelChange(before: logLevel.set(level).rawValue, after: level.rawValue)
  }
}
