import Foundation

/// A trace as `martlet read` sees it, in Zeek's terms.
struct ZeekReading {
  /// Zeek logs every tunnel's connections beside those within it; Martlet counts a packet once, and is
  /// asked for each level.
  enum Level: String {
    case none, outermost, all
  }

  let connections: [ZeekConnection]
  let errors: String

  /// As near to Zeek's defaults as the options come: its timeouts are longer than those of nearly all
  /// traces, VLANs are no part of its key, and packets with a wrong checksum are thrown away.
  static func arguments(of log: ZeekLog, level: Level) -> [String] {
    var arguments = [
      log.trace, "--format", "eve", "--quiet", "--sorted", "--no-timeouts", "--decapsulate",
      level.rawValue,
    ]
    arguments += checksums(log.ignoresChecksums)
    if !keysHaveVLANs(log) { arguments.append("--ignore-vlan") }
    if let filter = log.filter { arguments += ["--filter", filter] }
    return arguments
  }

  /// Zeek throws packets with wrong checksums away, unless it is told not to (`-C`).
  private static func checksums(_ ignored: Bool) -> [String] {
    ["--checksums", ignored ? "ignore" : "discard"]
  }

  /// Tests of a policy script that takes VLANs into the key; the first of them is without it.
  private static func keysHaveVLANs(_ log: ZeekLog) -> Bool {
    log.test.hasPrefix("scripts.policy.frameworks.conn_key.vlan_fivetuple")
      && !log.test.hasSuffix("vlan_fivetuple")
  }

  init(connections: [ZeekConnection], errors: String) {
    self.connections = connections
    self.errors = errors
  }

  init(_ log: ZeekLog, level: Level) throws {
    let run = try FileRead(Self.arguments(of: log, level: level))
    errors = run.errors
    connections = try run.records().compactMap { record in
      record["event_type"] as? String == "flow" ? Self.connection(record) : nil
    }
  }

  /// One EVE record in Zeek's terms.
  static func connection(_ record: [String: Any]) -> ZeekConnection {
    let flow = record["flow"] as? [String: Any] ?? [:]
    func text(_ value: Any?) -> String? { (value as? NSNumber).map { "\($0.intValue)" } }
    var connection = ZeekConnection()
    let number = CompareFlows.number(of: record["proto"]) ?? -1
    connection[.ipProto] = String(number)
    connection[.proto] =
      [1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"][number] ?? "unknown_transport"
    connection[.originatorHost] = (record["src_ip"] as? String).map(ZeekConnection.address)
    connection[.responderHost] = (record["dest_ip"] as? String).map(ZeekConnection.address)
    let ports = ports(record, number)
    connection[.originatorPort] = ports.0
    connection[.responderPort] = ports.1
    let vlans = (record["vlan"] as? [Any] ?? []).compactMap(text)
    connection[.vlan] = vlans.first ?? "-"
    connection[.innerVLAN] = vlans.count > 1 ? vlans[1] : "-"
    connection[.originatorPackets] = text(flow["pkts_toserver"])
    connection[.responderPackets] = text(flow["pkts_toclient"])
    connection[.originatorIPBytes] = text(flow["ip_bytes_toserver"])
    connection[.responderIPBytes] = text(flow["ip_bytes_toclient"])
    connection[.originatorBytes] = text(flow["payload_bytes_toserver"])
    connection[.responderBytes] = text(flow["payload_bytes_toclient"])
    let tcp = record["tcp"] as? [String: Any]
    let missed = ["missed_bytes_ts", "missed_bytes_tc"].map { tcp?[$0] as? Int ?? 0 }
    connection[.missedBytes] = "\(missed[0] + missed[1])"
    connection[.connState] = record["conn_state"] as? String
    connection[.history] = record["history"] as? String ?? "-"
    connection.isFragmented = flow["fragmented"] as? Bool ?? false
    return connection
  }

  /// Zeek has ports for TCP and UDP, type and counterpart or code for ICMP, and none for the rest.
  private static func ports(_ record: [String: Any], _ proto: Int) -> (String, String) {
    func integer(_ key: String) -> Int { (record[key] as? NSNumber)?.intValue ?? 0 }
    switch proto {
    case 6, 17: return ("\(integer("src_port"))", "\(integer("dest_port"))")
    case 1, 58:
      let type = integer("icmp_type")
      let counterpart = FlowTuple.icmpCounterpart(of: type, proto: proto)
      return ("\(type)", "\(counterpart ?? integer("icmp_code"))")
    default: return ("0", "0")
    }
  }
}
