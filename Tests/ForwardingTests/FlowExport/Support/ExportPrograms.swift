import Foundation
import Testing

/// Collectors and decoders that the flow export is held against.
enum ExportPrograms {
  static func path(_ name: String) -> String? {
    ["/usr/bin", "/usr/sbin", "/bin", "/usr/local/bin", "/usr/local/sbin"]
      .map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// For `.enabled(if:)`: says loudly what is not tested.
  private static func has(_ names: [String], _ package: String) -> Bool {
    if names.allSatisfy({ path($0) != nil }) { return true }
    FileHandle.standardError.write(
      Data(
        "\n*** no \(names[0]): THE FLOW EXPORT IS NOT TESTED WITH IT (apt install \(package)) ***\n\n"
          .utf8))
    return false
  }

  static let nfdump = has(["nfcapd", "nfdump"], "nfdump")
  static let tshark = has(["tshark"], "tshark")
  static let pmacct = has(["nfacctd"], "pmacct")

  /// `martlet`, which is built beside the tests.
  static let martlet: String? = {
    let candidates = CommandLine.arguments + [Bundle.main.executablePath ?? ""]
    let bundle = candidates.first { $0.contains(".xctest") }.map { URL(fileURLWithPath: $0) }
    var folder = bundle
    while let place = folder, place.path != "/" {
      let program = place.deletingLastPathComponent().appendingPathComponent("martlet").path
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: program, isDirectory: &isFolder),
        !isFolder.boolValue
      {
        return program
      }
      folder = place.deletingLastPathComponent()
    }
    return nil
  }()

  /// The folder with the public captures: MARTLET_CAPTURES, or ../shared/captures.
  static let captures: String? = {
    var root = URL(fileURLWithPath: #filePath)
    // The file, then Support, FlowExport, ForwardingTests and Tests.
    for _ in 0..<5 { root.deleteLastPathComponent() }
    let given = ProcessInfo.processInfo.environment["MARTLET_CAPTURES"]
    let path = given ?? "\(root.path)/../shared/captures"
    return FileManager.default.fileExists(atPath: "\(path)/MANIFEST.tsv") ? path : nil
  }()

  static let capturesCanBeRead: Bool = {
    if martlet != nil && captures != nil { return true }
    FileHandle.standardError.write(
      Data(
        "\n*** no martlet beside the tests, or no captures (MARTLET_CAPTURES): THE EXPORT OF "
          .utf8)
        + Data("CAPTURED FLOWS IS NOT TESTED ***\n\n".utf8))
    return false
  }()
}

/// A program of somebody else's, killed with its owner.
final class ExportChild {
  private(set) var process: pid_t = 0
  private let log: String

  /// Standard output and errors go to a file.
  init(_ name: String, _ arguments: [String], log: String) throws {
    self.log = log
    let program = try #require(name.hasPrefix("/") ? name : ExportPrograms.path(name))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Threads of the test runner block signals; a child must not.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    let status = posix_spawn(&process, program, &actions, &attributes, pointers, environ)
    try #require(status == 0, "\(program): \(String(cString: strerror(status)))")
  }

  deinit {
    if process > 0 {
      kill(process, SIGKILL)
      waitForEnd()
    }
  }

  var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

  func waitForEnd() {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    process = 0
  }

  /// Asks it to end, and waits until it has.
  func terminate() {
    kill(process, SIGTERM)
    waitForEnd()
  }

  /// Runs a program to its end: what it wrote.
  static func output(_ name: String, _ arguments: [String], _ folder: ExportFolder) throws
    -> String
  {
    let child = try ExportChild(name, arguments, log: folder.file("output-\(UUID().uuidString)"))
    child.waitForEnd()
    return child.output
  }
}

/// A folder that goes with its owner.
final class ExportFolder {
  let path = "/tmp/mrtl-export-\(UInt64.random(in: .min ... .max))"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// Waits for a condition.
func awaitExport(_ what: String, seconds: Double = 60, _ condition: () throws -> Bool) throws {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while try !condition() {
    try #require(Date() < deadline, "\(what): not after \(seconds) s")
    usleep(20_000)
  }
}
