import Foundation

/// One end of a flow, comparable so that both directions give the same tuple.
struct TupleEnd: Hashable, Comparable, CustomStringConvertible {
  /// 4 or 16 bytes in network order: text has many spellings of one IPv6 address.
  let address: [UInt8]
  /// For ICMP: the type, the counterpart's type, or the code (see ``FlowTuple``).
  let port: Int

  /// Nil where the text is not an address.
  init?(_ text: some StringProtocol, port: Int) {
    let text = String(text)
    var bytes = [UInt8](repeating: 0, count: text.contains(":") ? 16 : 4)
    guard inet_pton(text.contains(":") ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
    address = bytes
    self.port = port
  }

  static func < (a: TupleEnd, b: TupleEnd) -> Bool {
    if a.address != b.address { return a.address.lexicographicallyPrecedes(b.address) }
    return a.port < b.port
  }

  var description: String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = address.count == 16 ? AF_INET6 : AF_INET
    inet_ntop(family, address, &buffer, socklen_t(buffer.count))
    let text = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return address.count == 16 ? "[\(text)]:\(port)" : "\(text):\(port)"
  }
}

/// What makes packets one conversation, the same from either end: the engine's rule, written down a
/// second time so that the tests do not believe the engine.
///
/// ICMP has types for ports: a request's type and its answer's type where there is such a pair
/// (Community ID's list), else type and code, and then each direction is a flow of its own.
struct FlowTuple: Hashable, CustomStringConvertible {
  let lower: TupleEnd
  let upper: TupleEnd
  let proto: Int
  /// Outermost first; empty where the comparison leaves VLANs out.
  let vlans: [Int]
  /// The sender, for messages that nothing answers.
  let oneWayFrom: TupleEnd?

  init(_ a: TupleEnd, _ b: TupleEnd, proto: Int, vlans: [Int] = [], isOneWay: Bool = false) {
    lower = min(a, b)
    upper = max(a, b)
    self.proto = proto
    self.vlans = vlans
    oneWayFrom = isOneWay ? a : nil
  }

  /// A tuple, and its sender's end, from a packet's or a record's fields.
  static func make(
    source: some StringProtocol, sourcePort: Int, destination: some StringProtocol,
    destinationPort: Int, proto: Int, icmpType: Int = 0, icmpCode: Int = 0, vlans: [Int] = []
  ) -> (tuple: FlowTuple, source: TupleEnd)? {
    var ports = (sourcePort, destinationPort)
    var isOneWay = false
    if proto == 1 || proto == 58 {
      let counterpart = icmpCounterpart(of: icmpType, proto: proto)
      ports = (icmpType, counterpart ?? icmpCode)
      isOneWay = counterpart == nil
    } else if ![6, 17, 132].contains(proto) {
      ports = (0, 0)
    }
    guard let from = TupleEnd(source, port: ports.0), let to = TupleEnd(destination, port: ports.1)
    else { return nil }
    return (FlowTuple(from, to, proto: proto, vlans: vlans, isOneWay: isOneWay), from)
  }

  /// The type of the message that answers one of `type`, or that it answers; nil where there is none.
  static func icmpCounterpart(of type: Int, proto: Int) -> Int? {
    (proto == 1 ? icmpPairs : icmp6Pairs)[type]
  }

  private static let icmpPairs = [
    8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 10: 9, 9: 10, 17: 18, 18: 17,
  ]
  private static let icmp6Pairs = [
    128: 129, 129: 128, 133: 134, 134: 133, 135: 136, 136: 135, 130: 131, 131: 130, 139: 140,
    140: 139, 144: 145, 145: 144,
  ]

  var withoutVLANs: FlowTuple {
    let from = oneWayFrom ?? lower
    return FlowTuple(
      from, from == lower ? upper : lower, proto: proto, isOneWay: oneWayFrom != nil)
  }

  var description: String {
    let name = Self.names[proto] ?? "proto \(proto)"
    let tags = vlans.isEmpty ? "" : " vlan \(vlans.map(String.init).joined(separator: "."))"
    let arrow = oneWayFrom == nil ? "↔" : (oneWayFrom == lower ? "→" : "←")
    return "\(name) \(lower) \(arrow) \(upper)\(tags)"
  }

  private static let names = [
    1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6",
    132: "sctp",
  ]
}

/// What went each way between a tuple's ends. Bytes are frames' lengths on the wire.
struct FlowTotals: Hashable, CustomStringConvertible {
  var packetsFromLower = 0
  var bytesFromLower = 0
  var packetsFromUpper = 0
  var bytesFromUpper = 0

  var packets: Int { packetsFromLower + packetsFromUpper }
  var bytes: Int { bytesFromLower + bytesFromUpper }

  mutating func add(packets: Int, bytes: Int, fromLower: Bool) {
    if fromLower {
      packetsFromLower += packets
      bytesFromLower += bytes
    } else {
      packetsFromUpper += packets
      bytesFromUpper += bytes
    }
  }

  static func += (a: inout FlowTotals, b: FlowTotals) {
    a.add(packets: b.packetsFromLower, bytes: b.bytesFromLower, fromLower: true)
    a.add(packets: b.packetsFromUpper, bytes: b.bytesFromUpper, fromLower: false)
  }

  var description: String {
    "\(packetsFromLower) packets \(bytesFromLower) bytes →, "
      + "\(packetsFromUpper) packets \(bytesFromUpper) bytes ←"
  }
}
