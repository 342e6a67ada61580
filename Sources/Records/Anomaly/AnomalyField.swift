/// The fields of `anomaly`, declared once, in the order of the `fields` format.
package enum AnomalyField: Int, CaseIterable, Sendable {
  case timestamp, flowID, interface, eventType, packetNumber, vlan
  case sourceAddress, sourcePort, destinationAddress, destinationPort, proto, ipVersion
  case communityID, layer, event, appProto, foundBy
  case sensor, startEpoch, worker, sequence

  package var definition: RecordField {
    switch self {
    case .timestamp: RecordField(.timestamp, "time of the packet")
    case .flowID:
      RecordField(.flowID, "the flow that the packet counts in; absent where it is in none")
    case .interface: RecordField(.interface, "port the packet came in at")
    case .eventType: RecordField(.eventType, "`anomaly`")
    case .packetNumber: RecordField(.packetNumber)
    case .vlan: RecordField(.vlan)
    case .sourceAddress:
      RecordField(
        .sourceAddress, "the packet's sender; absent where the packet has none that can be read")
    case .sourcePort: RecordField(.sourcePort)
    case .destinationAddress: RecordField(.destinationAddress, "the packet's receiver")
    case .destinationPort: RecordField(.destinationPort)
    case .proto: RecordField(.proto)
    case .ipVersion: RecordField(.ipVersion)
    case .communityID: RecordField(.communityID)
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
    case .sensor: RecordField(.sensor)
    case .startEpoch: RecordField(.startEpoch)
    case .worker: RecordField(.worker)
    case .sequence: RecordField(.sequence)
    }
  }
}
