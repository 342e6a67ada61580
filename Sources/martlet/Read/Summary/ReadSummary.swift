import FlowEngine
import Records

/// What one wants to see of captures first, from the flows in them: how much, of what, by whom and
/// when, and what was odd.
///
/// Takes flow records in any order, about 0.2 µs each, in bounded memory (below 30 MB), and comes
/// out the same for every order. Hosts beyond the limit of ``HeavyHitters`` are the one exception:
/// there it says so.
struct ReadSummary {
  /// What flow records do not tell.
  struct Input: Sendable {
    /// Names of what was read, in the order of reading.
    var files: [String] = []
    /// Bytes of those as they lay there; nil where that is unknown, as from a pipe.
    var inputBytes: UInt64?
    /// Times of the first and the latest packet of any kind, nanoseconds since 1970; nil where only
    /// the flows tell.
    var firstPacket: Int64?
    var lastPacket: Int64?
    /// Over all workers.
    var counters: CounterSnapshot?

    init() {}
  }

  struct Totals: Equatable, Sendable {
    var flows: UInt64 = 0
    var packets: UInt64 = 0
    /// Whole frames on the wire.
    var bytes: UInt64 = 0

    @inline(__always)
    mutating func add(packets: UInt64, bytes: UInt64) {
      // Wrapping: 2^64 bytes take 58 years at 80 Gb/s.
      flows &+= 1
      self.packets &+= packets
      self.bytes &+= bytes
    }

    static func += (a: inout Totals, b: Totals) {
      a.flows &+= b.flows
      a.packets &+= b.packets
      a.bytes &+= b.bytes
    }
  }

  /// One of the flows that stand out.
  struct Flow: Sendable {
    var key: FlowKey
    var originatorIsB: Bool
    /// Nanoseconds since 1970.
    var first: Int64
    var last: Int64
    var packets: UInt64
    var bytes: UInt64
    var ordinal: UInt64
    var state: ConnectionState
    var app = AppProtocol.unknown

    var nanoseconds: UInt64 { last > first ? UInt64(bitPattern: last &- first) : 0 }
  }

  static let flowCount = 5

  var input = Input()
  private(set) var totals = Totals()
  /// IPv4's 256 protocols, then IPv6's.
  private(set) var protocols = [Totals](repeating: Totals(), count: 512)
  /// By ``portTable(ipVersion:proto:)``, then by port; empty where there was no such flow.
  private(set) var ports = [[Totals]](repeating: [], count: 6)
  /// Of each table the ports that are not all nought, in the order they came.
  private(set) var usedPorts = [[UInt16]](repeating: [], count: 6)
  /// By what the flows speak: ``AppProtocol``.
  private(set) var apps = [Totals](repeating: Totals(), count: 256)
  /// Protocol records by what their flows spoke then.
  private(set) var appRecords = [UInt64](repeating: 0, count: 256)
  private(set) var hosts: HeavyHitters
  /// TCP connections by the raw value of their state.
  private(set) var states = [UInt64](repeating: 0, count: ConnectionState.allCases.count)
  private(set) var timeLine = TimeLine()
  private(set) var fragmentedFlows: UInt64 = 0
  private(set) var biggest = Best<Flow>(capacity: flowCount) { a, b in
    a.bytes != b.bytes ? a.bytes > b.bytes : isEarlier(a, b)
  }
  private(set) var longest = Best<Flow>(capacity: flowCount) { a, b in
    a.nanoseconds != b.nanoseconds ? a.nanoseconds > b.nanoseconds : isEarlier(a, b)
  }

  init(hostLimit: Int = 65_536) { hosts = HeavyHitters(limit: hostLimit) }

  /// Counts a flow in. A `flow_update` is left out: its flow comes with its totals in the end.
  mutating func add(_ record: UnsafePointer<FlowRecord>) {
    guard record.pointee.kind == FlowRecordKind.flow else { return }
    let key = record.pointee.hot.key
    let a = record.pointee.hot.sideA
    let b = record.pointee.hot.sideB
    let packets = a.packets &+ b.packets
    let bytes = a.bytes &+ b.bytes
    let first = record.pointee.cold.firstSeen
    let last = record.pointee.hot.lastSeen
    totals.add(packets: packets, bytes: bytes)
    protocols[(key.ipVersion == 4 ? 0 : 256) + Int(key.proto)].add(packets: packets, bytes: bytes)
    apps[Int(record.pointee.app.proto)].add(packets: packets, bytes: bytes)
    if let table = Self.portTable(ipVersion: key.ipVersion, proto: key.proto) {
      if ports[table].isEmpty { ports[table] = [Totals](repeating: Totals(), count: 65_536) }
      let port = Self.servicePort(record)
      if ports[table][Int(port)].flows == 0 { usedPorts[table].append(port) }
      ports[table][Int(port)].add(packets: packets, bytes: bytes)
    }
    hosts.add(
      key.addressA, ipVersion: key.ipVersion, sent: a.bytes, received: b.bytes, packets: packets)
    if key.addressB != key.addressA {
      hosts.add(
        key.addressB, ipVersion: key.ipVersion, sent: b.bytes, received: a.bytes,
        packets: packets)
    }
    let state = ConnectionState.of(record)
    if key.proto == IPProtocol.tcp { states[Int(state.rawValue)] &+= 1 }
    if record.pointee.hot.flags & FlowFlags.fragmented != 0 { fragmentedFlows &+= 1 }
    timeLine.add(start: first, end: last, bytes: bytes, packets: packets)
    let flow = Flow(
      key: key, originatorIsB: record.pointee.originatorIsB, first: first, last: last,
      packets: packets, bytes: bytes, ordinal: record.pointee.cold.ordinal, state: state,
      app: AppProtocol(rawValue: record.pointee.app.proto) ?? .unknown)
    biggest.add(flow)
    if flow.nanoseconds > 0 { longest.add(flow) }
  }

  /// Counts a protocol record in.
  mutating func add(_ event: EventRecord) {
    if !event.isHidden { appRecords[Int(event.head.proto)] &+= 1 }
  }

  /// One of the protocols that flows speak.
  struct App: Equatable, Sendable {
    var app: AppProtocol
    var totals: Totals
    var records: UInt64
  }

  /// What flows speak, that with the most bytes first; last those that said nothing that is known.
  var spoken: [App] {
    let all = AppProtocol.allCases.map { app in
      App(
        app: app, totals: apps[Int(app.rawValue)], records: appRecords[Int(app.rawValue)])
    }.filter { $0.totals.flows > 0 || $0.records > 0 }
    let isKnown = { (app: App) in app.app != .unknown && app.app != .failed }
    let known = all.filter(isKnown).sorted { a, b in
      if a.totals.bytes != b.totals.bytes { return a.totals.bytes > b.totals.bytes }
      return a.app.rawValue < b.app.rawValue
    }
    // Nothing to tell where nobody has looked.
    return known.isEmpty ? [] : known + all.filter { !isKnown($0) }
  }

  /// Where the ports of a protocol are counted; nil where it has none.
  static func portTable(ipVersion: UInt8, proto: UInt8) -> Int? {
    let version = ipVersion == 4 ? 0 : 3
    switch proto {
    case IPProtocol.tcp: return version
    case IPProtocol.udp: return version + 1
    case IPProtocol.sctp: return version + 2
    default: return nil
    }
  }

  /// The port that tells the service: the responder's, unless only the originator's is known.
  private static func servicePort(_ record: UnsafePointer<FlowRecord>) -> UInt16 {
    let key = record.pointee.hot.key
    let isB = record.pointee.originatorIsB
    let responder = isB ? key.portA : key.portB
    let originator = isB ? key.portB : key.portA
    if ServiceNames.isKnown(proto: key.proto, port: responder) { return responder }
    return ServiceNames.isKnown(proto: key.proto, port: originator) ? originator : responder
  }

  /// A total order of flows: by time, and what else tells them apart.
  private static func isEarlier(_ a: Flow, _ b: Flow) -> Bool {
    if a.first != b.first { return a.first < b.first }
    if a.last != b.last { return a.last < b.last }
    if a.key.addressA != b.key.addressA { return a.key.addressA < b.key.addressA }
    if a.key.addressB != b.key.addressB { return a.key.addressB < b.key.addressB }
    let left = (
      a.key.portA, a.key.portB, a.key.proto, a.key.vlanOuter, a.key.vlanInner, a.ordinal
    )
    let right = (
      b.key.portA, b.key.portB, b.key.proto, b.key.vlanOuter, b.key.vlanInner, b.ordinal
    )
    if left != right { return left < right }
    return a.packets != b.packets ? a.packets < b.packets : a.bytes < b.bytes
  }
}
