import Foundation

/// A folder that is gone after the test.
final class TemporaryFolder {
  let path = "/tmp/mrtl-folder-\(UInt32.random(in: .min ... .max))"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func names(_ folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
  }

  /// What a crash would leave of a folder in this moment: what has been written, and nothing more.
  func copy(of folder: String, as name: String) throws {
    try FileManager.default.copyItem(atPath: "\(path)/\(folder)", toPath: "\(path)/\(name)")
  }
}
