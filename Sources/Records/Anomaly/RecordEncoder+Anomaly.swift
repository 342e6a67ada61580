import FlowEngine

/// An anomaly record as its readers see it: from the packet's sender to its receiver.
struct AnomalyView {
  let record: UnsafePointer<FlowRecord>
  let identity: FlowIdentity
  let violation: Violation?
  private let counter: Counter?

  init(_ record: UnsafePointer<FlowRecord>, identity: FlowIdentity) {
    self.record = record
    self.identity = identity
    counter = Counter(rawValue: Int(record.pointee.event))
    violation = counter?.violation
  }

  var hasFlow: Bool { record.pointee.parts & FlowRecord.Parts.flow != 0 }
  var hasKey: Bool { record.pointee.parts & FlowRecord.Parts.key != 0 }
  var hasPorts: Bool { hasFlow && record.pointee.hasPorts }

  var flowID: UInt64 {
    identity.flowID(key: record.pointee.hot.key, cold: record.pointee.cold)
  }

  private var isFromA: Bool { record.pointee.eventSide == 0 }
  private var key: FlowKey { record.pointee.hot.key }
  var source: IPAddress { isFromA ? key.addressA : key.addressB }
  var destination: IPAddress { isFromA ? key.addressB : key.addressA }
  var sourcePort: UInt16 { isFromA ? key.portA : key.portB }
  var destinationPort: UInt16 { isFromA ? key.portB : key.portA }

  /// `anomaly.app_proto`: of what an application has wrong, what it speaks.
  var appProto: AppProtocol? {
    violation?.layer == .applayer ? AppProtocol(rawValue: record.pointee.app.proto) : nil
  }

  /// `anomaly.layer`
  var foundBy: StaticString {
    violation?.isOfDetection == true ? "proto_detect" : "proto_parser"
  }

  var layer: Violation.Layer { violation?.layer ?? .decode }
  var event: StaticString {
    guard let violation else { return "unknown" }
    if let appProto, let name = counter?.event(of: appProto) { return name }
    return hasKey && record.pointee.ipVersion == 6 ? violation.eventIPv6 : violation.event
  }
}

extension RecordEncoder {
  /// An `anomaly` record as EVE JSON.
  mutating func writeEVE(_ view: AnomalyView, to writer: inout ByteWriter) {
    let record = view.record
    writer.literal("{\"timestamp\":\"")
    timestampText.write(nanoseconds: record.pointee.exportTime, to: &writer)
    if view.hasFlow {
      writer.literal("\",\"flow_id\":")
      writer.decimal(view.flowID)
    } else {
      writer.literal("\"")
    }
    let port = Int(record.pointee.cold.portIndex)
    if port < fixed.evePorts.count { writer.bytes(fixed.evePorts[port]) }
    writer.literal(",\"event_type\":\"anomaly\"")
    if !context.includesSequence {
      writer.literal(",\"pcap_cnt\":")
      writer.decimal(record.pointee.packetOrdinal &+ 1)
    }
    if record.pointee.cold.vlanOuter != FlowView.noVLAN {
      writer.literal(",\"vlan\":[")
      writer.vlans(record.pointee.cold)
      writer.literal("]")
    }
    if view.hasKey { writeAddresses(view, to: &writer) }
    writer.literal(",\"anomaly\":{")
    if let appProto = view.appProto {
      writer.literal("\"app_proto\":\"")
      writer.literal(appProto.name)
      writer.literal("\",")
    }
    writer.literal("\"type\":\"")
    writer.literal(Self.text(view.layer))
    writer.literal("\",\"event\":\"")
    writer.literal(view.event)
    if view.appProto != nil {
      writer.literal("\",\"layer\":\"")
      writer.literal(view.foundBy)
    }
    writer.literal("\"}")
    writer.bytes(fixed.eveTail)
    if context.includesSequence {
      writer.decimal(record.pointee.worker)
      writer.literal(",\"seq\":")
      writer.decimal(record.pointee.sequence)
    }
    writer.literal("}")
  }

  /// `anomaly.type`.
  private static func text(_ layer: Violation.Layer) -> StaticString {
    switch layer {
    case .decode: "decode"
    case .stream: "stream"
    case .applayer: "applayer"
    }
  }

  private func writeAddresses(_ view: AnomalyView, to writer: inout ByteWriter) {
    let version = view.record.pointee.ipVersion
    writer.literal(",\"src_ip\":\"")
    writer.address(view.source, version: version)
    if view.hasPorts {
      writer.literal("\",\"src_port\":")
      writer.decimal(view.sourcePort)
      writer.literal(",\"dest_ip\":\"")
    } else {
      writer.literal("\",\"dest_ip\":\"")
    }
    writer.address(view.destination, version: version)
    if view.hasPorts {
      writer.literal("\",\"dest_port\":")
      writer.decimal(view.destinationPort)
      writer.literal(",\"proto\":\"")
    } else {
      writer.literal("\",\"proto\":\"")
    }
    writer.proto(view.record.pointee.proto)
    writer.literal("\",\"ip_v\":")
    writer.decimal(version)
    guard view.hasFlow else { return }
    writer.literal(",\"community_id\":\"")
    CommunityID.write(
      view.record.pointee.hot.key, seed: context.communityIDSeed, to: &writer)
    writer.literal("\"")
  }

  /// An `anomaly` record as RESP bulk strings. Returns the number of fields.
  mutating func writeFields(_ view: AnomalyView, to writer: inout ByteWriter) -> Int {
    for field in AnomalyField.allCases {
      writer.bytes(FixedText.bulk(Array((field.definition.name ?? "").utf8)))
      switch field {
      case .sensor: writer.bytes(fixed.sensor)
      case .startEpoch: writer.bytes(fixed.startEpoch)
      case .interface:
        let port = Int(view.record.pointee.cold.portIndex)
        if port < fixed.ports.count {
          writer.bytes(fixed.ports[port])
        } else {
          writer.literal("$0\r\n\r\n")
        }
      default: writer.bulk { writer in writeValue(of: field, view, to: &writer) }
      }
    }
    return AnomalyField.allCases.count
  }

  private mutating func writeValue(
    of field: AnomalyField, _ view: AnomalyView, to writer: inout ByteWriter
  ) {
    let record = view.record
    let version = record.pointee.ipVersion
    switch field {
    case .timestamp: timestampText.write(nanoseconds: record.pointee.exportTime, to: &writer)
    case .flowID: if view.hasFlow { writer.decimal(view.flowID) }
    case .eventType: writer.literal("anomaly")
    case .packetNumber:
      if !context.includesSequence { writer.decimal(record.pointee.packetOrdinal &+ 1) }
    case .vlan: writer.vlans(record.pointee.cold)
    case .sourceAddress: if view.hasKey { writer.address(view.source, version: version) }
    case .sourcePort: if view.hasPorts { writer.decimal(view.sourcePort) }
    case .destinationAddress:
      if view.hasKey { writer.address(view.destination, version: version) }
    case .destinationPort: if view.hasPorts { writer.decimal(view.destinationPort) }
    case .proto: if view.hasKey { writer.proto(record.pointee.proto) }
    case .ipVersion: if view.hasKey { writer.decimal(version) }
    case .communityID:
      if view.hasFlow {
        CommunityID.write(record.pointee.hot.key, seed: context.communityIDSeed, to: &writer)
      }
    case .layer: writer.literal(Self.text(view.layer))
    case .event: writer.literal(view.event)
    case .appProto: if let appProto = view.appProto { writer.literal(appProto.name) }
    case .foundBy: if view.appProto != nil { writer.literal(view.foundBy) }
    case .worker: if context.includesSequence { writer.decimal(record.pointee.worker) }
    case .sequence: if context.includesSequence { writer.decimal(record.pointee.sequence) }
    case .sensor, .startEpoch, .interface: preconditionFailure("\(field) is fixed text")
    }
  }
}
