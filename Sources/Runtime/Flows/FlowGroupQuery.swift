import ControlAPI
import FlowEngine
import Records

/// Flows added up by what they share: `flows.top` by a key.
final class FlowGroupQuery: FlowQuery, @unchecked Sendable {
  /// Different keys that are kept; flows with further ones are left out, and the answer says so.
  static let keyLimit = 262_144

  private struct Sums {
    var flows: UInt64 = 0
    var packets: UInt64 = 0
    var bytes: UInt64 = 0
    var bitsPerSecond = 0.0
    var packetsPerSecond = 0.0

    mutating func add(_ flow: SeenFlow) {
      flows += 1
      // Wrapping: totals of a link, far below 2^64.
      packets &+= flow.packets
      bytes &+= flow.bytes
      bitsPerSecond += flow.bitsPerSecond
      packetsPerSecond += flow.packetsPerSecond
    }
  }

  let wantsRates = true
  private let kind: FlowKeyKind
  private let condition: RecordExpression?
  private let keyLimit: Int
  private var groups: [FlowGroupKey: Sums] = [:]
  private(set) var matched: UInt64 = 0
  private(set) var interval = 0.0
  /// There were more different keys than are kept.
  private(set) var isFull = false

  init(_ kind: FlowKeyKind, where condition: RecordExpression?, keyLimit: Int = keyLimit) {
    self.kind = kind
    self.condition = condition
    self.keyLimit = keyLimit
  }

  func take(_ flow: SeenFlow) {
    if let condition, !condition.matches(flow.record) { return }
    matched += 1
    interval = max(interval, flow.interval)
    let (key, other) = FlowGroupKey.keys(kind, flow)
    add(flow, key)
    if let other { add(flow, other) }
  }

  private func add(_ flow: SeenFlow, _ key: FlowGroupKey) {
    if groups.count >= keyLimit && groups[key] == nil {
      isFull = true
      return
    }
    groups[key, default: Sums()].add(flow)
  }

  /// The `count` foremost by `order`.
  func foremost(_ count: Int, by order: FlowOrder) -> [FlowGroup] {
    var foremost = Foremost<FlowGroup>(limit: count)
    for (key, sums) in groups {
      let score =
        switch order {
        case .bytes: Double(sums.bytes)
        case .packets: Double(sums.packets)
        case .packetRate: sums.packetsPerSecond
        default: sums.bitsPerSecond
        }
      foremost.offer(score) {
        var group = FlowGroup()
        group.key = key.text(kind)
        group.flows = sums.flows
        group.packets = sums.packets
        group.bytes = sums.bytes
        group.bitsPerSecond = sums.bitsPerSecond
        group.packetsPerSecond = sums.packetsPerSecond
        return group
      }
    }
    return foremost.sorted
  }
}

/// What flows of a group share: addresses, and a word for what else.
struct FlowGroupKey: Hashable {
  private var firstHigh: UInt64 = 0
  private var firstLow: UInt64 = 0
  private var secondHigh: UInt64 = 0
  private var secondLow: UInt64 = 0
  /// Addresses: the IP version. Else port and protocol, protocol, VLAN, or application.
  private var word: UInt64 = 0

  /// A flow's key, and where it counts for two groups the other one.
  static func keys(_ kind: FlowKeyKind, _ flow: SeenFlow) -> (FlowGroupKey, FlowGroupKey?) {
    let record = flow.record
    let key = record.pointee.hot.key
    var one = FlowGroupKey()
    one.word = UInt64(key.ipVersion)
    let (source, destination) =
      record.pointee.originatorIsB
      ? (key.addressB, key.addressA) : (key.addressA, key.addressB)
    switch kind {
    case .flow, .source: one.setFirst(source)
    case .destination: one.setFirst(destination)
    case .pair:
      // Nearly all keys have them in the order of their values; ICMP without an answer has not.
      let isOrdered =
        (key.addressA.high, key.addressA.low) <= (key.addressB.high, key.addressB.low)
      one.setFirst(isOrdered ? key.addressA : key.addressB)
      one.setSecond(isOrdered ? key.addressB : key.addressA)
    case .address:
      one.setFirst(key.addressA)
      if key.addressA == key.addressB { return (one, nil) }
      var other = one
      other.setFirst(key.addressB)
      return (one, other)
    case .port:
      let port = record.pointee.originatorIsB ? key.portA : key.portB
      one.word = UInt64(key.proto) | (flow.hasPorts ? 1 << 8 | UInt64(port) << 16 : 0)
    case .protocol: one.word = UInt64(key.proto)
    case .vlan: one.word = UInt64(record.pointee.cold.vlanOuter)
    case .app: one.word = UInt64(record.pointee.app.proto)
    }
    return (one, nil)
  }

  private mutating func setFirst(_ address: IPAddress) {
    firstHigh = address.high
    firstLow = address.low
  }

  private mutating func setSecond(_ address: IPAddress) {
    secondHigh = address.high
    secondLow = address.low
  }

  func text(_ kind: FlowKeyKind) -> String {
    func address(_ high: UInt64, _ low: UInt64) -> String {
      RecordText.address(IPAddress(high: high, low: low), version: UInt8(truncatingIfNeeded: word))
    }
    switch kind {
    case .flow, .address, .source, .destination: return address(firstHigh, firstLow)
    case .pair: return "\(address(firstHigh, firstLow)) \(address(secondHigh, secondLow))"
    case .port, .protocol:
      let proto = RecordText.protocolName(UInt8(truncatingIfNeeded: word))
      return word >> 8 & 1 == 0 ? proto : "\(proto)/\(word >> 16)"
    case .vlan: return word == 0xffff ? "-" : "\(word)"
    case .app:
      let app = AppProtocol(rawValue: UInt8(truncatingIfNeeded: word)) ?? .unknown
      return app == .unknown ? "-" : "\(app.name)"
    }
  }
}
