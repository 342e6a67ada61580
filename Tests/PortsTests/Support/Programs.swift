import Foundation
import Testing

/// Other people's programs that the reader is held against.
enum Programs {
  static func path(_ name: String) -> String? {
    ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"].lazy.map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static func has(_ names: String...) -> Bool { names.allSatisfy { path($0) != nil } }

  static let wireshark = has("mergecap", "editcap", "capinfos")
  static let noWireshark: Comment =
    "no mergecap, editcap and capinfos here: apt install wireshark-common"

  /// Runs a program to its end; its standard output, whatever its exit code. What it says of errors is
  /// dropped.
  static func output(_ name: String, _ arguments: [String]) throws -> [UInt8] {
    let program = try #require(path(name), "\(name) is not installed")
    let folder = try TemporaryFolder()
    let file = folder.file("output")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    var child: pid_t = 0
    try #require(posix_spawn(&child, program, &actions, nil, pointers, environ) == 0)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return try contents(file)
  }

  static func run(_ name: String, _ arguments: String...) throws {
    _ = try output(name, arguments)
  }
}

/// The public captures, which are kept beside the package and never in it.
enum Captures {
  static let folder: String? = {
    if let given = ProcessInfo.processInfo.environment["MARTLET_CAPTURES"] { return given }
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }  // Support, PortsTests, Tests
    let path = root.path + "/../shared/captures"
    return FileManager.default.fileExists(atPath: "\(path)/MANIFEST.tsv") ? path : nil
  }()

  static var areThere: Bool { folder != nil }
  static let absent: Comment = "no public captures here: set MARTLET_CAPTURES to their folder"

  struct Entry: Sendable {
    var path: String
    var packets: Int
    var damage: String
  }

  /// Every row of the manifest.
  static let manifest: [Entry] = {
    guard let folder,
      let text = try? String(contentsOfFile: "\(folder)/MANIFEST.tsv", encoding: .utf8)
    else { return [] }
    let rows = text.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
    guard let header = rows.first, let capture = header.firstIndex(of: "capture"),
      let packets = header.firstIndex(of: "packets"), let damaged = header.firstIndex(of: "damaged")
    else { return [] }
    return rows.dropFirst().map {
      Entry(path: $0[capture], packets: Int($0[packets]) ?? -1, damage: $0[damaged])
    }
  }()

  static func path(_ name: String) -> String { "\(folder ?? "")/\(name)" }
}
