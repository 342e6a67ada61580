/// Which ports the fragments of a datagram belong to.
///
/// The first fragment tells the ports; those that came before it wait here until it comes, what was
/// parsed of them, and their bytes only where somebody looks into payloads, up to a number of packets and
/// a time. Datagrams stand in a circle in the order in which they were first seen: all have the same time
/// limit, so the oldest is always the next to go, and an attacker's fragments cost no more than the
/// circle.
///
/// Of fragments that share bytes the one that came first holds (the policy called `first`): a second
/// first fragment does not change the ports. Each is counted and reported.
package struct FragmentCache: ~Copyable {
  struct Datagram: BitwiseCopyable {
    var addressA: IPAddress
    var addressB: IPAddress
    var id: UInt32
    /// IPv4: the protocol; IPv6 names it only in the first fragment, so 0.
    var proto: UInt8
    var version: UInt8
    /// Which address sent it.
    var side: UInt8
    var known: Bool
    /// Complete key and side of the first fragment, once `known`.
    var key: FlowKey
    var keySide: UInt8
    var first: FirstFragment
    var deadline: Int64
    /// What has come of it.
    var pieces: DatagramPieces
    /// Next datagram in the hash chain; `none` ends it.
    var next: UInt32
    /// First and last of the packets that wait, by number in `held`.
    var heldFirst: UInt32
    var heldLast: UInt32
  }

  /// What only the first fragment tells of the others' place in their connection.
  struct FirstFragment: BitwiseCopyable {
    /// TCP: the sequence number that a datagram's first byte would have.
    var sequence: UInt32 = 0
    var acknowledgement: UInt32 = 0
    var window: UInt16 = 0
    /// TCP: ACK, or nothing where the header cannot be believed.
    var tcpFlags: UInt8 = 0
    var icmpType: UInt8 = 0
    var icmpCode: UInt8 = 0

    init() {}

    init(_ packet: UnsafePointer<ParsedPacket>) {
      let p = packet.pointee
      if p.key.proto == IPProtocol.tcp && p.flags & ParsedPacket.Flags.badTransportHeader == 0 {
        // Wraps as sequence numbers do (RFC 9293, section 3.4).
        sequence = p.sequence &- UInt32(p.payloadOffset &- p.transportOffset)
        acknowledgement = p.acknowledgement
        window = p.window
        tcpFlags = p.tcpFlags & TCPFlags.ack
      } else if p.key.proto == IPProtocol.icmp || p.key.proto == IPProtocol.icmpv6 {
        icmpType = p.icmpType
        icmpCode = p.icmpCode
      }
    }

    /// What a later fragment carries of the same message.
    func complete(_ packet: UnsafeMutablePointer<ParsedPacket>) {
      packet.pointee.sequence = sequence &+ UInt32(packet.pointee.fragmentOffset & 0x1fff) &* 8
      packet.pointee.acknowledgement = acknowledgement
      packet.pointee.window = window
      packet.pointee.tcpFlags = tcpFlags
      packet.pointee.icmpType = icmpType
      packet.pointee.icmpCode = icmpCode
    }
  }

  struct Held: BitwiseCopyable {
    var packet: ParsedPacket
    var next: UInt32
  }

  static let none = UInt32.max

  let datagrams: UnsafeMutablePointer<Datagram>
  let chains: UnsafeMutablePointer<UInt32>
  let held: UnsafeMutablePointer<Held>
  let capacity: Int
  let heldCapacity: Int
  /// A frame's bytes for each packet that waits; nil where nobody looks at them.
  private let frames: UnsafeMutableRawPointer?
  let timeout: Int64
  /// Both only rise; a datagram's place is the low bits.
  private var oldest: UInt64 = 0
  private var newest: UInt64 = 0
  private var freeHeld: UInt32
  package private(set) var heldCount = 0

  /// Datagrams that are remembered.
  var datagramCount: Int { Int(newest &- oldest) }

  /// Places for packets that wait, counted one by one: for tests.
  var freeHeldCount: Int {
    var count = 0
    var slot = freeHeld
    while slot != Self.none {
      count += 1
      slot = held[Int(slot)].next
    }
    return count
  }

  /// Of a frame that waits so many bytes are kept: all of an Ethernet frame.
  static let frameBytes = 2048

  /// `capacity` datagrams (a power of two), `heldCapacity` packets that wait, nanoseconds.
  package init(
    capacity: Int, heldCapacity: Int, keepsFrames: Bool = false, timeout: Int64,
    plan: inout MemoryPlan, touch: Bool
  ) {
    precondition(capacity & (capacity - 1) == 0, "capacity is a power of two")
    datagrams = plan.take("fragment cache", bytes: capacity * MemoryLayout<Datagram>.stride)
      .assumingMemoryBound(to: Datagram.self)
    chains = plan.take("fragment cache's index", bytes: capacity * 4)
      .assumingMemoryBound(to: UInt32.self)
    held = plan.take("fragments held", bytes: heldCapacity * MemoryLayout<Held>.stride)
      .assumingMemoryBound(to: Held.self)
    frames =
      keepsFrames ? plan.take("fragments held", bytes: heldCapacity * Self.frameBytes) : nil
    self.capacity = capacity
    self.heldCapacity = heldCapacity
    self.timeout = timeout
    freeHeld = heldCapacity > 0 ? 0 : Self.none
    guard touch else { return }
    for i in 0..<capacity { chains[i] = Self.none }
    for i in 0..<heldCapacity {
      held[i].next = i + 1 < heldCapacity ? UInt32(i + 1) : Self.none
    }
  }

  private func place(_ number: UInt64) -> Int { Int(number & UInt64(capacity - 1)) }

  private func chain(_ packetsKey: FlowKey, _ id: UInt32, _ hash: FlowHash) -> Int {
    var key = packetsKey
    key.portA = 0
    key.portB = 0
    key.proto = 0
    key.flags &= FlowKey.Flags.ipv6
    // Addresses and id; the rest is compared.
    key.addressA.high ^= UInt64(id) << 16
    return Int(truncatingIfNeeded: hash(key) & UInt64(capacity - 1))
  }

  /// The datagram of a fragment, begun where it is new.
  private mutating func datagram(
    of packet: UnsafePointer<ParsedPacket>, tracker: inout FlowTracker
  ) -> Int {
    let p = packet.pointee
    let version = p.key.flags & FlowKey.Flags.ipv6
    let proto = version == 0 ? p.key.proto : 0
    let side = p.key.addressA == p.key.addressB ? 0 : p.side
    let chain = chain(p.key, p.fragmentID, tracker.hash)
    var current = chains[chain]
    while current != Self.none {
      let d = datagrams + Int(current)
      if d.pointee.id == p.fragmentID && d.pointee.addressA == p.key.addressA
        && d.pointee.addressB == p.key.addressB && d.pointee.proto == proto
        && d.pointee.version == version && d.pointee.side == side
        && d.pointee.key.vlanOuter == p.key.vlanOuter
        && d.pointee.key.vlanInner == p.key.vlanInner
      {
        if Self.isAnother(packet, than: d) { break }
        return Int(current)
      }
      current = d.pointee.next
    }
    if newest &- oldest == UInt64(capacity) { dropOldest(&tracker) }
    let place = place(newest)
    newest &+= 1
    datagrams[place] = Datagram(
      addressA: p.key.addressA, addressB: p.key.addressB, id: p.fragmentID, proto: proto,
      version: version, side: side, known: false, key: p.key, keySide: p.side,
      first: FirstFragment(),
      deadline: p.time &+ timeout, pieces: DatagramPieces(), next: chains[chain],
      heldFirst: Self.none,
      heldLast: Self.none)
    chains[chain] = UInt32(truncatingIfNeeded: place)
    return place
  }

  /// To a datagram that is there as a whole no first fragment comes but its own: the id has been given to
  /// another one, which does not take long on a fast link.
  private static func isAnother(
    _ packet: UnsafePointer<ParsedPacket>, than d: UnsafePointer<Datagram>
  ) -> Bool {
    guard packet.pointee.flags & ParsedPacket.Flags.firstFragment != 0, d.pointee.known,
      d.pointee.pieces.isWhole
    else { return false }
    let (key, known) = (packet.pointee.key, d.pointee.key)
    if key.portA != known.portA || key.portB != known.portB { return true }
    var pieces = d.pointee.pieces
    return pieces.add(packet) != .duplicate
  }

  /// A first fragment: its ports are known from now on. Returns the first of those that waited for it,
  /// to be taken one by one with ``takeHeld(_:)``.
  mutating func learn(
    _ packet: UnsafeMutablePointer<ParsedPacket>, tracker: inout FlowTracker
  ) -> UInt32 {
    let d = datagrams + datagram(of: packet, tracker: &tracker)
    Self.add(packet, to: d, tracker.counters)
    if d.pointee.known {
      // A second first fragment: the ports that came first hold, whatever this one says.
      packet.pointee.key = d.pointee.key
      packet.pointee.side = d.pointee.keySide
      return Self.none
    }
    d.pointee.known = true
    d.pointee.key = packet.pointee.key
    d.pointee.keySide = packet.pointee.side
    d.pointee.first = FirstFragment(packet)
    let waiting = d.pointee.heldFirst
    d.pointee.heldFirst = Self.none
    d.pointee.heldLast = Self.none
    return waiting
  }

  /// A later fragment: completes its key and returns true; or holds it and returns false. Where
  /// nothing more can be held, it is counted as lost and released.
  mutating func resolve(
    _ packet: UnsafeMutablePointer<ParsedPacket>, tracker: inout FlowTracker
  ) -> Bool {
    let d = datagrams + datagram(of: packet, tracker: &tracker)
    Self.add(packet, to: d, tracker.counters)
    if d.pointee.known {
      packet.pointee.key = d.pointee.key
      packet.pointee.side = d.pointee.keySide
      d.pointee.first.complete(packet)
      return true
    }
    guard freeHeld != Self.none else {
      tracker.counters.add(.fragmentWithoutFirst)
      tracker.noteAlone(.fragmentWithoutFirst, packet, hasKey: true)
      return false
    }
    let slot = freeHeld
    freeHeld = held[Int(slot)].next
    held[Int(slot)] = Held(packet: packet.pointee, next: Self.none)
    // Its frame is given back now, so nothing may look into it later, but into a copy.
    keepFrame(slot)
    held[Int(slot)].packet.handle = nil
    held[Int(slot)].packet.flags &= ~ParsedPacket.Flags.ethernet
    if d.pointee.heldLast == Self.none {
      d.pointee.heldFirst = slot
    } else {
      held[Int(d.pointee.heldLast)].next = slot
    }
    d.pointee.heldLast = slot
    heldCount &+= 1
    tracker.counters.set(.heldFragments, UInt64(heldCount))
    return false
  }

  private func keepFrame(_ slot: UInt32) {
    let packet = held + Int(slot)
    guard let frames, let data = packet.pointee.packet.data else {
      packet.pointee.packet.data = nil
      return
    }
    let count = min(Int(packet.pointee.packet.captured), Self.frameBytes)
    let copy = frames + Int(slot) * Self.frameBytes
    copy.copyMemory(from: data, byteCount: count)
    packet.pointee.packet.data = UnsafePointer(copy.assumingMemoryBound(to: UInt8.self))
    packet.pointee.packet.captured = UInt32(truncatingIfNeeded: count)
  }

  private static func add(
    _ packet: UnsafeMutablePointer<ParsedPacket>, to d: UnsafeMutablePointer<Datagram>,
    _ counters: CounterBlock
  ) {
    switch d.pointee.pieces.add(packet) {
    case .new: break
    case .duplicate: counters.add(.fragmentDuplicates)
    case .overlap: packet.pointee.flags |= ParsedPacket.Flags.overlap
    }
  }

  /// Takes a packet that waited, whose bytes are there until another one has to wait; `next` is the one
  /// behind it, or `none`.
  mutating func takeHeld(_ slot: UInt32, counters: CounterBlock) -> (ParsedPacket, next: UInt32) {
    let entry = held[Int(slot)]
    held[Int(slot)].next = freeHeld
    freeHeld = slot
    heldCount &-= 1
    counters.set(.heldFragments, UInt64(heldCount))
    return (entry.packet, entry.next)
  }

  /// Forgets datagrams whose time is over.
  @inline(__always)
  mutating func expire(
    now: Int64, tracker: inout FlowTracker
  ) {
    while oldest != newest, datagrams[place(oldest)].deadline <= now {
      dropOldest(&tracker)
    }
  }

  /// Forgets all; at shutdown.
  mutating func clear(tracker: inout FlowTracker) {
    while oldest != newest { dropOldest(&tracker) }
  }

  @inline(never)
  private mutating func dropOldest(
    _ tracker: inout FlowTracker
  ) {
    let hash = tracker.hash
    let counters = tracker.counters
    let number = place(oldest)
    let d = datagrams[number]
    var slot = d.heldFirst
    if !d.pieces.isWhole { counters.add(.datagramsIncomplete) }
    while slot != Self.none {
      let isFirst = slot == d.heldFirst
      var (packet, next) = takeHeld(slot, counters: counters)
      slot = next
      counters.add(.fragmentWithoutFirst)
      if isFirst { tracker.noteAlone(.fragmentWithoutFirst, &packet, hasKey: true) }
    }
    // Out of its chain.
    var key = d.key
    key.addressA = d.addressA
    key.addressB = d.addressB
    let chain = chain(key, d.id, hash)
    if chains[chain] == UInt32(number) {
      chains[chain] = d.next
    } else {
      var current = chains[chain]
      while current != Self.none {
        if datagrams[Int(current)].next == UInt32(number) {
          datagrams[Int(current)].next = d.next
          break
        }
        current = datagrams[Int(current)].next
      }
    }
    oldest &+= 1
  }
}

/// Handles that go back to their port in one call.
package struct ReleaseList: ~Copyable {
  let handles: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  let capacity: Int
  private(set) var count = 0
  private let release:
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafePointer<UnsafeMutableRawPointer?>?, UInt32
    ) -> Void
  private let context: UnsafeMutableRawPointer?

  init(
    capacity: Int, plan: inout MemoryPlan,
    release:
      @escaping @convention(c) (
        UnsafeMutableRawPointer?, UnsafePointer<UnsafeMutableRawPointer?>?, UInt32
      ) -> Void, context: UnsafeMutableRawPointer?
  ) {
    handles = plan.take("release list", bytes: capacity * 8)
      .assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    self.capacity = capacity
    self.release = release
    self.context = context
  }

  @inline(__always)
  mutating func append(_ handle: UnsafeMutableRawPointer?) {
    // Capture files have nothing to give back, nor has a fragment that waited.
    guard let handle else { return }
    handles[count] = handle
    count &+= 1
    if count == capacity { flush() }
  }

  /// Makes room for `more` of ``appendReserved(_:)``, at most half the capacity.
  @inline(__always)
  mutating func reserve(_ more: Int) {
    assert(more <= capacity / 2)
    // What others append meanwhile has the other half.
    if count > capacity / 2 &- more { flush() }
  }

  /// As ``append(_:)``, where room has been made.
  @inline(__always)
  mutating func appendReserved(_ handle: UnsafeMutableRawPointer?) {
    handles[count] = handle
    count &+= handle == nil ? 0 : 1
  }

  @inline(__always)
  mutating func flush() {
    if count > 0 { release(context, handles, UInt32(truncatingIfNeeded: count)) }
    count = 0
  }
}
