import Foundation

/// One of Zeek's tests: a trace, how it was read, and the logs of protocols that came of it.
struct ZeekTruth {
  struct Log {
    /// `dns`
    let path: String
    let fields: [String]
    let rows: [[String]]
  }

  let test: String
  let trace: String
  /// Zeek throws packets with wrong checksums away, unless it is told not to (`-C`).
  let ignoresChecksums: Bool
  let logs: [Log]

  static let paths = ["dns", "http", "ssl", "quic", "dhcp", "ssh", "smtp", "files"]

  static func all(in folder: String) -> [ZeekTruth] {
    let map = (try? String(contentsOfFile: folder + "/zeek_map.tsv", encoding: .utf8)) ?? ""
    let root = folder + "/zeek/testing/btest"
    return map.split(separator: "\n").dropFirst().compactMap { line in
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard cells.count >= 5 else { return nil }
      let trace = "\(root)/Traces/\(cells[2])"
      guard !cells[2].isEmpty, FileManager.default.fileExists(atPath: trace) else { return nil }
      let logs = cells[4].split(separator: ",").compactMap { name -> Log? in
        let parts = name.split(separator: ".")
        guard parts.count >= 2, parts[1] == "log", paths.contains(String(parts[0])),
          !name.hasSuffix("json"),
          let text = try? String(
            contentsOfFile: "\(root)/Baseline/\(cells[0])/\(name)", encoding: .utf8)
        else { return nil }
        return log(String(parts[0]), text)
      }
      guard !logs.isEmpty else { return nil }
      return ZeekTruth(
        test: cells[0], trace: trace,
        // Where the command is not known nothing is thrown away.
        ignoresChecksums: cells[3].isEmpty || cells[3].split(separator: " ").contains("-C"),
        logs: logs)
    }
  }

  /// A log with its header of `#fields`, or, where it has been cut to some columns, with names in its first
  /// line.
  static func log(_ path: String, _ text: String) -> Log? {
    var fields: [String] = []
    var rows: [[String]] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      if line.hasPrefix("#fields") {
        fields = Array(cells.dropFirst())
      } else if line.hasPrefix("#") {
        continue
      } else if fields.isEmpty {
        fields = cells
      } else if cells.count == fields.count {
        rows.append(cells)
      }
    }
    return fields.isEmpty ? nil : Log(path: path, fields: fields, rows: rows)
  }
}

/// One of Zeek's logs held to ours.
struct ZeekLogComparison {
  let truth: ZeekTruth.Log
  let own: ZeekTruth.Log
  /// For each row of the truth the row of ours that it is.
  let pairs: [(expected: [String], found: [String]?)]
  let surplus: Int

  /// Columns that differ from run to run.
  static let masked: Set = ["ts", "uid", "uids", "fuid", "parent_fuid"]
  /// Those of which only the number is compared.
  static let counted: Set = ["orig_fuids", "resp_fuids", "fuids"]
  private static let key = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "trans_id"]

  init(_ truth: ZeekTruth.Log, _ own: ZeekTruth.Log) {
    self.truth = truth
    self.own = own
    let places = truth.fields.map { own.fields.firstIndex(of: $0) }
    let keys = truth.fields.indices.filter {
      Self.key.contains(truth.fields[$0]) && places[$0] != nil
    }
    var choices: [(score: Int, row: Int, candidate: Int)] = []
    for (row, expected) in truth.rows.enumerated() {
      for (candidate, found) in own.rows.enumerated() {
        guard keys.allSatisfy({ expected[$0] == found[places[$0]!] }) else { continue }
        let score = truth.fields.indices.count { column in
          guard let place = places[column] else { return false }
          return Self.agree(truth.fields[column], expected[column], found[place])
        }
        choices.append((score, row, candidate))
      }
    }
    choices.sort { ($1.score, $0.row, $0.candidate) < ($0.score, $1.row, $1.candidate) }
    var matches: [Int: Int] = [:]
    var taken: Set<Int> = []
    for choice in choices where matches[choice.row] == nil && !taken.contains(choice.candidate) {
      matches[choice.row] = choice.candidate
      taken.insert(choice.candidate)
    }
    pairs = truth.rows.enumerated().map { row, expected in
      (expected, matches[row].map { own.rows[$0] })
    }
    surplus = own.rows.count - taken.count
  }

  /// Columns that both have and that can be compared.
  var columns: [(name: String, expected: Int, found: Int)] {
    truth.fields.enumerated().compactMap { number, name in
      guard !Self.masked.contains(name), let place = own.fields.firstIndex(of: name) else {
        return nil
      }
      return (name, number, place)
    }
  }

  /// A line's values by the names of the columns that both have.
  func named(
    _ row: [String], _ place: ((name: String, expected: Int, found: Int)) -> Int
  ) -> [String: String] {
    Dictionary(
      columns.map { ($0.name, row[place($0)]) }, uniquingKeysWith: { first, _ in first })
  }

  static func agree(_ column: String, _ expected: String, _ found: String) -> Bool {
    if expected == found || masked.contains(column) { return true }
    func count(_ text: String) -> Int {
      text == "-" || text == "(empty)" ? 0 : text.split(separator: ",").count
    }
    if counted.contains(column) { return count(expected) == count(found) }
    if ["rcptto", "to", "cc", "proxied", "analyzers"].contains(column) {
      // Sets have no order.
      return expected.split(separator: ",").sorted() == found.split(separator: ",").sorted()
    }
    return false
  }
}
