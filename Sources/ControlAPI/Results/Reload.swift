/// Parameters of `engine.reload`.
package struct ReloadParameters: ControlParameters, Equatable {
  package static let names = ["dryRun"]
  /// Only say what would change; false unless given.
  package var dryRun: Bool?

  package init(dryRun: Bool? = nil) { self.dryRun = dryRun }
}

/// Answer of `engine.reload`.
package struct ReloadAnswer: Codable, Equatable, Sendable {
  /// The file that was read.
  package var path = ""
  /// What is in force now.
  package var applied: [ReloadItem] = []
  /// What the file has otherwise than this run began with, and only a restart changes.
  package var needsRestart: [ReloadItem] = []
  /// What the file has that is not wrong, but odd.
  package var warnings: [String] = []
  /// Nothing was changed, because it was only asked.
  package var isDryRun = false

  package init() {}
}

/// One key of the configuration.
package struct ReloadItem: Codable, Equatable, Sendable {
  /// `flows.timeouts.tcpSeconds`, `filters[web]`, `sinks[0].url`.
  package var key: String
  /// Empty where there was nothing, or is nothing now; never a secret.
  package var before: String
  package var after: String

  package init(key: String, before: String, after: String) {
    self.key = key
    self.before = before
    self.after = after
  }
}

/// Parameters of `log.setLevel`.
package struct LogLevelParameters: ControlParameters, Equatable {
  package static let names = ["level"]
  package static let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
  /// The least that is written.
  package var level: String

  package init(level: String) { self.level = level }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    level = try ParameterCheck.text(container, .level, of: Self.levels)
  }
}

/// Answer of `log.setLevel`.
package struct LogLevelChange: Codable, Equatable, Sendable {
  package var before: String
  package var after: String

  package init(before: String, after: String) {
    self.before = before
    self.after = after
  }
}
