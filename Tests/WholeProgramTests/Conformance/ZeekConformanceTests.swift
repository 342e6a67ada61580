import Foundation
import Testing

/// Connections by the word of Zeek's own test suite: every `conn.log` that stands beside its traces.
///
/// Zeek logs a tunnel's connections at every level, has timers of its own, and counts reassembled datagrams;
/// what differs by such a policy is named and checked (``ZeekReason``). Tests whose scripts change what Zeek
/// does are left out, each with its reason.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct ZeekConformanceTests {
  /// Logs of tests that change what Zeek does by default.
  static let excluded: [String: String] = [
    "scripts.base.frameworks.netcontrol.packetfilter/conn.log":
      "the script drops each connection's packets from its second on",
    "core.expire-all-timers/conn-all.log":
      "max_timer_expires=0 decides whether a silence of exactly five minutes ends a connection",
    "plugins.connkey/conn.log.cut": "a plugin of the test makes the connections' keys",
    "core.tunnels.max-depth-exceeded/conn.log.cut": "the script lowers Tunnel::max_depth",
    "scripts.policy.frameworks.conn_key.vlan_fivetuple-6/conn.log.cut":
      "keys have VLANs that the script does not let into the log",
  ]

  /// Answers that are equal, of all that the logs give. They may only rise.
  static let equalAtLeast: [ZeekField.Group: Int] = [
    .ends: 241, .packets: 217, .ipBytes: 196, .connState: 210, .history: 260, .payload: 148,
    .missed: 216,
  ]
  /// Connections that are equal in all that their log gives; may only rise.
  static let connectionsEqualAtLeast = 272
  /// Connections that are not, and that no policy explains; may only fall.
  static let connectionsDifferentAtMost = 0

  /// Flows that Martlet alone finds; may only fall.
  static let surplusAtMost = 2

  @Test func connections() throws {
    var table = ConformanceTable()
    var equal: [ZeekField.Group: Int] = [:]
    var compared: [ZeekField.Group: Int] = [:]
    var patterns: [String: Int] = [:]
    var surplus: [String] = []
    var readings: [[String]: ZeekReading] = [:]
    for log in try ZeekLog.all() where Self.excluded[log.name] == nil {
      let comparison = try ZeekComparison(log) { level in
        let arguments = ZeekReading.arguments(of: log, level: level)
        if let reading = readings[arguments] { return reading }
        let reading = try ZeekReading(log, level: level)
        readings[arguments] = reading
        return reading
      }
      surplus += comparison.surplus.map { "\(log.test): Martlet alone finds \($0)" }
      for pair in comparison.pairs where !pair.expected.fields.isEmpty {
        for group in ZeekField.Group.allCases {
          guard let isEqual = pair.isEqual(in: group) else { continue }
          compared[group, default: 0] += 1
          if isEqual { equal[group, default: 0] += 1 }
        }
        let outcome: ConformanceTable.Outcome
        if pair.differences.isEmpty {
          outcome = .equal
        } else if let reason = ZeekReason.of(pair, in: comparison) {
          outcome = .policy(reason.rawValue)
        } else {
          outcome = .different
          patterns[Self.pattern(pair), default: 0] += 1
        }
        let found = pair.found.map { "\($0)" } ?? "nothing"
        table.add(
          corpus: "zeek", capture: (log.trace as NSString).lastPathComponent, outcome,
          detail: "\(log.test): expected \(pair.expected); found \(found)")
      }
    }
    print(table.printed())
    for line in surplus { print("  \(line)") }
    for (pattern, count) in patterns.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      print("  \(count) differ in \(pattern)")
    }
    for group in ZeekField.Group.allCases {
      print("  \(group.rawValue): \(equal[group] ?? 0) of \(compared[group] ?? 0) equal")
    }
    #expect(table.flows > 300)
    for (group, count) in Self.equalAtLeast {
      #expect(equal[group] ?? 0 >= count, "\(group.rawValue)")
    }
    #expect(table.equal >= Self.connectionsEqualAtLeast)
    #expect(surplus.count <= Self.surplusAtMost)
    #expect(table.different <= Self.connectionsDifferentAtMost)
  }

  private static func pattern(_ pair: ZeekComparison.Pair) -> String {
    pair.found == nil
      ? "being there at all" : pair.differences.map(\.rawValue).joined(separator: " ")
  }
}
