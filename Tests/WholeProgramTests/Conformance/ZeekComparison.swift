/// One log held to the readings of its trace.
struct ZeekComparison {
  struct Pair {
    let expected: ZeekConnection
    /// Nil where no record has the connection's ends.
    let found: ZeekConnection?
    let level: ZeekReading.Level
    /// How many connections of the log are around this one.
    let depth: Int
    let isTunnel: Bool

    var differences: [ZeekField] {
      guard let found else { return expected.fields.keys.sorted() }
      return expected.differences(from: found)
    }

    /// Nil where the log says nothing of it.
    func isEqual(in group: ZeekField.Group) -> Bool? {
      guard expected.fields.keys.contains(where: { $0.group == group }) else { return nil }
      if !ZeekField.Group.four.contains(group), group != .ends {
        guard let found else { return nil }
        let known = expected.fields.keys.filter { $0.group == group && found[$0] != nil }
        guard !known.isEmpty else { return nil }
      }
      return !differences.contains { $0.group == group }
    }
  }

  let log: ZeekLog
  let readings: [ZeekReading.Level: ZeekReading]
  let pairs: [Pair]

  init(_ log: ZeekLog, reading: (ZeekReading.Level) throws -> ZeekReading) throws {
    self.log = log
    let byUID = Dictionary(log.rows.map { ($0.uid, $0) }, uniquingKeysWith: { a, _ in a })
    func depth(_ row: ZeekConnection, _ limit: Int = 8) -> Int {
      let around = row.parents.compactMap { byUID[$0] }
      guard limit > 0, !around.isEmpty else { return 0 }
      return around.map { depth($0, limit - 1) + 1 }.max()!
    }
    let parents = Set(log.rows.flatMap(\.parents))
    let tunnels: Set<String> = ["vxlan", "geneve", "gtpv1", "teredo", "ayiya", "gre"]
    var rows: [(level: ZeekReading.Level, depth: Int, isTunnel: Bool)] = []
    var readings: [ZeekReading.Level: ZeekReading] = [:]
    for row in log.rows {
      let isTunnel = parents.contains(row.uid) || !tunnels.isDisjoint(with: row.services)
      let depth = depth(row)
      var level: ZeekReading.Level =
        !isTunnel ? .all : depth == 0 ? .none : depth == 1 ? .outermost : .all
      func read() throws -> ZeekReading {
        if readings[level] == nil { readings[level] = try reading(level) }
        return readings[level]!
      }
      // Not every tunnel says so in the log.
      if row.ends != nil, try !read().connections.contains(where: row.mayBe) {
        level = .none
      }
      _ = try read()
      rows.append((level, depth, isTunnel))
    }
    self.readings = readings

    // What agrees in most fields goes together first; ties in the order of both.
    var choices: [(score: Int, row: Int, record: Int)] = []
    for (index, row) in log.rows.enumerated() {
      for (record, found) in readings[rows[index].level]!.connections.enumerated() {
        guard row.mayBe(found) else { continue }
        let score = row.fields.count { found[$0.key] == $0.value }
        choices.append((score, index, record))
      }
    }
    choices.sort { ($1.score, $0.row, $0.record) < ($0.score, $1.row, $1.record) }
    var matches: [Int: ZeekConnection] = [:]
    var taken: Set<String> = []
    for choice in choices where matches[choice.row] == nil {
      let level = rows[choice.row].level
      guard taken.insert("\(level) \(choice.record)").inserted else { continue }
      matches[choice.row] = readings[level]!.connections[choice.record]
    }
    pairs = log.rows.enumerated().map { index, row in
      Pair(
        expected: row, found: matches[index], level: rows[index].level,
        depth: rows[index].depth, isTunnel: rows[index].isTunnel)
    }
  }

  /// Innermost flows with ends that no row of the log has, where all its rows have ends. Zeek makes no
  /// connection of IPv6 packets without a next header (Teredo's bubbles), Martlet a flow.
  var surplus: [ZeekConnection] {
    guard let reading = readings[.all], log.rows.allSatisfy({ $0.ends != nil }) else { return [] }
    return reading.connections.filter { found in
      found[.ipProto] != "59" && !log.rows.contains { $0.mayBe(found) || $0.mayBe(found.turned) }
    }
  }
}
