/// A check on anomaly records of the packet decoder or the stream engine; those of applications' parsers
/// are nobody's business here.
struct SuricataAnomaly: CustomStringConvertible {
  let match: [String: TruthValue]
  let count: Int

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
    // Which packet of the file it was is in no record.
    self.match = match.filter { !["pcap_cnt", "pkt_src"].contains($0.key) }
    self.count = count
  }

  func verdict(_ records: [TruthValue]) -> TruthReport.Verdict {
    let found = records.filter { record in
      match.allSatisfy { record.at($0.key)?.agrees(with: $0.value) ?? false }
    }
    return found.count == count ? .equal : .different("\(self); found \(found.count)")
  }

  var description: String {
    let keys = match.filter { $0.key != "event_type" }.sorted { $0.key < $1.key }
    return "anomaly × \(count) \(keys.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
  }
}
