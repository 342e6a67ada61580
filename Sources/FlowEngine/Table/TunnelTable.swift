/// What a flow's packets travel in: the innermost tunnel around them, as the flow's first packet had it.
/// 40 bytes.
@usableFromInline @frozen
package struct Tunnel: BitwiseCopyable, Hashable, Sendable {
  /// End points of the outer header, as of the flow's first packet.
  package var source: IPAddress
  package var destination: IPAddress
  /// VNI, TEID, GRE key, ERSPAN or L2TP session; 0 where the kind has none.
  package var identifier: UInt32
  /// Destination port of a tunnel over UDP; the source port differs from flow to flow.
  package var port: UInt16
  /// ``TunnelKind``
  package var kind: UInt8
  /// Tunnels around the flow, this one included; the top bit says that the end points are IPv6.
  package var depthAndVersion: UInt8

  package init(
    source: IPAddress, destination: IPAddress, identifier: UInt32 = 0, port: UInt16 = 0,
    kind: UInt8, depth: UInt8, isIPv6: Bool
  ) {
    self.source = source
    self.destination = destination
    self.identifier = identifier
    self.port = port
    self.kind = kind
    depthAndVersion = depth & 0x7f | (isIPv6 ? 0x80 : 0)
  }

  package static var none: Tunnel {
    Tunnel(
      source: IPAddress(high: 0, low: 0), destination: IPAddress(high: 0, low: 0), kind: 0,
      depth: 0, isIPv6: false)
  }

  package var depth: UInt8 { depthAndVersion & 0x7f }
  /// The identifier, where there is one: not every kind has one, and of GRE not every header.
  package var knownIdentifier: UInt32? {
    switch TunnelKind(rawValue: kind) {
    case .vxlan, .vxlanGPE, .geneve, .gtpu, .pptp, .erspan, .l2tp, .mpls: identifier
    case .gre: identifier == 0 ? nil : identifier
    case .ipip, .sixInFour, .etherIP, .teredo, nil: nil
    }
  }

  /// The protocol that carries it, as EVE's `proto` writes it, where a packet of IP version `version` is
  /// within: GRE and MPLS stand in IP itself or in UDP (RFC 8086, RFC 7510), and IP in IP is two protocols,
  /// IPv4's and IPv6's.
  package func proto(ofVersion version: UInt8) -> UInt8 {
    if port != 0 { return IPProtocol.udp }
    let kind = TunnelKind(rawValue: kind)
    return kind == .ipip && version == 6 ? IPProtocol.ipv6 : kind?.proto ?? 0
  }
  package var ipVersion: UInt8 { depthAndVersion & 0x80 != 0 ? 6 : 4 }
}

/// Kinds of tunnel; 0 is none.
package enum TunnelKind: UInt8, CaseIterable, Sendable {
  case ipip = 1
  case sixInFour
  case gre
  case pptp
  case erspan
  case etherIP
  case vxlan
  case vxlanGPE
  case geneve
  case gtpu
  case teredo
  case l2tp
  case mpls

  /// The value of the record's `tunnel.type`.
  package var name: StaticString {
    switch self {
    case .ipip: "ipip"
    case .sixInFour: "6in4"
    case .gre: "gre"
    case .pptp: "pptp"
    case .erspan: "erspan"
    case .etherIP: "etherip"
    case .vxlan: "vxlan"
    case .vxlanGPE: "vxlan-gpe"
    case .geneve: "geneve"
    case .gtpu: "gtp-u"
    case .teredo: "teredo"
    case .l2tp: "l2tp"
    case .mpls: "mpls"
    }
  }

  /// The protocol that usually carries it; of IP in IP that of IPv4. See ``Tunnel/proto(ofVersion:)``.
  package var proto: UInt8 {
    switch self {
    case .ipip: 4
    case .sixInFour: IPProtocol.ipv6
    case .gre, .pptp, .erspan: IPProtocol.gre
    case .etherIP: 97
    case .vxlan, .vxlanGPE, .geneve, .gtpu, .teredo, .l2tp: IPProtocol.udp
    case .mpls: 137
    }
  }
}

/// The tunnels of a worker's flows, each once however many flows are in it, in fixed memory.
///
/// A flow holds a number of 16 bits, 0 for none. An entry lives as long as a flow holds it. Looked up
/// when a flow begins and at no other time.
struct TunnelTable: BitwiseCopyable {
  struct Entry: BitwiseCopyable {
    var tunnel: Tunnel
    var flows: UInt32
    /// Next in its chain or in the list of free ones; 0 ends it.
    var next: UInt16
    var chain: UInt16
  }

  private let entries: UnsafeMutablePointer<Entry>
  private let chains: UnsafeMutablePointer<UInt16>
  private let chainMask: UInt64
  private var free: UInt16
  private(set) var count = 0

  /// At the most 65,535.
  init(capacity wanted: Int, plan: inout MemoryPlan, touch: Bool) {
    let capacity = max(1, min(wanted, Int(UInt16.max)))
    var chainCount = 16
    while chainCount < capacity { chainCount *= 2 }
    entries = plan.take("tunnels", bytes: (capacity + 1) * MemoryLayout<Entry>.stride)
      .assumingMemoryBound(to: Entry.self)
    chains = plan.take("tunnels' index", bytes: chainCount * 2)
      .assumingMemoryBound(to: UInt16.self)
    chainMask = UInt64(chainCount - 1)
    free = 1
    guard touch else { return }
    for i in 0..<chainCount { chains[i] = 0 }
    for i in 1...capacity { entries[i].next = i < capacity ? UInt16(i + 1) : 0 }
  }

  /// The number of a tunnel, which a flow holds from now on; 0 where there is no room.
  mutating func hold(_ tunnel: Tunnel, hash: FlowHash) -> UInt16 {
    let chain = Int(truncatingIfNeeded: hash(tunnel) & chainMask)
    var number = chains[chain]
    while number != 0 {
      let entry = entries + Int(number)
      if entry.pointee.tunnel == tunnel {
        entry.pointee.flows &+= 1
        return number
      }
      number = entry.pointee.next
    }
    number = free
    guard number != 0 else { return 0 }
    free = entries[Int(number)].next
    entries[Int(number)] = Entry(
      tunnel: tunnel, flows: 1, next: chains[chain], chain: UInt16(truncatingIfNeeded: chain))
    chains[chain] = number
    count &+= 1
    return number
  }

  /// A flow that held it has ended.
  mutating func letGo(_ number: UInt16) {
    let entry = entries + Int(number)
    entry.pointee.flows &-= 1
    guard entry.pointee.flows == 0 else { return }
    let chain = Int(entry.pointee.chain)
    if chains[chain] == number {
      chains[chain] = entry.pointee.next
    } else {
      var before = Int(chains[chain])
      while entries[before].next != number { before = Int(entries[before].next) }
      entries[before].next = entry.pointee.next
    }
    entry.pointee.next = free
    free = number
    count &-= 1
  }

  @inline(__always)
  subscript(number: UInt16) -> Tunnel { entries[Int(number)].tunnel }
}

extension FlowHash {
  /// A tunnel's place in its table: seeded, as a flow's is.
  func callAsFunction(_ tunnel: Tunnel) -> UInt64 {
    self(
      FlowKey(
        addressA: tunnel.source, addressB: tunnel.destination,
        portA: UInt16(truncatingIfNeeded: tunnel.identifier >> 16),
        portB: UInt16(truncatingIfNeeded: tunnel.identifier), proto: tunnel.kind,
        flags: tunnel.depthAndVersion, vlanOuter: tunnel.port))
  }
}
