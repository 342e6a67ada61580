/// What a check asks of the packet decoder or the stream engine; events of applications' parsers are
/// nobody's business here.
///
/// Suricata tells of them in four ways: in anomaly records, in counters of `stats`, in `stream_tcp`
/// records, and by alerts of the signatures that it ships for them, whose numbers are fixed.
struct SuricataAnomaly: CustomStringConvertible {
  let match: [String: TruthValue]
  let count: Int
  /// Martlet tells of an event once a flow, Suricata with every packet; only anomaly records are counted.
  let isCounted: Bool

  init?(_ check: TruthValue) {
    guard let match = check["match"]?.map, match["event_type"] == .text("anomaly"),
      let count = check["count"]?.integer
    else { return nil }
    let event = match["anomaly.event"]?.text ?? ""
    let type = match["anomaly.type"]?.text ?? ""
    guard
      ["decode", "stream"].contains(type) || event.hasPrefix("decoder.")
        || event.hasPrefix("stream.")
    else { return nil }
    // What the rules of the test have set is no part of a record.
    self.match = match.filter { !["pcap_cnt", "pkt_src"].contains($0.key) }
      .filter { !$0.key.hasPrefix("metadata.") }
    self.count = count
    isCounted = true
  }

  private init(event: String, count: Int) {
    match = ["event_type": .text("anomaly"), "anomaly.event": .text(event)]
    self.count = count
    isCounted = false
  }

  /// Events that a check names otherwise.
  static func named(in check: TruthValue) -> [SuricataAnomaly] {
    guard let match = check["match"]?.map, let count = check["count"]?.integer else { return [] }
    return match.compactMap { key, value in
      if key.hasPrefix("stats.decoder.event.") {
        let event = "decoder.\(key.dropFirst("stats.decoder.event.".count))"
        return SuricataAnomaly(event: event, count: value.integer ?? 0)
      }
      if key.hasPrefix("stream_tcp.events"), let event = value.text {
        return SuricataAnomaly(event: event, count: count)
      }
      if key == "alert.signature_id", let event = value.integer.flatMap({ signatures[$0] }) {
        return SuricataAnomaly(event: event, count: count)
      }
      return nil
    }
  }

  /// Suricata's own signatures of events, those that its tests ask for.
  private static let signatures = [
    2_200_014: "decoder.ipv6.trunc_exthdr", 2_200_015: "decoder.ipv6.exthdr_dupl_fh",
    2_200_036: "decoder.tcp.opt_duplicate", 2_200_072: "decoder.ipv6.frag_overlap",
    2_200_080: "decoder.ipv6.exthdr_useless_fh",
    2_200_085: "decoder.ipv6.ipv6_in_ipv6_wrong_version",
    2_200_088: "decoder.ipv6.dstopts_unknown_opt", 2_200_220: "decoder.udp.len_invalid",
    2_210_044: "stream.pkt_invalid_timestamp", 2_210_058: "stream.suspected_rst_inject",
  ]

  /// Events that Martlet does not have: options, extension headers and time stamps that are odd but
  /// change no flow.
  private static let unknown: Set = [
    "decoder.ipv6.exthdr_dupl_fh", "decoder.ipv6.exthdr_useless_fh", "decoder.tcp.opt_duplicate",
    "decoder.ipv6.dstopts_unknown_opt", "stream.3whs_synack_tfo_data_ignored",
    "stream.pkt_invalid_timestamp", "stream.suspected_rst_inject",
  ]

  func verdict(_ records: [TruthValue]) -> TruthReport.Verdict {
    let found = records.filter { record in
      match.allSatisfy { record.at($0.key)?.agrees(with: $0.value) ?? false }
    }
    if isCounted ? found.count == count : found.isEmpty == (count == 0) { return .equal }
    guard found.isEmpty, count > 0, let event = match["anomaly.event"]?.text else {
      return .different("\(self); found \(found.count)")
    }
    func has(_ path: String, _ value: TruthValue) -> Bool {
      records.contains { $0.at(path) == value }
    }
    if Self.unknown.contains(event) {
      return .explained(reason: "Martlet has no such event", detail: "\(self)")
    }
    if event == "decoder.ipv6.frag_overlap", has("flow.fragmented", .bool(true)) {
      return .explained(
        reason: "a fragment that comes twice is no overlap to Martlet (RFC 8200, section 4.5)",
        detail: "\(self)")
    }
    if event == "decoder.ipv6.trunc_exthdr",
      has("anomaly.event", .text("decoder.icmpv6.pkt_too_small"))
    {
      return .explained(
        reason: "of a lone fragment of one byte Martlet says that ICMPv6 is too small",
        detail: "\(self)")
    }
    return .different("\(self); found \(found.count)")
  }

  var description: String {
    let keys = match.filter { $0.key != "event_type" }.sorted { $0.key < $1.key }
    return "anomaly × \(count) \(keys.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
  }
}
