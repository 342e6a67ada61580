import FlowEngine
import Foundation

/// Flow records made up for views; every one of them as the engine could have made it.
enum SampleFlows {
  /// 2026-11-21T05:36:00Z, in seconds since 1970.
  static let second: Int64 = 1_795_239_360
  static let start = second * 1_000_000_000

  static func zeroed<Value: BitwiseCopyable>(_ type: Value.Type) -> Value {
    withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { buffer in
      UnsafeMutableRawBufferPointer(buffer).initializeMemory(as: UInt8.self, repeating: 0)
      return buffer[0]
    }
  }

  /// An address by its text, through inet_pton.
  static func address(_ text: String) -> IPAddress {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 { return IPAddress(v4: UInt32(bigEndian: v4.s_addr)) }
    var v6 = in6_addr()
    precondition(inet_pton(AF_INET6, text, &v6) == 1, "\(text) is no address")
    return withUnsafeBytes(of: v6) { bytes in
      IPAddress(
        high: UInt64(bigEndian: bytes.load(as: UInt64.self)),
        low: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  /// A flow from `source` to `destination`; times in seconds behind ``start``.
  static func flow(
    _ proto: UInt8, _ source: (IPAddress, UInt16), _ destination: (IPAddress, UInt16),
    isIPv6: Bool = false, at begin: Double = 0, lasting duration: Double = 0,
    sent: (packets: UInt64, bytes: UInt64) = (1, 74),
    answered: (packets: UInt64, bytes: UInt64) = (0, 0), history: String = "", vlan: UInt16? = nil
  ) -> FlowRecord {
    var record = FlowRecord(hot: zeroed(FlowHot.self), cold: zeroed(FlowCold.self))
    let sourceIsA =
      source.0 < destination.0 || (source.0 == destination.0 && source.1 <= destination.1)
    let (a, b) = sourceIsA ? (source, destination) : (destination, source)
    record.hot.key = FlowKey(
      addressA: a.0, addressB: b.0, portA: a.1, portB: b.1, proto: proto,
      flags: isIPv6 ? FlowKey.Flags.ipv6 : 0)
    record.hot.flags = FlowFlags.live | (sourceIsA ? 0 : FlowFlags.originatorIsB)
    record.cold.firstSeen = start + Int64(begin * 1e9)
    record.hot.lastSeen = record.cold.firstSeen + Int64(duration * 1e9)
    var originator = FlowSide()
    (originator.packets, originator.bytes) = (sent.packets, sent.bytes)
    var responder = FlowSide()
    (responder.packets, responder.bytes) = (answered.packets, answered.bytes)
    for letter in history {
      let bit = bits[Character(letter.uppercased())] ?? 0
      if letter.isUppercase { originator.history |= bit } else { responder.history |= bit }
    }
    (record.hot.sideA, record.hot.sideB) =
      sourceIsA ? (originator, responder) : (responder, originator)
    let letters = Array(history.utf8.prefix(16))
    withUnsafeMutableBytes(of: &record.cold.historyText) { $0.copyBytes(from: letters) }
    record.cold.historyLength = UInt8(letters.count)
    record.cold.vlanOuter = vlan ?? 0xffff
    record.cold.vlanInner = 0xffff
    if proto == IPProtocol.tcp {
      let states = ends(history)
      record.cold.kind = (0, 0, 0)
      record.cold.setTCPState(sourceIsA ? 0 : 1, states.0)
      record.cold.setTCPState(sourceIsA ? 1 : 0, states.1)
    }
    if proto == IPProtocol.icmp { record.cold.icmpType = 8 }
    if proto == IPProtocol.icmpv6 { record.cold.icmpType = 128 }
    record.endReason = FlowEndReason.idleTimeout
    return record
  }

  /// The states that the engine's end points have after the histories that there are here.
  private static func ends(_ history: String) -> (TCPEndpointState, TCPEndpointState) {
    switch history {
    case "": (.inactive, .inactive)
    case "S": (.synSent, .inactive)
    case "Sr": (.synSent, .reset)
    default:
      (
        history.contains("R") ? .reset : history.contains("F") ? .closed : .established,
        history.contains("f") ? .closed : .established
      )
    }
  }

  private static let bits: [Character: UInt16] = [
    "S": HistoryBits.syn, "H": HistoryBits.synAck, "A": HistoryBits.ack, "D": HistoryBits.data,
    "F": HistoryBits.fin, "R": HistoryBits.rst, "T": HistoryBits.retransmission,
  ]

  /// A few flows of each shape, in the order of their end.
  static func few() -> [FlowRecord] {
    let client = address("192.168.1.52")
    let server = address("203.0.113.7")
    let client6 = address("2001:db8:1234:5678:9abc:def0:1234:5678")
    let server6 = address("2606:4700::6810:84e5")
    return [
      flow(
        IPProtocol.udp, (client, 53124), (address("192.168.1.1"), 53), at: 0.1, lasting: 0.0213,
        sent: (1, 74), answered: (1, 338)),
      flow(
        IPProtocol.tcp, (client, 54585), (server, 443), at: 0.123, lasting: 4.56,
        sent: (1250, 98_304), answered: (2410, 3_221_225), history: "ShADadFf", vlan: 100),
      flow(IPProtocol.tcp, (client, 54590), (server, 23), at: 1, sent: (1, 74), history: "S"),
      flow(
        IPProtocol.tcp, (client, 54591), (server, 22), at: 1.2, lasting: 0.0004,
        sent: (1, 74), answered: (1, 60), history: "Sr"),
      flow(
        IPProtocol.tcp, (client6, 40000), (server6, 443), isIPv6: true, at: 2, lasting: 3725,
        sent: (83_100, 7_400_000), answered: (91_400, 1_230_000_000), history: "ShADadR"),
      flow(
        IPProtocol.icmp, (client, 8), (address("192.168.1.1"), 0), at: 3, lasting: 59.2,
        sent: (60, 5880), answered: (60, 5880)),
      flow(
        IPProtocol.icmpv6, (address("fe80::1"), 134), (address("ff02::1"), 133), isIPv6: true,
        at: 86_400, lasting: 200, sent: (2, 172)),
      flow(IPProtocol.esp, (client, 0), (server, 0), at: 86_401, sent: (999, 999_499)),
    ]
  }

  /// `count` flows of an office: the same ones for the same seed.
  static func many(_ count: Int, seed: UInt64 = 1) -> [FlowRecord] {
    var random = Generator(state: seed)
    let services: [(UInt8, UInt16)] = [
      (IPProtocol.tcp, 443), (IPProtocol.udp, 53), (IPProtocol.udp, 443), (IPProtocol.tcp, 80),
      (IPProtocol.tcp, 22), (IPProtocol.tcp, 445), (IPProtocol.udp, 123), (IPProtocol.tcp, 8009),
      (IPProtocol.tcp, 3306), (IPProtocol.udp, 5353), (IPProtocol.icmp, 0), (IPProtocol.tcp, 993),
    ]
    return (0..<count).map { _ in
      // The product of two even numbers falls off towards the end, as services and hosts do.
      let (proto, port) = services[random.below(services.count) * random.below(100) / 100]
      let host = UInt32(1 + random.below(250) * random.below(100) / 100)
      let source = IPAddress(v4: 0xc0a8_0100 | host)
      let destination = IPAddress(v4: 0xcb00_7100 | UInt32(random.below(40)))
      let begin = 3600 * pow(Double(random.below(1_000_000)) / 1e6, 0.8)
      let isLong = random.below(100) == 0
      let duration = min(3600 - begin, Double(random.below(30_000)) / 1000 * (isLong ? 100 : 0.1))
      let packets = UInt64(1 + random.below(isLong ? 20_000 : 40))
      let history =
        proto == IPProtocol.tcp
        ? ["ShADadFf", "ShADadFf", "ShADadFf", "S", "Sr", "ShADadR", "ShADad"][random.below(7)] : ""
      let isAnswered = !["S"].contains(history)
      return flow(
        proto, (source, proto == IPProtocol.icmp ? 8 : UInt16(32_768 + random.below(28_000))),
        (destination, port), at: begin, lasting: isAnswered ? duration : 0,
        sent: (isAnswered ? packets : 1, isAnswered ? packets * 90 : 74),
        answered: isAnswered ? (packets, packets * UInt64(60 + random.below(1400))) : (0, 0),
        history: history)
    }
  }

  /// SplitMix64.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
  }
}
