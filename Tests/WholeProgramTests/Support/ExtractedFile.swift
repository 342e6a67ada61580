import Foundation
import Testing

/// What `martlet read --extract-files` has kept: a line of `index.json`, and the file's bytes.
struct ExtractedFile {
  let record: [String: Any]
  let bytes: Data

  var extracted: [String: Any] { record["extracted"] as? [String: Any] ?? [:] }
  var fileinfo: [String: Any] { record["fileinfo"] as? [String: Any] ?? [:] }
  var path: String { extracted["path"] as? String ?? "" }
  var isComplete: Bool { extracted["complete"] as? Bool ?? false }
  var text: String { String(decoding: bytes, as: UTF8.self) }
  var name: String? { fileinfo["filename"] as? String }

  /// What a run keeps of a capture, in a folder of its own.
  static func read(
    _ path: String, in folder: TemporaryFolder, _ more: [String] = []
  ) throws -> [ExtractedFile] {
    let target = folder.file("out-\(UUID().uuidString)")
    let run = try FileRead([path, "--extract-files", target, "--quiet"] + more)
    guard run.status == .exited(0) else { throw SupportError("\(run.status) \(run.errors)") }
    let names = try FileManager.default.subpathsOfDirectory(atPath: target)
    let found = try FileRead.records(
      String(contentsOfFile: "\(target)/index.json", encoding: .utf8)
    ).map { record in
      let extracted = record["extracted"] as? [String: Any]
      let path = extracted?["path"] as? String ?? "?"
      return ExtractedFile(
        record: record, bytes: try Data(contentsOf: URL(fileURLWithPath: "\(target)/\(path)")))
    }
    // Nothing but what the index knows of, in folders of two digits.
    let files = names.filter { $0.contains("/") }
    #expect(Set(files) == Set(found.map(\.path)))
    #expect(
      found.allSatisfy {
        $0.path.wholeMatch(of: /([0-9a-f]{2})\/\1[0-9a-f]{62}(\.incomplete)?/) != nil
      })
    return found
  }

  /// What tshark exports of a capture.
  static func tsharks(
    _ kind: String, _ path: String, in folder: TemporaryFolder
  ) throws -> [(name: String, bytes: Data)] {
    let target = folder.file("tshark-\(UUID().uuidString)")
    _ = try Subprocess.output(
      "tshark", ["-n", "-q", "-r", path, "--export-objects", "\(kind),\(target)"])
    let names = (try? FileManager.default.contentsOfDirectory(atPath: target)) ?? []
    return try names.sorted().map {
      ($0, try Data(contentsOf: URL(fileURLWithPath: "\(target)/\($0)")))
    }
  }
}
