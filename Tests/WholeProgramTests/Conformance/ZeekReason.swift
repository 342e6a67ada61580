/// Why a connection may differ: a policy of Zeek's or of Martlet's, each confirmed by a condition on what
/// both say. What no condition confirms is a difference.
enum ZeekReason: String, CaseIterable {
  case analysisStopped = "Zeek marks with X that it stopped analysing; all else is equal"
  case cutByTimers = "Zeek's timers cut the conversation elsewhere; in sum it is equal"
  case segmentationOffload =
    "Zeek adds nothing for packets whose IP length is 0 (segmentation offload); Martlet does"
  case bulkSkipped = "Zeek stops looking at bulk GridFTP data; Martlet counts on"
  case reassembled = "Zeek counts a datagram that came in fragments once, Martlet each fragment"
  case turned =
    "Zeek takes the end with a known server port for the responder of UDP; turned, equal"
  case turnedByContent = "Zeek turns what DNS tells to be an answer; Martlet looks at the headers"
  case emptied = "Zeek logs a connection of thrown-away packets without counts; Martlet has none"
  case unreadTunnel =
    "in a tunnel that Martlet leaves in its outer flow: AYIYA, and Teredo away from port 3544"
  case cutHeader =
    "Zeek logs a packet that is cut within its TCP header without counts; Martlet counts it"
  case middleLevel = "a tunnel within a tunnel and around one: Martlet counts the innermost"

  /// The first reason whose condition holds.
  static func of(_ pair: ZeekComparison.Pair, in comparison: ZeekComparison) -> ZeekReason? {
    allCases.first { $0.holds(pair, comparison) }
  }

  private func holds(_ pair: ZeekComparison.Pair, _ comparison: ZeekComparison) -> Bool {
    let expected = pair.expected
    let differences = pair.differences
    switch self {
    case .analysisStopped:
      guard let found = pair.found, differences == [.history] else { return false }
      let history = (expected[.history] ?? "").filter { $0 != "X" && $0 != "x" }
      return history == (found[.history] == "-" ? "" : found[.history])
        && history != expected[.history]

    case .cutByTimers:
      return Self.isEqualInSum(pair, comparison)

    case .segmentationOffload:
      guard let found = pair.found, !differences.isEmpty,
        differences.allSatisfy({ $0.group == .ipBytes })
      else { return false }
      return differences.allSatisfy { field in
        let isOriginators = field == .originatorIPBytes
        // By sequence numbers Zeek knows of more payload than its packets had bytes with their headers.
        guard let bytes = expected.number(field), let counted = found.number(field),
          let packets = expected.number(isOriginators ? .originatorPackets : .responderPackets),
          let payload = expected.number(isOriginators ? .originatorBytes : .responderBytes)
        else { return false }
        return counted > bytes && bytes < payload + 40 * packets
          && counted >= payload + 40 * packets
      }

    case .bulkSkipped:
      guard let found = pair.found else { return false }
      return expected.services.contains("gridftp-data") && Self.isMore(found, than: expected)

    case .reassembled:
      guard let outer = comparison.readings[.none], pair.isTunnel || pair.depth > 0 else {
        return false
      }
      guard pair.isTunnel else {
        // Fragments of a tunnel stay in the outer flow, so the inner one lacks them.
        return pair.found.map { Self.isMore(expected, than: $0) } ?? true
          && outer.connections.contains { $0.isFragmented }
      }
      return pair.found.map { $0.isFragmented && Self.isMore($0, than: expected) } ?? false

    case .turned:
      guard expected[.proto] == "udp", let found = pair.found,
        let history = expected[.history], history.contains("^")
      else { return false }
      var straight = expected
      straight[.history] = history.filter { $0 != "^" }
      straight[.connState] = nil
      return straight.differences(from: found.turned).isEmpty

    case .turnedByContent:
      guard expected.services.contains("dns"), let found = pair.found, differences == [.history],
        let history = expected[.history], history.dropFirst().contains("^")
      else { return false }
      return history.filter { $0 != "^" && $0 != "X" && $0 != "x" } == found[.history]

    case .emptied:
      let history = expected[.history] ?? "-"
      return pair.found == nil && expected.number(.originatorPackets) == 0
        && expected.number(.responderPackets) == 0
        && (history == "-" || history.allSatisfy { $0 == "C" || $0 == "c" })

    case .unreadTunnel:
      guard pair.depth > 0, pair.found.map({ Self.isMore(expected, than: $0) }) ?? true else {
        return false
      }
      // The flow around it must be there, with all of its packets.
      return comparison.pairs.contains { outer in
        let ports = [outer.expected[.originatorPort], outer.expected[.responderPort]]
        let isUnread =
          outer.expected.services.contains("ayiya")
          || outer.expected.services.contains("teredo") && !ports.contains("3544")
        return isUnread && expected.parents.contains(outer.expected.uid)
          && outer.differences.isEmpty
      }

    case .cutHeader:
      guard let found = pair.found, comparison.log.beginsCut, expected[.history] == "-" else {
        return false
      }
      return expected.number(.originatorPackets) == 0 && expected.number(.responderPackets) == 0
        && found.number(.originatorPackets)! + found.number(.responderPackets)! == 1

    case .middleLevel:
      return pair.isTunnel && pair.depth >= 2
    }
  }

  /// At least as many packets and bytes each way.
  private static func isMore(_ a: ZeekConnection, than b: ZeekConnection) -> Bool {
    let fields: [ZeekField] = [
      .originatorPackets, .responderPackets, .originatorIPBytes, .responderIPBytes,
    ]
    return fields.allSatisfy { (a.number($0) ?? 0) >= (b.number($0) ?? 0) }
  }

  /// Several connections of one pair of ends, whose packets and bytes, by end and not by who began, are as
  /// many in all.
  private static func isEqualInSum(
    _ pair: ZeekComparison.Pair, _ comparison: ZeekComparison
  ) -> Bool {
    guard let reading = comparison.readings[pair.level], pair.expected.ends != nil else {
      return false
    }
    let records = reading.connections.filter(pair.expected.mayBe)
    let rows = comparison.log.rows.filter { row in
      row.ends != nil && records.first.map(row.mayBe) ?? false
    }
    guard rows.count != records.count, !records.isEmpty else { return false }
    return sums(rows) == sums(records)
  }

  private static func sums(_ connections: [ZeekConnection]) -> [String: [Int]] {
    var sums: [String: [Int]] = [:]
    func add(
      _ host: String?, _ port: String?, _ packets: Int?, _ bytes: Int?
    ) {
      let end = "\(host ?? "") \(port ?? "")"
      let before = sums[end] ?? [0, 0]
      sums[end] = [before[0] + (packets ?? 0), before[1] + (bytes ?? 0)]
    }
    for c in connections {
      add(
        c[.originatorHost], c[.originatorPort], c.number(.originatorPackets),
        c.number(.originatorIPBytes))
      add(
        c[.responderHost], c[.responderPort], c.number(.responderPackets),
        c.number(.responderIPBytes))
    }
    return sums
  }
}
