import Foundation

/// The program `martlet`, run as a script runs it.
enum MartletProgram {
  /// Beside the test bundle in the build folder.
  static let path: String = {
    // The bundle is an executable in the build folder, or is loaded by a runner and then stands in
    // the arguments.
    let candidates = CommandLine.arguments + [Bundle.main.executablePath ?? ""]
    for candidate in candidates where candidate.contains("/") {
      let program = (candidate as NSString).deletingLastPathComponent + "/martlet"
      if FileManager.default.isExecutableFile(atPath: program) { return program }
    }
    return ".build/debug/martlet"
  }()

  /// Runs it to its end, without a terminal.
  static func run(_ arguments: String..., socket: String) throws -> ChildProcess.Outcome {
    try run(arguments, socket: socket)
  }

  static func run(_ arguments: [String], socket: String) throws -> ChildProcess.Outcome {
    try ChildProcess.run(
      path, arguments,
      environment: ["MARTLET_SOCKET=\(socket)", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"])
  }
}
