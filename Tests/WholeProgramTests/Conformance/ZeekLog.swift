import Foundation

/// A `conn.log` of one of Zeek's tests, and how it was made.
struct ZeekLog {
  /// The test's name and the log's, such as `core.erspanI/conn.log`.
  let name: String
  let test: String
  let trace: String
  let command: String
  let rows: [ZeekConnection]

  /// The packet filter of `-f '…'`.
  var filter: String? { command.firstMatch(of: /-f '([^']+)'/).map { String($0.1) } }

  /// `-C`, and the logs of a test that tries the option for some networks.
  var ignoresChecksums: Bool {
    command.contains(" -C ") || name.contains("conn-worked") || Self.commandsWithC.contains(test)
  }

  /// Tests whose command the map of traces leaves out, and that have the option.
  private static let commandsWithC: Set = [
    "scripts.base.protocols.quic.curl-http3", "scripts.base.protocols.quic.decrypt-crash",
    "scripts.policy.frameworks.analyzer.detect-protocols",
  ]

  /// Whether the trace's first packet was captured in part. Zeek's traces are little-endian pcap.
  var beginsCut: Bool {
    let header = FileHandle(forReadingAtPath: trace)?.readData(ofLength: 40) ?? Data()
    guard header.count == 40, header.starts(with: [0xd4, 0xc3, 0xb2, 0xa1]) else { return false }
    // The packet's length in the file, then the one it had.
    return header[32..<36].reversed().lexicographicallyPrecedes(header[36..<40].reversed())
  }

  /// All logs in the corpus whose trace is there, in the order of their names.
  static func all() throws -> [ZeekLog] {
    guard let folder = Captures.folder else { return [] }
    let map = try String(contentsOfFile: "\(folder)/zeek_map.tsv", encoding: .utf8)
    let baselines = "\(folder)/zeek/testing/btest/Baseline"
    var logs: [ZeekLog] = []
    for line in map.split(separator: "\n").dropFirst() {
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard cells.count > 3 else { continue }
      guard let trace = Captures.path("zeek/testing/btest/Traces/\(cells[2])") else { continue }
      let files = try? FileManager.default.contentsOfDirectory(atPath: "\(baselines)/\(cells[0])")
      for file in (files ?? []).sorted() where file.hasPrefix("conn") && file.contains(".log") {
        let data = FileManager.default.contents(atPath: "\(baselines)/\(cells[0])/\(file)")
        logs.append(
          ZeekLog(
            name: "\(cells[0])/\(file)", test: cells[0], trace: trace, command: cells[3],
            rows: rows(String(decoding: data ?? Data(), as: UTF8.self))))
      }
    }
    return logs.sorted { $0.name < $1.name }
  }

  /// Rows below `#fields`, or below zeek-cut's bare line of names.
  static func rows(_ text: String) -> [ZeekConnection] {
    var names: [String] = []
    var rows: [ZeekConnection] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("### ") {
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      if line.hasPrefix("#") {
        if cells[0] == "#fields" { names = Array(cells.dropFirst()) }
        continue
      }
      if names.isEmpty {
        names = cells
        continue
      }
      guard cells.count == names.count else { continue }
      var row = ZeekConnection()
      for (name, cell) in zip(names, cells) {
        if let field = ZeekField(rawValue: name) ?? ZeekField.otherNames[name] {
          row[field] = cell
        }
      }
      func list(_ name: String) -> [String] {
        guard let index = names.firstIndex(of: name), cells[index] != "-" else { return [] }
        return cells[index].split(separator: ",").map(String.init)
      }
      row.uid = list("uid").first ?? ""
      row.parents = list("tunnel_parents")
      row.services = list("service")
      row.unify()
      rows.append(row)
    }
    return rows
  }
}
