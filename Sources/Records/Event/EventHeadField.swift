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
    case .timestamp: RecordField(.timestamp, "time of the packet that completed it")
    case .flowID: RecordField(.flowID, "as in the flow's record")
    case .interface: RecordField(.interface, "port the flow came in at")
    case .eventType: RecordField(.eventType, "the protocol's, as listed below")
    case .packetNumber:
      RecordField(.packetNumber, "capture files: that packet's number in the whole input, from 1")
    case .vlan: RecordField(.vlan)
    case .sourceAddress: RecordField(.sourceAddress, "who said it; of an exchange, who began it")
    case .sourcePort: RecordField(.sourcePort)
    case .destinationAddress: RecordField(.destinationAddress, "to whom")
    case .destinationPort: RecordField(.destinationPort)
    case .proto: RecordField(.proto)
    case .ipVersion: RecordField(.ipVersion)
    case .communityID: RecordField(.communityID)
    case .transaction:
      RecordField(
        "tx_id", "tx_id", .integer, "", "Suricata", "counts the flow's transactions from 0")
    case .tags: RecordField(.tags)
    case .said:
      RecordField(
        type.rawValue, type.hasSeveralObjects ? "" : type.rawValue, .object, "", "Suricata",
        "what was said; flat: as one JSON object")
    case .isTruncated:
      RecordField(
        "truncated", "truncated", .boolean, "", "Martlet", "there was no room for all of it")
    case .sensor: RecordField(.sensor)
    case .startEpoch: RecordField(.startEpoch)
    case .worker: RecordField(.worker)
    case .sequence: RecordField(.sequence)
    }
  }
}

extension EventType {
  /// Its EVE has what was said in several members, `smtp` and `email`, and not in one of its own name.
  package var hasSeveralObjects: Bool { self == .smtp || self == .fileinfo }
}
