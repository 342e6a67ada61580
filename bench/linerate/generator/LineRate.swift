import ArgumentParser
import CBurst
import DPDKPorts
import Foundation

/// The line-rate bench's own programs in one: `bench/linerate/run` puts them together.
@main
struct LineRate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "martlet-linerate",
    abstract:
      "Sends flows or a capture at a given rate, receives and throws away, compares records.",
    subcommands: [Send.self, Play.self, Receive.self, Check.self, Cores.self])
}

/// A DPDK process of one thread on one core.
enum Environment {
  static func start(core: Int, memoryMegabytes: Int) throws -> DPDKEnvironment {
    try DPDKEnvironment(
      DPDKEnvironmentOptions(
        workerCores: [], mainCore: core, availableCores: [core], noHugepages: false,
        memoryMegabytes: memoryMegabytes, filePrefix: nil, pciDevices: [])
    ) { level, line in
      if level <= 4 { say(line) }
    }
  }

  static func say(_ line: String) {
    FileHandle.standardError.write(Data("martlet-linerate: \(line)\n".utf8))
  }

  /// One line of JSON on standard output, at once.
  static func answer(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var line = try encoder.encode(value)
    line.append(10)
    FileHandle.standardOutput.write(line)
  }

  /// The TSC's rate against the monotonic clock, over a fifth of a second.
  static func ticksPerSecond() -> Double {
    let began = martlet_monotonic_ns()
    let tsc = martlet_tsc()
    usleep(200_000)
    let elapsed = martlet_monotonic_ns() - began
    return Double(martlet_tsc() &- tsc) / Double(elapsed) * 1e9
  }
}
