import Foundation

/// A `flow` record as the truths see one: two ends, what each has sent, and the record itself.
struct TruthFlow {
  let record: TruthValue
  let source: TupleEnd
  let destination: TupleEnd
  let proto: Int

  /// Nil for records that are not of a flow.
  init?(_ record: TruthValue) {
    guard record["event_type"]?.text == "flow", let from = record["src_ip"]?.text,
      let to = record["dest_ip"]?.text,
      let source = TupleEnd(from, port: record["src_port"]?.integer ?? 0),
      let destination = TupleEnd(to, port: record["dest_port"]?.integer ?? 0),
      let name = record["proto"]?.spelling
    else { return nil }
    self.record = record
    self.source = source
    self.destination = destination
    proto = Self.number(ofProtocol: name)
  }

  /// Without a VLAN and without the types of ICMP, which some truths do not count as ports.
  var tuple: FlowTuple { FlowTuple(source, destination, proto: proto) }

  func count(_ name: String) -> Int { record["flow"]?[name]?.integer ?? 0 }

  /// Packets and bytes each way; bytes of frames, or from the IP header on.
  func totals(bytes: String = "bytes") -> FlowTotals {
    var totals = FlowTotals()
    let fromLower = source == tuple.lower
    totals.add(
      packets: count("pkts_toserver"), bytes: count("\(bytes)_toserver"), fromLower: fromLower)
    totals.add(
      packets: count("pkts_toclient"), bytes: count("\(bytes)_toclient"), fromLower: !fromLower)
    return totals
  }

  /// `start` or `end` since 1970.
  func milliseconds(_ key: String) -> Int? {
    guard let text = record["flow"]?[key]?.text, text.count > 23,
      let date = ISO8601DateFormatter().date(from: text.prefix(19) + "Z"),
      let milliseconds = Int(text.dropFirst(20).prefix(3))
    else { return nil }
    return Int(date.timeIntervalSince1970) * 1000 + milliseconds
  }

  /// EVE has names for most protocols; -1 where this table has not, which equals nothing.
  static func number(ofProtocol name: String) -> Int { Int(name) ?? numbers[name] ?? -1 }

  private static let numbers = [
    "HOPOPT": 0, "ICMP": 1, "IGMP": 2, "IP-in-IP": 4, "TCP": 6, "UDP": 17, "IPv6": 41, "GRE": 47,
    "ESP": 50, "AH": 51, "IPv6-ICMP": 58, "IPv6-NoNxt": 59, "EIGRP": 88, "OSPF": 89, "PIM": 103,
    "VRRP": 112, "SCTP": 132,
  ]
}

/// `martlet read` on captures, each capture and set of options run once.
struct TruthRuns {
  private var known: [[String]: [TruthValue]] = [:]

  /// All records of a capture. One that is cut or damaged has those of what could be read.
  mutating func records(_ arguments: [String]) throws -> [TruthValue] {
    if let records = known[arguments] { return records }
    let run = try FileRead(arguments + ["--format", "eve", "--quiet", "--sorted"])
    guard run.status == .exited(0) || run.status == .exited(65) else {
      throw SupportError("martlet read \(arguments): \(run.status)\n\(run.errors)")
    }
    let records = try run.output.split(separator: "\n").map { try TruthValue(json: Data($0.utf8)) }
    known[arguments] = records
    return records
  }

  mutating func flows(_ arguments: [String]) throws -> [TruthFlow] {
    try records(arguments).compactMap(TruthFlow.init)
  }
}
