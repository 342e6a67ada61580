/// What every protocol record has around what was said, in the order of both formats; what was said stands
/// at ``said``.
package enum EventHeadField: Int, CaseIterable, Sendable {
  case timestamp, flowID, interface, eventType, packetNumber, vlan
  case sourceAddress, sourcePort, destinationAddress, destinationPort, proto, ipVersion
  case communityID, transaction, tags, said, isTruncated
  case sensor, startEpoch, worker, sequence

  /// - Parameter type: the record's; its object's name, in both formats, is the type's.
  package func definition(_ type: EventType) -> RecordField {
    switch self {
    case .timestamp:
      RecordField(
        "ts", "timestamp", .timestamp, "", "Suricata", "time of the packet that completed it")
    case .flowID:
      RecordField("flow_id", "flow_id", .integer, "", "Suricata", "as in the flow's record")
    case .interface:
      RecordField("iface", "in_iface", .string, "", "Suricata", "port the flow came in at")
    case .eventType:
      RecordField("event", "event_type", .string, "", "Suricata", "the protocol's, as listed below")
    case .packetNumber:
      RecordField(
        "pcap_cnt", "pcap_cnt", .integer, "", "Suricata",
        "capture files: that packet's number in the whole input, from 1")
    case .vlan:
      RecordField(
        "vlan", "vlan[]", .integer, "", "Suricata", "VLAN ids of the flow, outermost first")
    case .sourceAddress:
      RecordField(
        "src_ip", "src_ip", .string, "", "Suricata", "who said it; of an exchange, who began it")
    case .sourcePort: RecordField("src_port", "src_port", .integer, "", "Suricata", "")
    case .destinationAddress:
      RecordField("dest_ip", "dest_ip", .string, "", "Suricata", "to whom")
    case .destinationPort: RecordField("dest_port", "dest_port", .integer, "", "Suricata", "")
    case .proto: RecordField("proto", "proto", .string, "", "Suricata", "as in `flow`")
    case .ipVersion: RecordField("ip_v", "ip_v", .integer, "", "Suricata", "4 or 6")
    case .communityID:
      RecordField("cid", "community_id", .string, "", "Community ID", "of the flow")
    case .transaction:
      RecordField(
        "tx_id", "tx_id", .integer, "", "Suricata", "counts the flow's transactions from 0")
    case .tags:
      RecordField("tags", "tags[]", .string, "", "Martlet", "names that filter rules gave the flow")
    case .said:
      RecordField(
        type.rawValue, type.hasSeveralObjects ? "" : type.rawValue, .object, "", "Suricata",
        "what was said; flat: as one JSON object")
    case .isTruncated:
      RecordField(
        "truncated", "truncated", .boolean, "", "Martlet", "there was no room for all of it")
    case .sensor: RecordField("sensor", "sensor", .string, "", "Martlet", "name of the sensor")
    case .startEpoch:
      RecordField(
        "epoch", "start_epoch", .integer, "µs", "Martlet", "when the engine started, since 1970")
    case .worker:
      RecordField("worker", "worker", .integer, "", "Martlet", "which worker made the record")
    case .sequence:
      RecordField("seq", "seq", .integer, "", "Martlet", "counts the worker's records from 0")
    }
  }
}

extension EventType {
  /// Its EVE has what was said in several members, `smtp` and `email`, and not in one of its own name.
  package var hasSeveralObjects: Bool { self == .smtp || self == .fileinfo }
}
