/// The data records of a batch, by domain and shape: records of one template stand in one set.
struct ExportPlan {
  private let settings: FlowExportSettings
  private let clock: ExportClock
  private let nowNanoseconds = ExportClock.now
  /// In the order in which they came.
  private(set) var domains: [UInt32] = []
  private var shapes: [UInt32: [FlowShape]] = [:]
  private var flows: [Key: [(flow: ExportedFlow, sensor: String)]] = [:]
  var nothingNew: UInt64 = 0
  var notRemembered: UInt64 = 0
  private(set) var absoluteTimes: UInt64 = 0

  private struct Key: Hashable {
    var domain: UInt32
    var shape: FlowShape
  }

  init(_ settings: FlowExportSettings, _ clock: ExportClock) {
    self.settings = settings
    self.clock = clock
  }

  /// Adds the records that a flow gives: one, or one for each direction that has sent something.
  mutating func add(_ flow: ExportedFlow, domain: UInt32, sensor: String) {
    let sent = (flow.sent.originator.packets > 0, flow.sent.responder.packets > 0)
    switch sent {
    case (false, false): nothingNew += 1
    case (true, true) where settings.isBiflow:
      put(flow, .biflow, domain, sensor)
    case (true, true):
      put(flow, [], domain, sensor)
      put(flow.turned, [], domain, sensor)
    case (true, false): put(flow, [], domain, sensor)
    case (false, true): put(flow.turned, [], domain, sensor)
    }
  }

  private mutating func put(
    _ flow: ExportedFlow, _ directions: FlowShape, _ domain: UInt32, _ sensor: String
  ) {
    var shape = directions
    if flow.isIPv6 { shape.insert(.ipv6) }
    if flow.ports != nil { shape.insert(.ports) }
    if flow.isTCP { shape.insert(.tcp) }
    if flow.isICMP { shape.insert(.icmp) }
    if flow.vlan != nil { shape.insert(.vlan) }
    if flow.macs != nil { shape.insert(.macs) }
    if flow.interface != nil { shape.insert(.interface) }
    // NetFlow v9 has no strings of variable length.
    if flow.application != nil && settings.exportProtocol == .ipfix { shape.insert(.application) }
    if settings.exportProtocol == .netflow9,
      !clock.reaches(start: flow.start, end: flow.end, nowNanoseconds: nowNanoseconds)
    {
      shape.insert(.absoluteTimes)
      absoluteTimes += 1
    }
    let key = Key(domain: domain, shape: shape)
    if flows[key] == nil {
      if shapes[domain] == nil { domains.append(domain) }
      shapes[domain, default: []].append(shape)
    }
    flows[key, default: []].append((flow, sensor))
  }

  /// Writes what there is for a domain: first what the collector must know, then the records.
  func write(
    to builder: inout MessageBuilder, _ domain: inout ExportDomain, _ writer: inout FlowRecordWriter
  ) {
    let shapes = shapes[domain.id] ?? []
    // Templates and interfaces first: they are announced together.
    for shape in shapes {
      _ = domain.template(shape)
      if shape.contains(.interface) {
        for (flow, sensor) in flows[Key(domain: domain.id, shape: shape)] ?? [] {
          _ = number(of: flow, sensor, &domain)
        }
      }
    }
    domain.announce(in: &builder, monotonic: ExportClock.monotonic)
    var record: [UInt8] = []
    for shape in shapes {
      let template = domain.template(shape)
      for (flow, sensor) in flows[Key(domain: domain.id, shape: shape)] ?? [] {
        record.removeAll(keepingCapacity: true)
        let interface = number(of: flow, sensor, &domain)
        writer.write(flow, template.elements, interface: interface, to: &record)
        builder.add(record: record, template: template.id, isOfFlow: true)
      }
    }
  }

  /// The number of a flow's interface. Where sensors share a domain, each has interfaces of its
  /// own.
  private func number(of flow: ExportedFlow, _ sensor: String, _ domain: inout ExportDomain)
    -> UInt32
  {
    guard let interface = flow.interface else { return 0 }
    return domain.interface(settings.domain == nil ? interface : "\(sensor):\(interface)")
  }
}
