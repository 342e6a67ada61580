import FlowEngine
import Testing

/// Fragments: each is counted in its datagram's flow, whatever order they come in and whatever they claim.
@Suite struct FragmentTests {
  /// A fragment of a datagram from 10.0.0.1 to 10.0.0.2, or of the same in IPv6; `place` in bytes.
  static func fragment(
    _ version: Int, _ place: Int, _ bytes: [UInt8], more: Bool, id: Int = 7, proto: UInt8 = 17
  ) -> [UInt8] {
    if version == 4 {
      return Frames.ethernet(
        0x0800,
        Frames.ipv4(proto, bytes, id: id, fragment: (more ? 0x2000 : 0) | place / 8))
    }
    let header: [UInt8] =
      [proto, 0] + Frames.be16(place | (more ? 1 : 0)) + Frames.be32(UInt32(id))
    return Frames.ethernet(0x86dd, Frames.ipv6(44, header + bytes))
  }

  /// A UDP datagram of `count` bytes cut into pieces of `size`.
  static func datagram(
    _ version: Int, count: Int, size: Int, id: Int = 7, sport: Int = 5000
  ) -> [[UInt8]] {
    let whole = Frames.udp(sport, 53, payload: [UInt8](repeating: 3, count: count - 8))
    return stride(from: 0, to: count, by: size).map { place in
      let end = min(place + size, count)
      return fragment(version, place, Array(whole[place..<end]), more: end < count, id: id)
    }
  }

  /// Plays frames into a new bed, and holds that every packet is accounted for.
  static func play(_ frames: [[UInt8]], packetTime: Bool = false) -> (WorkerBed, [FlowRecord]) {
    let bed = WorkerBed(packetTime: packetTime)
    if !packetTime { bed.start(at: 100) }
    for (i, frame) in frames.enumerated() { bed.add(frame, at: 100 + Double(i) * 0.001) }
    bed.run()
    let records = bed.finish()
    #expect(bed.unaccounted == [0])
    #expect(bed.total(.heldFragments) == 0)
    #expect(bed.feed.pointee.outstanding.isEmpty)
    return (bed, records)
  }

  /// Three pieces in each of their six orders are one flow of one datagram.
  @Test(arguments: [4, 6])
  func anyOrderIsOneFlow(_ version: Int) throws {
    let pieces = Self.datagram(version, count: 2008, size: 800)
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let (bed, records) = Self.play(order.map { pieces[$0] })
      let flow = try #require(records.first)
      #expect(records.count == 1, "\(order)")
      #expect(flow.originator.packets == 3)
      #expect(flow.originator.bytes == UInt64(pieces.reduce(0) { $0 + $1.count }))
      #expect(flow.originator.payloadBytes == 2000)
      #expect(flow.originator.port == 5000 && flow.responder.port == 53)
      #expect(flow.hot.flags & FlowFlags.fragmented != 0)
      #expect(bed.total(version == 4 ? .ipv4Fragments : .ipv6Fragments) == 3)
      #expect(bed.total(.datagramsIncomplete) == 0)
      #expect(bed.anomalies.isEmpty)
    }
  }

  @Test(arguments: [4, 6])
  func duplicatesAreCounted(_ version: Int) {
    let pieces = Self.datagram(version, count: 2008, size: 800)
    let (bed, records) = Self.play(pieces + pieces)
    #expect(records.map(\.originator.packets) == [6])
    #expect(bed.total(.fragmentDuplicates) == 3)
    #expect(bed.total(.fragmentOverlap) == 0)
    #expect(bed.total(.datagramsIncomplete) == 0)
    #expect(bed.anomalies.isEmpty)
  }

  /// Bytes that two fragments share: on either side, within, and around.
  @Test(arguments: [4, 6], [(792, 808), (0, 1600), (808, 1592), (8, 16), (1592, 1608)])
  func overlapsAreReported(_ version: Int, _ range: (Int, Int)) {
    let pieces = Self.datagram(version, count: 2408, size: 800)
    let odd = Self.fragment(
      version, range.0, [UInt8](repeating: 9, count: range.1 - range.0), more: true)
    let (bed, records) = Self.play(pieces.dropLast() + [odd, odd, pieces[2]])
    #expect(records.map(\.originator.packets) == [6])
    #expect(bed.total(.fragmentOverlap) == 2)
    #expect(bed.reported() == [.fragmentOverlap])
    #expect(bed.anomalies.first?.packetOrdinal == 3)
    #expect(bed.anomalies.first?.originator.port == 5000)
  }

  /// Neighbours share nothing.
  @Test(arguments: [4, 6])
  func whatTouchesDoesNotOverlap(_ version: Int) {
    let (bed, _) = Self.play(Self.datagram(version, count: 88, size: 8).reversed())
    #expect(bed.total(.fragmentOverlap) == 0)
    #expect(bed.total(.datagramsIncomplete) == 0)
  }

  /// An id that is given again before its time is over: each datagram has its own ports.
  @Test(arguments: [4, 6])
  func anIdIsGivenAgain(_ version: Int) {
    let one = Self.datagram(version, count: 2008, size: 800)
    let other = Self.datagram(version, count: 2008, size: 800, sport: 5001)
    let longer = Self.datagram(version, count: 3008, size: 1000, sport: 5001)
    let (bed, records) = Self.play(one + other + longer)
    #expect(Set(records.map { Int($0.originator.port) }) == [5000, 5001])
    #expect(records.map(\.originator.packets).sorted() == [3, 7])
    #expect(bed.total(.datagramsIncomplete) == 0)
    #expect(bed.anomalies.isEmpty)
  }

  /// More pieces than are kept one by one come together: in order, from the end, and with neighbours exchanged.
  @Test func manyPieces() {
    let count = 60
    for order in [Array(0..<count), (0..<count).reversed(), (0..<count).map { $0 ^ 1 }] {
      var pieces = DatagramPieces()
      for place in order {
        let finding = pieces.add(UInt16(place), UInt16(place + 1), isLast: place == count - 1)
        #expect(finding == .new)
      }
      #expect(pieces.isSurelyWhole)
    }
  }

  /// The ports that came first hold: a second first fragment cannot turn the rest into another flow.
  @Test(arguments: [4, 6])
  func theFirstPortsHold(_ version: Int) {
    let pieces = Self.datagram(version, count: 2008, size: 800)
    let other = Self.datagram(version, count: 1608, size: 400, sport: 6000)[0]
    let (bed, records) = Self.play([pieces[0], other, pieces[1], pieces[2]])
    #expect(records.map { Int($0.originator.port) } == [5000])
    #expect(records.map(\.originator.packets) == [4])
    #expect(bed.reported() == [.fragmentOverlap])
  }

  /// One that is as long says other ports under the guise of a duplicate: it changes nothing either.
  @Test func theFirstPortsHoldAgainstADuplicate() {
    let pieces = Self.datagram(4, count: 2008, size: 800)
    let other = Self.datagram(4, count: 2008, size: 800, sport: 6000)[0]
    let (bed, records) = Self.play([pieces[0], other, pieces[1], pieces[2]])
    #expect(records.map { Int($0.originator.port) } == [5000])
    #expect(bed.total(.fragmentDuplicates) == 1)
  }

  /// The ping of death: 65,535 bytes are a datagram's most, in IPv4 with its header.
  @Test(arguments: [
    (4, 65_512, 3, false), (4, 65_512, 4, true), (6, 65_528, 7, false), (6, 65_528, 8, true),
  ])
  func aDatagramHasAnEnd(_ version: Int, _ place: Int, _ count: Int, _ isTooLong: Bool) {
    let proto: UInt8 = version == 4 ? 1 : 58
    let first = Self.fragment(
      version, 0, [version == 4 ? 8 : 128, 0] + [UInt8](repeating: 0, count: 14), more: true,
      proto: proto)
    let last = Self.fragment(
      version, place, [UInt8](repeating: 0, count: count), more: false, proto: proto)
    let (bed, records) = Self.play([first, last])
    #expect(records.map(\.originator.packets) == [2])
    #expect(bed.reported() == (isTooLong ? [.fragmentTooLong] : []))
    #expect(bed.total(.fragmentTooLong) == (isTooLong ? 1 : 0))
    #expect(bed.total(.datagramsIncomplete) == 1)
  }

  // MARK: What never comes

  @Test(arguments: [4, 6])
  func aMissingPieceIsNoted(_ version: Int) {
    let pieces = Self.datagram(version, count: 2008, size: 400)
    for missing in 1..<pieces.count {
      var some = pieces
      some.remove(at: missing)
      let (bed, records) = Self.play(some)
      #expect(records.map(\.originator.packets) == [UInt64(some.count)])
      #expect(bed.total(.datagramsIncomplete) == 1, "without piece \(missing)")
      #expect(bed.anomalies.isEmpty)
    }
  }

  /// More pieces than are kept one by one.
  @Test func longDatagramsToo() {
    let pieces = Self.datagram(4, count: 60_008, size: 1480)
    #expect(pieces.count > 2 * 16)
    for (frames, incomplete) in [(pieces, 0), (Array(pieces.dropLast()), 1)]
      as [([[UInt8]], UInt64)]
    {
      let (bed, records) = Self.play(frames)
      #expect(records.map(\.originator.packets) == [UInt64(frames.count)])
      #expect(bed.total(.datagramsIncomplete) == incomplete)
      #expect(bed.total(.fragmentOverlap) == 0)
    }
    var some = pieces
    some.remove(at: 3)
    #expect(Self.play(some).0.total(.datagramsIncomplete) == 1)
  }

  /// Later fragments alone wait for 15 seconds, and are then discarded by name, once a datagram.
  @Test(arguments: [4, 6])
  func withoutTheFirstNothingIsCounted(_ version: Int) {
    let bed = WorkerBed()
    bed.start(at: 100)
    for frame in Self.datagram(version, count: 2008, size: 800).dropFirst() {
      bed.add(frame, at: 100)
    }
    bed.run(now: 100)
    #expect(bed.total(.heldFragments) == 2)
    bed.advance(to: 114.9)
    #expect(bed.total(.heldFragments) == 2)
    bed.advance(to: 115.1)
    #expect(bed.total(.heldFragments) == 0)
    #expect(bed.total(.fragmentWithoutFirst) == 2)
    #expect(bed.finish().isEmpty)
    #expect(bed.reported() == [.fragmentWithoutFirst])
    let anomaly = bed.anomalies.first
    #expect(anomaly?.hasFlow == false && anomaly?.hasKey == true)
    #expect(anomaly.map { Int($0.hot.key.ipVersion) } == version)
    #expect(bed.unaccounted == [0])
  }

  /// An attacker's fragments cost no more than the circle, and what comes behind them is followed.
  @Test(arguments: [4, 6])
  func aFloodCostsTheCircle(_ version: Int) {
    let bed = WorkerBed(fragmentCapacity: 16, heldFragments: 8)
    bed.start(at: 100)
    for id in 0..<2000 {
      bed.add(Self.datagram(version, count: 1600, size: 800, id: id)[1], at: 100)
      bed.run(now: 100)
      #expect(bed.total(.heldFragments) <= 8)
    }
    #expect(bed.total(.fragmentWithoutFirst) == 2000 - bed.total(.heldFragments))
    #expect(bed.unaccounted == [0])
    for frame in Self.datagram(version, count: 1600, size: 800, id: 5000) {
      bed.add(frame, at: 101)
    }
    bed.run(now: 101)
    #expect(bed.finish().map(\.originator.packets) == [2])
    #expect(bed.total(.fragmentWithoutFirst) == 2000)
    // By the limit in rate no more than a hundred a second of them are records.
    #expect(bed.anomalies.count == 100)
    #expect(bed.total(.anomaliesSuppressed) == 1900)
    #expect(bed.unaccounted == [0])
  }

  /// First fragments that are never finished push each other out, oldest first.
  @Test func aFloodOfFirstFragments() {
    let bed = WorkerBed(fragmentCapacity: 16)
    bed.start(at: 100)
    for id in 0..<100 { bed.add(Self.datagram(4, count: 1600, size: 800, id: id)[0], at: 100) }
    bed.run(now: 100)
    #expect(bed.total(.datagramsIncomplete) == 84)
    // The oldest sixteen are known still: their rest finds its flow.
    bed.add(Self.datagram(4, count: 1600, size: 800, id: 84)[1], at: 100)
    bed.run(now: 100)
    #expect(bed.finish().map(\.originator.packets) == [101])
    #expect(bed.total(.datagramsIncomplete) == 99)
  }

  // MARK: Datagrams apart

  /// The same id of other addresses, of the other direction, of another VLAN or protocol is another one.
  @Test func otherDatagramsHaveTheirOwnPorts() {
    let first = Frames.udp(5000, 53, payload: [UInt8](repeating: 0, count: 8))
    let rest = [UInt8](repeating: 0, count: 8)
    let pairs: [(UInt32, UInt32, [(Int, Int)])] = [
      (1, 2, []), (2, 1, []), (1, 3, []), (1, 2, [(0x8100, 9)]),
    ]
    var frames: [[UInt8]] = []
    for (source, destination, tags) in pairs {
      for (bytes, field) in [(first, 0x2000), (rest, 2)] {
        frames.append(
          Frames.ethernet(
            0x0800, Frames.ipv4(17, bytes, src: source, dst: destination, id: 7, fragment: field),
            tags: tags))
      }
    }
    // Firsts before rests: only the datagram tells where a rest belongs.
    let (_, records) = Self.play(
      [0, 2, 4, 6, 1, 3, 5, 7].map { frames[$0] })
    #expect(records.map { $0.hot.sideA.packets + $0.hot.sideB.packets } == [2, 2, 2, 2])
  }

  /// Extension headers behind the fragment header are part of what is cut.
  @Test func extensionsWithinTheFirstFragment() {
    let whole: [UInt8] =
      [17, 0, 1, 4, 0, 0, 0, 0] + Frames.udp(5000, 53, payload: [UInt8](repeating: 3, count: 192))
    let frames = [
      Self.fragment(6, 0, Array(whole[..<104]), more: true, proto: 60),
      Self.fragment(6, 104, Array(whole[104...]), more: false, proto: 60),
    ]
    let (bed, records) = Self.play(frames)
    #expect(records.map(\.originator.packets) == [2])
    #expect(records.map(\.originator.payloadBytes) == [192])
    #expect(bed.total(.datagramsIncomplete) == 0)
    let (again, _) = Self.play(frames + [frames[0]])
    #expect(again.total(.fragmentDuplicates) == 1)
    #expect(again.total(.fragmentOverlap) == 0)
  }

  /// A fragment header that cuts nothing (RFC 6946) is no fragment.
  @Test func anAtomicFragmentIsAPacket() {
    let (bed, records) = Self.play([Self.fragment(6, 0, Frames.udp(5000, 53), more: false)])
    #expect(records.map(\.originator.packets) == [1])
    #expect(bed.total(.ipv6Fragments) == 0)
    #expect(records.allSatisfy { $0.hot.flags & FlowFlags.fragmented == 0 })
  }

  // MARK: Payload

  /// Payload of what has no sequence numbers: behind all headers, whatever they are.
  @Test func payloadBehindAllHeaders() throws {
    let bytes = [UInt8](repeating: 1, count: 100)
    let udp = Frames.udp(5000, 53, payload: bytes)
    let options: [UInt8] = [1, 1, 1, 1, 1, 1, 1, 0]
    let extensions: [UInt8] = [17, 0, 1, 4, 0, 0, 0, 0]
    for (name, frames, payload) in [
      ("UDP", [Frames.ethernet(0x0800, Frames.ipv4(17, udp))], 100),
      ("with options", [Frames.ethernet(0x0800, Frames.ipv4(17, udp, options: options))], 100),
      ("UDP over IPv6", [Frames.ethernet(0x86dd, Frames.ipv6(17, udp))], 100),
      ("with extensions", [Frames.ethernet(0x86dd, Frames.ipv6(60, extensions + udp))], 100),
      (
        "with and without options",
        [
          Frames.ethernet(0x0800, Frames.ipv4(17, udp, options: options)),
          Frames.ethernet(0x0800, Frames.ipv4(17, udp)),
        ], 200
      ),
      ("in fragments", Self.datagram(4, count: 1008, size: 200), 1000),
      ("in fragments of IPv6", Self.datagram(6, count: 1008, size: 200), 1000),
      ("echo", [Frames.ethernet(0x0800, Frames.ipv4(1, Frames.icmp(8) + bytes))], 100),
      ("echo over IPv6", [Frames.ethernet(0x86dd, Frames.ipv6(58, Frames.icmp(128) + bytes))], 100),
      ("empty", [Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(5000, 53)))], 0),
    ] as [(String, [[UInt8]], UInt64)] {
      let (_, records) = Self.play(frames)
      #expect(records.map(\.originator.payloadBytes) == [payload], "\(name)")
      #expect(records.map(\.responder.payloadBytes) == [0], "\(name)")
    }
  }
}
