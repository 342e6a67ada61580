import Foundation
import Glibc

/// The host as /proc and /sys show it, below a root that tests put a tree of their own in.
struct HostFiles: Sendable {
  /// Empty for the host itself.
  let root: String

  init(root: String = "") { self.root = root }

  /// A file's text without white space at its ends; nil where it cannot be read.
  func text(_ path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: root + path) else { return nil }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func number(_ path: String) -> Int? { text(path).flatMap { Int($0) } }

  /// What is in a folder, in order; empty where there is none.
  func names(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: root + folder)) ?? []).sorted()
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + path) }

  /// The last part of what a link points to: a device's driver, its IOMMU group.
  func linkedName(_ path: String) -> String? {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: root + path))
      .flatMap { $0.split(separator: "/").last.map(String.init) }
  }

  /// The chosen word of `always [madvise] never`.
  func choice(_ path: String) -> String? {
    guard let text = text(path), let open = text.firstIndex(of: "["),
      let close = text.firstIndex(of: "]"), open < close
    else { return nil }
    return String(text[text.index(after: open)..<close])
  }

  /// - Throws: what the system says, in words.
  func write(_ value: String, to path: String) throws {
    // As a shell's redirection opens it; never made anew.
    let descriptor = open(root + path, O_WRONLY | O_TRUNC | O_CLOEXEC)
    guard descriptor >= 0 else { throw HostFileError(path: path, code: errno) }
    defer { close(descriptor) }
    let bytes = Array(value.utf8)
    // One write: the files of /proc and /sys take a value whole.
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw HostFileError(path: path, code: errno)
    }
  }
}

struct HostFileError: Error, CustomStringConvertible {
  var path: String
  var code: Int32
  var description: String { "\(path): \(String(cString: strerror(code)))" }
}
