import Foundation

/// A folder of its own under /tmp, removed with everything in it when the last reference goes.
///
/// Always /tmp and a short name: Unix sockets live in it, and a socket's path has 107 bytes.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw SupportError("cannot make a temporary folder: \(String(cString: strerror(errno)))")
    }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of a name in the folder.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file into the folder and returns its path.
  @discardableResult
  func write(_ text: String, as name: String) throws -> String {
    let target = file(name)
    try text.write(toFile: target, atomically: false, encoding: .utf8)
    return target
  }
}

/// What went wrong in a helper, in words for the test's report.
struct SupportError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
