import ArgumentParser
import Configuration
import ControlServer
import DPDKPorts
import Foundation
import Logging
import Ports
import Runtime
import Sinks

/// The engine daemon.
@main
struct Martletd: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "martletd",
    abstract: "Captures packets from DPDK ports, turns them into flow records, and publishes them.",
    discussion: """
      SIGINT and SIGTERM end it in order: ports stop, every live flow is exported, sinks drain. A \
      second one ends it at once.

      Exit status: 0 after an orderly end, 64 for a wrong command line, 78 for a wrong \
      configuration, 1 where something failed at run time.
      """,
    version: version)

  @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
  var config = "/etc/martlet/martlet.yaml"

  @Flag(help: "Say everything that is wrong with the configuration, and start nothing.")
  var check = false

  @Flag(help: "End when every player has played its capture.")
  var untilPlayersFinish = false

  func run() throws {
    let result = SettingsLoader.load(path: config)
    for warning in result.warnings { Output.error("warning: \(warning)") }
    guard let settings = result.settings else {
      for problem in result.problems { Output.error("\(problem)") }
      throw Exit.configuration
    }
    if check {
      try checkMachine(settings)
      try checkFilters(settings)
      print(MemoryBudget(settings).describe())
      let ports = settings.ports.count == 1 ? "1 port" : "\(settings.ports.count) ports"
      let workers = settings.engine.workers == 1 ? "1 worker" : "\(settings.engine.workers) workers"
      print("\n\(config): right; \(ports), \(workers)")
      return
    }
    // Signals first: every thread made from here on has them blocked.
    var signals = Signals()
    let level = LogLevel(Logger.Level(rawValue: settings.log.level.rawValue) ?? .info)
    let logger = Output.logger(settings.log, level)
    logger.debug("effective settings:\n\(settings.describe())")
    let daemon = try build(settings, logger)
    daemon.engine.reloader = Reloader(path: config, began: settings, logLevel: level)
    daemon.engine.logLevel = level
    try daemon.run(&signals, untilPlayersFinish: untilPlayersFinish)
  }

  /// What the configuration asks of the machine, without taking any of it.
  private func checkMachine(_ settings: Settings) throws {
    do {
      _ = try EngineBuilder.assignCores(settings)
      _ = try ControlPlane.access(settings.control)
    } catch {
      Output.error("\(config): \(error)")
      throw Exit.configuration
    }
    try checkCaptures(settings)
  }

  /// A device shows at the start only; a file that is to be played is there or not.
  private func checkCaptures(_ settings: Settings) throws {
    var isWrong = false
    for (index, port) in settings.ports.enumerated() {
      guard let player = port.player, access(player.capture, R_OK) != 0 else { continue }
      let why = String(cString: strerror(errno))
      Output.error("\(config): ports[\(index)].player.capture: \(player.capture): \(why)")
      isWrong = true
    }
    if isWrong { throw Exit.configuration }
  }

  private func checkFilters(_ settings: Settings) throws {
    if let problem = FilterCheck.problem(
      settings.filterRules, portNames: settings.ports.map(\.name))
    {
      Output.error("\(config): \(problem)")
      throw Exit.configuration
    }
  }

  private func build(_ settings: Settings, _ logger: Logger) throws -> Daemon {
    do {
      // Before anything is taken: a name that nobody bears here is the configuration's fault.
      _ = try ControlPlane.access(settings.control)
      return try EngineBuilder(settings: settings, logger: logger).build()
    } catch let error as CoreAssignmentError {
      Output.error("\(config): \(error)")
      throw Exit.configuration
    } catch let error as AccessListError {
      Output.error("\(config): \(error)")
      throw Exit.configuration
    } catch let error as ConfigurationError {
      Output.error("\(config): \(error)")
      throw Exit.configuration
    } catch let error as PortError where error.isConfiguration {
      Output.error("\(config): \(error)")
      throw Exit.configuration
    } catch {
      Output.error("martletd: \(error)")
      throw Exit.failure
    }
  }
}

/// Exit statuses, after sysexits.h.
enum Exit {
  static let failure = ExitCode(1)
  static let configuration = ExitCode(78)
}

/// Something that the configuration file says and that cannot be had.
struct ConfigurationError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

enum Output {
  static func error(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }

  static func logger(_ settings: Settings.Log, _ level: LogLevel) -> Logger {
    Logger(label: "martletd") { label in
      let base: any LogHandler =
        switch settings.format {
        case .text: StreamLogHandler.standardError(label: label)
        case .json: JSONLogHandler()
        }
      return LeveledLogHandler(base, level: level)
    }
  }
}
