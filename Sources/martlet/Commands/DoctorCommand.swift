import ArgumentParser
import Configuration
import Foundation
import Runtime

struct DoctorCommand: ParsableCommand {
  static let defaultConfiguration = "/etc/martlet/martlet.yaml"

  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check this host for what costs packets, and say what mends it.",
    discussion: """
      Hugepages, isolated cores, governor, interrupts, NUMA nodes, clock, NIC drivers, IOMMU, rings, \
      Redis: each with what was found, why it matters and the command that mends it. Nothing is \
      changed unless --fix is given. docs/tuning.md explains the checks.

      With a configuration (by default \(defaultConfiguration), where it is there) the host is held \
      against its cores, ports, memory and Redis.

      EXAMPLES
        martlet doctor
        martlet doctor --config martlet.yaml --fix
        martlet doctor --json | jq '.findings[] | select(.state == "failure")'

      EXIT STATUS
        0   all is well, or there is only advice
        1   warnings: speed, or packets under load
        2   failures: the engine does not start, or loses packets for certain
      """)

  @Option(help: ArgumentHelp("The configuration to check the host for.", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("The workers' cores, where none are configured.", valueName: "list"))
  var cores: String?

  @Flag(
    help: """
      Mend what is safe to mend while the host runs: hugepages, governor, interrupts' cores, \
      transparent hugepages, swappiness, vfio-pci. Until the next boot; as root.
      """)
  var fix = false

  @Flag(help: "Explain what is well, too.")
  var verbose = false

  @Flag(help: "Print findings as JSON.")
  var json = false

  func validate() throws {
    if let cores, CPUList.parse(cores).isEmpty {
      throw ValidationError("--cores takes a list such as 2-3,6")
    }
    if fix && geteuid() != 0 { throw ValidationError("--fix is for root") }
  }

  func run() throws {
    let host = HostFiles()
    var findings: [Finding] = []
    var settings: Settings?
    if let path = config
      ?? (host.exists(Self.defaultConfiguration) ? Self.defaultConfiguration : nil)
    {
      let result = SettingsLoader.load(path: path)
      settings = result.settings
      findings = Doctor.findings(of: result, path: path)
    }
    let doctor = Doctor(
      host: host,
      subject: DoctorSubject(settings: settings, workerCores: cores.map { CPUList.parse($0) }))
    var report = DoctorReport(findings: findings + doctor.examine())
    if fix {
      report.repairs = Doctor.repair(report.findings, host, loadModule: Self.modprobe)
      // As it is now: what was mended, and what the kernel would not do.
      report.findings = findings + doctor.examine()
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      Output.write([String(decoding: try encoder.encode(report), as: UTF8.self)])
    } else {
      Output.write(
        DoctorView(report: report, explainsAll: verbose)
          .lines(width: Output.width(), style: .ofStandardOutput()))
    }
    if report.exitStatus != 0 { throw ExitCode(report.exitStatus) }
  }

  /// What modprobe(8) complains of; nil where the module is there now.
  private static func modprobe(_ name: String) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["modprobe", name]
    let errors = Pipe()
    process.standardError = errors
    do {
      try process.run()
    } catch {
      return "\(error)"
    }
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if process.terminationStatus == 0 { return nil }
    let words = said.trimmingCharacters(in: .whitespacesAndNewlines)
    return words.isEmpty ? "exit status \(process.terminationStatus)" : words
  }
}
