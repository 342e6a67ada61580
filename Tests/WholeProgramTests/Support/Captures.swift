import Foundation
import Testing

/// The captures that tests read: the project's own, and public ones that are kept beside the
/// package and never in it.
enum Captures {
  /// The folder of Package.swift.
  static let packageRoot: String = {
    var folder = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { folder.deleteLastPathComponent() }  // Support, WholeProgramTests, Tests
    return folder.path
  }()

  /// The project's own capture, always there: real programs, every checksum right.
  static var demo: String { "\(packageRoot)/config/demo.pcap" }

  /// The folder with the public captures: MARTLET_CAPTURES, or ../shared/captures; nil where it is absent.
  static let folder: String? = {
    let given = ProcessInfo.processInfo.environment["MARTLET_CAPTURES"]
    let path = given ?? "\(packageRoot)/../shared/captures"
    return FileManager.default.fileExists(atPath: "\(path)/MANIFEST.tsv") ? path : nil
  }()

  static var areThere: Bool { folder != nil }
  static let absent = "no public captures here: set MARTLET_CAPTURES to their folder"

  /// The path of a capture in that folder; nil where it is absent.
  static func path(_ name: String) -> String? {
    guard let folder else { return nil }
    let path = "\(folder)/\(name)"
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// A row of MANIFEST.tsv.
  struct Entry: Sendable, CustomTestStringConvertible {
    let corpus: String
    let path: String
    let linkType: String
    let packets: Int
    let isDamaged: Bool

    var testDescription: String { path }
  }

  /// Every capture in the manifest, in its order; empty where the folder is absent.
  static let manifest: [Entry] = {
    guard let folder,
      let text = try? String(contentsOfFile: "\(folder)/MANIFEST.tsv", encoding: .utf8)
    else { return [] }
    let lines = text.split(separator: "\n")
    guard let header = lines.first?.split(separator: "\t", omittingEmptySubsequences: false) else {
      return []
    }
    func column(_ name: String) -> Int? { header.firstIndex { $0 == name } }
    guard let corpus = column("corpus"), let capture = column("capture"),
      let linkType = column("linktype"), let packets = column("packets"),
      let damaged = column("damaged")
    else { return [] }
    return lines.dropFirst().compactMap { line in
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard cells.count > max(corpus, capture, linkType, packets, damaged) else { return nil }
      return Entry(
        corpus: cells[corpus], path: cells[capture], linkType: cells[linkType],
        packets: Int(cells[packets]) ?? 0, isDamaged: cells[damaged] != "-")
    }
  }()
}
