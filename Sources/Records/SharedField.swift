/// Fields that records of several types have: the same names, types and units in each; what they mean may
/// differ.
enum SharedField {
  case timestamp, flowID, interface, eventType, packetNumber, vlan
  case sourceAddress, sourcePort, destinationAddress, destinationPort, proto, ipVersion
  case communityID, tags
  case sensor, startEpoch, worker, sequence

  fileprivate var field: RecordField {
    switch self {
    case .timestamp: RecordField("ts", "timestamp", .timestamp, "", "Suricata", "")
    case .flowID: RecordField("flow_id", "flow_id", .integer, "", "Suricata", "")
    case .interface: RecordField("iface", "in_iface", .string, "", "Suricata", "")
    case .eventType: RecordField("event", "event_type", .string, "", "Suricata", "")
    case .packetNumber:
      RecordField(
        "pcap_cnt", "pcap_cnt", .integer, "", "Suricata",
        "capture files: the packet's number in the whole input, from 1")
    case .vlan:
      RecordField(
        "vlan", "vlan[]", .integer, "", "Suricata", "VLAN ids of the flow, outermost first")
    case .sourceAddress: RecordField("src_ip", "src_ip", .string, "", "Suricata", "")
    case .sourcePort: RecordField("src_port", "src_port", .integer, "", "Suricata", "")
    case .destinationAddress: RecordField("dest_ip", "dest_ip", .string, "", "Suricata", "")
    case .destinationPort: RecordField("dest_port", "dest_port", .integer, "", "Suricata", "")
    case .proto: RecordField("proto", "proto", .string, "", "Suricata", "as in `flow`")
    case .ipVersion: RecordField("ip_v", "ip_v", .integer, "", "Suricata", "4 or 6")
    case .communityID:
      RecordField("cid", "community_id", .string, "", "Community ID", "of the flow")
    case .tags:
      RecordField("tags", "tags[]", .string, "", "ECS", "names that filter rules gave the flow")
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

extension RecordField {
  /// - Parameter meaning: where this record means something else by it.
  init(_ shared: SharedField, _ meaning: String? = nil) {
    self = shared.field
    if let meaning { self.meaning = meaning }
  }
}
