import Configuration

/// Looks the host over, for a configuration or in general.
struct Doctor {
  let host: HostFiles
  let subject: DoctorSubject
  var redis = RedisChecks()

  /// Findings in the order of the report.
  func examine() -> [Finding] {
    HugepageChecks.check(host, subject) + MemoryChecks.check(host, subject)
      + IsolationChecks.check(host, subject) + CoreChecks.check(host, subject)
      + ClockChecks.check(host, subject) + DeviceChecks.check(host, subject)
      + redis.check(host, subject)
  }

  /// What a configuration file itself came to.
  static func findings(of result: SettingsResult, path: String) -> [Finding] {
    let why = "The engine does not start with a configuration that is wrong"
    let problems = result.problems.map {
      Finding(
        area: .configuration, check: "configuration", state: .failure, found: "\($0)", why: why)
    }
    let warnings = result.warnings.map {
      Finding(
        area: .configuration, check: "configuration", state: .advice, found: "\($0)",
        why: "It starts, but perhaps not as it was meant")
    }
    if problems.isEmpty && warnings.isEmpty {
      return [
        Finding(
          area: .configuration, check: "configuration", state: .ok, found: "\(path) is right",
          why: why)
      ]
    }
    return problems + warnings
  }

  /// One change and how it went.
  struct Repair: Encodable, Equatable, Sendable {
    var command: String
    /// What the system said; nil where it is done.
    var error: String?
  }

  /// Does what can be done while the host runs, of everything that is not well.
  static func repair(
    _ findings: [Finding], _ host: HostFiles, loadModule: (String) -> String?
  ) -> [Repair] {
    findings.filter { $0.state > .ok }.flatMap(\.fix).map { fix in
      var repair = Repair(command: fix.description)
      switch fix {
      case .write(let value, let path):
        do {
          try host.write(value, to: path)
        } catch {
          repair.error = "\(error)"
        }
      case .loadModule(let name): repair.error = loadModule(name)
      }
      return repair
    }
  }
}

/// The whole of what the command says.
struct DoctorReport: Encodable {
  var findings: [Finding]
  /// Empty unless `--fix` was given.
  var repairs: [Doctor.Repair] = []

  /// 0: nothing beyond advice; 1: warnings; 2: failures.
  var exitStatus: Int32 {
    switch findings.map(\.state).max() ?? .ok {
    case .ok, .advice: 0
    case .warning: 1
    case .failure: 2
    }
  }

  func count(_ state: Finding.State) -> Int { findings.count { $0.state == state } }
}
