import Foundation

/// What a test needs of the machine, for `.enabled(if:)`.
enum Requirements {
  /// Where a program is: its path on PATH or in the folders where Debian keeps root's programs.
  static func path(of program: String) -> String? {
    if program.contains("/") {
      return FileManager.default.isExecutableFile(atPath: program) ? program : nil
    }
    let variable = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let folders = variable.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
    return folders.lazy.map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static func has(_ programs: String...) -> Bool {
    programs.allSatisfy { path(of: $0) != nil }
  }

  static var tshark: Bool { has("tshark") }
  static var redis: Bool { has("redis-server") }
  static var isRoot: Bool { geteuid() == 0 }

  /// Network namespaces and veth pairs: af_packet and tap tests.
  static let networkNamespaces: Bool = {
    guard isRoot, has("ip") else { return false }
    let name = "martlet-probe-\(getpid())"
    guard (try? Subprocess.output("ip", ["netns", "add", name])) != nil else { return false }
    defer { _ = try? Subprocess.output("ip", ["netns", "del", name]) }
    let pair = [
      "-n", name, "link", "add", "name", "probe0", "type", "veth", "peer", "name", "probe1",
    ]
    return (try? Subprocess.output("ip", pair)) != nil
  }()

  /// Free hugepages of 2 MiB.
  static var freeHugepages: Int {
    let folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
    guard let text = try? String(contentsOfFile: folder, encoding: .ascii) else { return 0 }
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  /// Room for an engine and the process it is fed from.
  static var hugepages: Bool { freeHugepages >= 256 }
}

/// The programs under test, beside the test bundle in the build folder.
enum Programs {
  static var martletd: String { built("martletd") }
  static var martlet: String { built("martlet") }
  /// There where the tests were built with MARTLET_BENCH=1, as `make test` does.
  static var lineRate: String { built("martlet-linerate") }

  private static func built(_ name: String) -> String {
    if let folder = ProcessInfo.processInfo.environment["MARTLET_BIN"] {
      return "\(folder)/\(name)"
    }
    // The test bundle is an executable in the build folder, or is loaded by a runner and then
    // stands in the arguments.
    let candidates = CommandLine.arguments + [Bundle.main.executablePath ?? ""]
    for candidate in candidates where candidate.contains("/") {
      let folder = (candidate as NSString).deletingLastPathComponent
      let program = "\(folder)/\(name)"
      if FileManager.default.isExecutableFile(atPath: program) { return program }
    }
    return "\(Captures.packageRoot)/.build/debug/\(name)"
  }
}
