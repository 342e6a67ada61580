import ControlAPI

extension SampleData {
  /// What a window of so many seconds brought: as much as the counters grow by.
  static func rates(over seconds: Int, uptimeSeconds: Double) -> RateWindow {
    let growth = { (index: Int) -> Rates in
      let packets = index == 0 ? 1_250_000.0 : 830_000
      var rates = Rates()
      rates.packets = packets
      rates.bits = packets * 412 * 8
      rates.filtered = packets / 50
      rates.discarded = packets / 200_000
      rates.flowsCreated = packets / 40
      rates.records = packets / 44
      return rates
    }
    var window = RateWindow()
    window.seconds = seconds
    window.workers = [growth(0), growth(1)]
    for worker in window.workers {
      window.total.packets += worker.packets
      window.total.bits += worker.bits
      window.total.filtered += worker.filtered
      window.total.discarded += worker.discarded
      window.total.flowsCreated += worker.flowsCreated
      window.total.records += worker.records
    }
    window.ports = ["tap0", "tap1"].enumerated().map { index, name in
      var rates = PortRates()
      rates.name = name
      rates.packets = window.workers[index].packets
      rates.bits = window.workers[index].bits
      rates.missed = index == 0 ? 3 : 0
      return rates
    }
    return window
  }

  /// Flows added up by a key.
  static func groups(_ flows: [LiveFlow], by kind: FlowKeyKind, order: FlowOrder) -> [FlowGroup] {
    var groups: [String: FlowGroup] = [:]
    for flow in flows {
      for key in keys(of: flow, kind) {
        var group = groups[key] ?? FlowGroup()
        group.key = key
        group.flows += 1
        group.packets += flow.packets
        group.bytes += flow.bytes
        group.bitsPerSecond += flow.bitsPerSecond
        group.packetsPerSecond += flow.packetsPerSecond
        groups[key] = group
      }
    }
    return groups.values.sorted { left, right in
      let (a, b) = (left.value(of: order), right.value(of: order))
      return a == b ? left.key < right.key : a > b
    }
  }

  private static func keys(of flow: LiveFlow, _ kind: FlowKeyKind) -> [String] {
    switch kind {
    case .flow: [String(flow.flowId)]
    case .address: [flow.srcIP, flow.destIP]
    case .source: [flow.srcIP]
    case .destination: [flow.destIP]
    case .pair: ["\(flow.srcIP) \(flow.destIP)"]
    case .port: ["\(flow.proto)/\(flow.destPort)"]
    case .protocol: [flow.proto]
    case .vlan: [flow.vlan.first.map { "\($0)" } ?? "-"]
    case .app: [flow.appProto ?? "-"]
    }
  }

  /// A live flow as an EVE record.
  static func record(_ flow: LiveFlow) -> JSONValue {
    [
      "timestamp": .string(timestamp), "flow_id": .number("\(flow.flowId)"),
      "event_type": "flow", "src_ip": .string(flow.srcIP), "src_port": .number("\(flow.srcPort)"),
      "dest_ip": .string(flow.destIP), "dest_port": .number("\(flow.destPort)"),
      "proto": .string(flow.proto), "community_id": .string(flow.communityId),
      "flow": [
        "pkts_toserver": .number("\(flow.packetsToServer)"),
        "pkts_toclient": .number("\(flow.packetsToClient)"),
        "bytes_toserver": .number("\(flow.bytesToServer)"),
        "bytes_toclient": .number("\(flow.bytesToClient)"), "state": .string(flow.state),
      ],
    ]
  }
}

extension FlowGroup {
  func value(of order: FlowOrder) -> Double {
    switch order {
    case .packets: Double(packets)
    case .rate: bitsPerSecond
    case .packetRate: packetsPerSecond
    case .bytes, .age, .idle: Double(bytes)
    }
  }
}
