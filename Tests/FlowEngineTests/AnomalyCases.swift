import FlowEngine
import Testing

/// For each violation what shows it, and nothing else: frames, or a sequence of them.
struct AnomalyCase: CustomTestStringConvertible, Sendable {
  /// What the record belongs to.
  enum Owner { case flow, addresses, nothing }

  var violation: Counter
  var owner: Owner
  var play: @Sendable (WorkerBed) -> Void

  var testDescription: String { violation.name }

  init(_ violation: Counter, _ owner: Owner, _ play: @escaping @Sendable (WorkerBed) -> Void) {
    self.violation = violation
    self.owner = owner
    self.play = play
  }

  /// One frame.
  init(
    _ violation: Counter, _ owner: Owner, _ frame: [UInt8], wire: Int? = nil, linkType: UInt32 = 1
  ) {
    self.init(violation, owner) { $0.add(frame, at: 100, wire: wire, linkType: linkType) }
  }

  static func v4(_ packet: [UInt8]) -> [UInt8] { Frames.ethernet(0x0800, packet) }
  static func v6(_ packet: [UInt8]) -> [UInt8] { Frames.ethernet(0x86dd, packet) }
  static let options: [UInt8] = [60, 0, 1, 4, 0, 0, 0, 0]
  static let label: [UInt8] = [0, 1, 0x10, 64]
  static let udp = Frames.udp(5000, 53, payload: [1, 2, 3, 4])

  static let all: [AnomalyCase] = linkLayer + network + transport + fragments + streams

  static let linkLayer: [AnomalyCase] = [
    AnomalyCase(.truncatedEthernet, .nothing, [2, 0, 0, 0, 0, 1, 2, 0, 0, 0]),
    AnomalyCase(.truncatedVLAN, .nothing, Frames.ethernet(0x8100, [0, 1])),
    AnomalyCase(
      .tooManyVLANs, .nothing,
      Frames.ethernet(
        0x0800, Frames.ipv4(17, udp), tags: [(Int, Int)](repeating: (0x8100, 5), count: 5))),
    AnomalyCase(.truncatedMPLS, .nothing, Frames.ethernet(0x8847, [0, 1, 0])),
    AnomalyCase(
      .tooManyLabels, .nothing,
      Frames.ethernet(
        0x8847, Array([[UInt8]](repeating: [0, 1, 0x10, 64], count: 9).joined()))),
    AnomalyCase(.truncatedPPPoE, .nothing, Frames.ethernet(0x8864, [0x11, 0, 0, 1])),
    AnomalyCase(.truncatedLinkHeader, .nothing, [0, 0, 0], linkType: 113),
    AnomalyCase(.badLinkHeader, .nothing, [0x18, 0x40, 0, 0, 0, 0], linkType: 107),
  ]

  static let network: [AnomalyCase] = [
    AnomalyCase(.truncatedIPv4, .nothing, v4(Array(Frames.ipv4(17, udp)[..<12]))),
    AnomalyCase(.badIPv4Version, .nothing, v4([0x65] + Frames.ipv4(17, udp).dropFirst())),
    AnomalyCase(.badIPv4HeaderLength, .nothing, v4([0x44] + Frames.ipv4(17, udp).dropFirst())),
    AnomalyCase(.badIPv4TotalLength, .nothing, v4(Frames.ipv4(17, udp, totalLength: 19))),
    // An option of one byte, where its kind and length are two.
    AnomalyCase(.badIPv4Options, .flow, v4(Frames.ipv4(17, udp, options: [7, 1, 0, 0]))),
    AnomalyCase(.badInnerVersion, .flow, v4(Frames.ipv4(4, Frames.ipv6(17, udp)))),
    AnomalyCase(.lengthBeyondFrame, .flow, v4(Frames.ipv4(17, udp, totalLength: 33))),
    AnomalyCase(.truncatedIPv6, .nothing, v6(Array(Frames.ipv6(17, udp)[..<39]))),
    AnomalyCase(.badIPv6Version, .nothing, v6([0x45] + Frames.ipv6(17, udp).dropFirst())),
    AnomalyCase(.truncatedIPv6Extension, .nothing, v6(Frames.ipv6(0, [17, 0, 1, 2]))),
    AnomalyCase(
      .tooManyIPv6Extensions, .nothing,
      v6(Frames.ipv6(60, Array([[UInt8]](repeating: options, count: 13).joined())))),
    AnomalyCase(
      .ipChecksumBad, .flow,
      { bed in bed.add(v4(Frames.ipv4(17, udp)).summed().flipping(22), at: 100) }),
  ]

  static let transport: [AnomalyCase] = [
    AnomalyCase(.truncatedTCP, .addresses, v4(Frames.ipv4(6, [0x9c, 0x40, 0]))),
    AnomalyCase(.truncatedUDP, .addresses, v6(Frames.ipv6(17, [0x9c, 0x40]))),
    AnomalyCase(.truncatedICMP, .addresses, v4(Frames.ipv4(1, [8]))),
    AnomalyCase(.truncatedSCTP, .addresses, v4(Frames.ipv4(132, [0x9c, 0x40]))),
    AnomalyCase(.truncatedAH, .addresses, v4(Frames.ipv4(51, [17, 4, 0, 0]))),
    AnomalyCase(.badTCPHeaderLength, .flow, v4(Frames.ipv4(6, Frames.tcp(1, 2, dataOffset: 4)))),
    AnomalyCase(
      .badUDPLength, .flow, v4(Frames.ipv4(17, udp)).setting(14 + 20 + 4, to: 7)),
    AnomalyCase(
      .transportChecksumBad, .flow,
      { bed in bed.add(v4(Frames.ipv4(17, udp)).summed().flipping(42), at: 100) }),
    // An option that is longer than the header.
    AnomalyCase(.badTCPOptions, .flow) {
      Conversation(on: $0).client("S", 0, options: [2, 40, 0, 0])
    },
  ]

  static let fragments: [AnomalyCase] = [
    AnomalyCase(.fragmentWithoutFirst, .addresses) {
      $0.add(FragmentTests.datagram(4, count: 1600, size: 800)[1], at: 100)
    },
    AnomalyCase(.fragmentOverlap, .flow) {
      let pieces = FragmentTests.datagram(6, count: 1600, size: 800)
      let odd = FragmentTests.datagram(6, count: 1600, size: 1200)[0]
      for frame in [pieces[0], odd, pieces[1]] { $0.add(frame, at: 100) }
    },
    AnomalyCase(.fragmentTooLong, .flow) {
      $0.add(FragmentTests.datagram(4, count: 1600, size: 800)[0], at: 100)
      $0.add(
        FragmentTests.fragment(4, 65_528, [UInt8](repeating: 0, count: 32), more: false), at: 100)
    },
  ]

  static let streams: [AnomalyCase] = [
    AnomalyCase(.badTCPFlags, .flow) { Conversation(on: $0).client("SF", 0) },
    AnomalyCase(.rstOutsideWindow, .flow) {
      let talk = Conversation(on: $0)
      talk.handshake()
      talk.server("R", 500_000)
    },
    AnomalyCase(.tcpOutsideWindow, .flow) {
      let talk = Conversation(on: $0)
      talk.handshake()
      talk.client("PA", 1, ack: 1, data: 100)
      talk.client("PA", 500_000, ack: 1, data: 100)
    },
    AnomalyCase(.finOutsideWindow, .flow) {
      let talk = Conversation(on: $0)
      talk.handshake()
      talk.client("PA", 1, ack: 1, data: 100)
      talk.client("FA", 50, ack: 1)
    },
    AnomalyCase(.tcpGap, .flow) {
      let talk = Conversation(on: $0)
      talk.handshake()
      talk.server("A", 1, ack: 101)
    },
  ]
}
