/// What one check of the host came to.
struct Finding: Encodable, Equatable, Sendable {
  enum State: String, Encodable, Comparable, Sendable, CaseIterable {
    /// As it should be, or of no concern here.
    case ok
    /// Could be better; nothing is lost by it.
    case advice
    /// Costs speed, or packets under load.
    case warning
    /// The engine does not start, or loses packets for certain.
    case failure

    static func < (left: State, right: State) -> Bool { left.rank < right.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  /// Where in the report it stands.
  enum Area: String, Encodable, Sendable, CaseIterable {
    case configuration, memory, cores, clock, ports, redis
  }

  var area: Area
  /// Name of the check; docs/tuning.md has a heading for each.
  var check: String
  var state: State
  /// What is so, in one sentence without its full stop.
  var found: String
  /// What that does to packets.
  var why: String
  /// Commands, or what to write where; empty where there is nothing to mend.
  var mend: [String] = []
  var needsReboot = false
  /// What `--fix` can do about it while the host runs.
  var fix: [Fix] = []

  enum CodingKeys: String, CodingKey {
    case area, check, state, found, why, mend, needsReboot, isFixable
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(area, forKey: .area)
    try container.encode(check, forKey: .check)
    try container.encode(state, forKey: .state)
    try container.encode(found, forKey: .found)
    try container.encode(why, forKey: .why)
    try container.encode(mend, forKey: .mend)
    try container.encode(needsReboot, forKey: .needsReboot)
    try container.encode(!fix.isEmpty, forKey: .isFixable)
  }
}

/// A change that is safe on a running host and gone after a reboot.
enum Fix: Equatable, Sendable {
  /// A value into a file of /proc or /sys.
  case write(String, to: String)
  case loadModule(String)

  var description: String {
    switch self {
    case .write(let value, let path): "echo \(value) > \(path)"
    case .loadModule(let name): "modprobe \(name)"
    }
  }
}
