import ControlAPI
import FlowEngine
import Records

/// The foremost flows by an order: `flows.list`, and `flows.top` where flows are not put together.
final class FlowListQuery: FlowQuery, @unchecked Sendable {
  let wantsRates = true
  private let order: FlowOrder
  /// -1 where the least come first.
  private let sign: Double
  private let condition: RecordExpression?
  private var foremost: Foremost<(flow: ScannedFlow, interval: Double)>
  private(set) var matched: UInt64 = 0
  private(set) var interval = 0.0

  init(order: FlowOrder, ascending: Bool = false, limit: Int, where condition: RecordExpression?) {
    self.order = order
    self.condition = condition
    sign = ascending ? -1 : 1
    foremost = Foremost(limit: limit)
  }

  func take(_ flow: SeenFlow) {
    if let condition, !condition.matches(flow.record) { return }
    matched += 1
    interval = max(interval, flow.interval)
    foremost.offer(sign * flow.score(order)) { (flow.flow.pointee, flow.interval) }
  }

  /// In their order.
  func flows(_ context: RecordContext) -> [LiveFlow] {
    let identity = FlowIdentity(sensorName: context.sensorName)
    return foremost.sorted.map { kept in
      withUnsafePointer(to: kept.flow) {
        LiveFlow(
          SeenFlow(flow: $0, interval: kept.interval), identity: identity,
          communityIDSeed: context.communityIDSeed)
      }
    }
  }
}

extension SeenFlow {
  func score(_ order: FlowOrder) -> Double {
    switch order {
    case .bytes: Double(bytes)
    case .packets: Double(packets)
    case .rate: bitsPerSecond
    case .packetRate: packetsPerSecond
    case .age: ageSeconds
    case .idle: idleSeconds
    }
  }
}

extension FlowOrder {
  /// By what flows do now and not by what they have done so far.
  var isRate: Bool { self == .rate || self == .packetRate }
}

extension LiveFlow {
  init(_ seen: SeenFlow, identity: FlowIdentity, communityIDSeed: UInt16) {
    self.init()
    let record = seen.record.pointee
    let key = record.hot.key
    let originator = record.originator
    let responder = record.responder
    flowId = identity.flowID(key: key, cold: record.cold)
    communityId = CommunityID.text(of: key, seed: communityIDSeed)
    srcIP = RecordText.address(originator.address, version: key.ipVersion)
    destIP = RecordText.address(responder.address, version: key.ipVersion)
    if seen.hasPorts {
      srcPort = originator.port
      destPort = responder.port
    }
    proto = RecordText.protocolName(key.proto)
    let app = AppProtocol(rawValue: record.app.proto) ?? .unknown
    appProto = app == .unknown ? nil : "\(app.name)"
    vlan = seen.vlans
    packetsToServer = originator.packets
    packetsToClient = responder.packets
    bytesToServer = originator.bytes
    bytesToClient = responder.bytes
    bitsPerSecond = seen.bitsPerSecond
    packetsPerSecond = seen.packetsPerSecond
    ageSeconds = seen.ageSeconds
    idleSeconds = seen.idleSeconds
    state = RecordText.state(record.hot.state)
    worker = seen.worker
  }
}

extension SeenFlow {
  /// Whether the key's ports are ports: in records only of these three.
  var hasPorts: Bool {
    let proto = record.pointee.hot.key.proto
    return proto == IPProtocol.tcp || proto == IPProtocol.udp || proto == IPProtocol.sctp
  }

  /// Outermost first.
  var vlans: [UInt16] {
    [record.pointee.cold.vlanOuter, record.pointee.cold.vlanInner].filter { $0 != 0xffff }
  }
}
