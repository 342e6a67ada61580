import Foundation

/// A folder that is gone with its last reference.
final class Folder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "martlet-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func names(_ within: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(within)").sorted()
  }
}
