/// The fields of `anomaly`, declared once, in the order of the `fields` format.
package enum AnomalyField: Int, CaseIterable, Sendable {
  case timestamp, flowID, interface, eventType, packetNumber, vlan
  case sourceAddress, sourcePort, destinationAddress, destinationPort, proto, ipVersion
  case communityID, layer, event, appProto, foundBy
  case sensor, startEpoch, worker, sequence

  package var definition: RecordField {
    switch self {
    case .timestamp:
      RecordField("ts", "timestamp", .timestamp, "", "Suricata", "time of the packet")
    case .flowID:
      RecordField(
        "flow_id", "flow_id", .integer, "", "Suricata",
        "the flow that the packet counts in; absent where it is in none")
    case .interface:
      RecordField("iface", "in_iface", .string, "", "Suricata", "port the packet came in at")
    case .eventType: RecordField("event", "event_type", .string, "", "Suricata", "`anomaly`")
    case .packetNumber:
      RecordField(
        "pcap_cnt", "pcap_cnt", .integer, "", "Suricata",
        "capture files: the packet's number in the whole input, from 1")
    case .vlan:
      RecordField(
        "vlan", "vlan[]", .integer, "", "Suricata", "VLAN ids of the flow, outermost first")
    case .sourceAddress:
      RecordField(
        "src_ip", "src_ip", .string, "", "Suricata",
        "the packet's sender; absent where the packet has none that can be read")
    case .sourcePort: RecordField("src_port", "src_port", .integer, "", "Suricata", "")
    case .destinationAddress:
      RecordField("dest_ip", "dest_ip", .string, "", "Suricata", "the packet's receiver")
    case .destinationPort: RecordField("dest_port", "dest_port", .integer, "", "Suricata", "")
    case .proto: RecordField("proto", "proto", .string, "", "Suricata", "as in `flow`")
    case .ipVersion: RecordField("ip_v", "ip_v", .integer, "", "Suricata", "4 or 6")
    case .communityID:
      RecordField("cid", "community_id", .string, "", "Community ID", "of the flow")
    case .layer:
      RecordField(
        "layer", "anomaly.type", .string, "", "Suricata",
        "`decode`, `stream` or `applayer`: what found it")
    case .event:
      RecordField("name", "anomaly.event", .string, "", "Suricata", "what is wrong: see the list")
    case .appProto:
      RecordField(
        "app_proto", "anomaly.app_proto", .string, "", "Suricata",
        "`applayer`: what the flow speaks")
    case .foundBy:
      RecordField(
        "app_layer", "anomaly.layer", .string, "", "Suricata",
        "`applayer`: `proto_detect`, by telling the protocol; `proto_parser`, by its messages")
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
