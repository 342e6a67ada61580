import CLineRate

/// Writes frames: a template's 80 bytes, then what differs from packet to packet, then checksums. No
/// branch depends on what kind of flow it is, since that is as good as random: offsets and sums come
/// from a descriptor of the kind. About 45 cycles a frame (`martlet-linerate send`, unpaced).
struct FrameWriter {
  /// One of eight kinds: IP version, protocol and direction.
  struct Kind {
    /// Where the sender's and the receiver's changing 32 bits of address go.
    var source: UInt8 = 0
    var destination: UInt8 = 0
    var length: UInt8 = 0
    /// IPv4's checksum; IPv6 has none: there it is the length's place, which is written afterwards.
    var ipChecksum: UInt8 = 0
    var transport: UInt8 = 0
    var checksum: UInt8 = 0
    var transportHeader: UInt8 = 0
    /// What the length field counts beside the transport's bytes.
    var lengthExtra: UInt8 = 0
    /// One's complement sums over what never changes, in memory's byte order.
    var ipSum: UInt32 = 0
    var transportSum: UInt32 = 0
  }

  static let frontBytes = Int(LINERATE_FRONT_BYTES)
  private static let ethernet = 14

  let plan: FlowPlan
  let sizes: FrameSizes
  private let kinds: UnsafeMutablePointer<Kind>
  private let templates: UnsafeMutableRawPointer

  init(plan: FlowPlan, sizes: FrameSizes) {
    self.plan = plan
    self.sizes = sizes
    kinds = .allocate(capacity: 8)
    templates = .allocate(byteCount: 8 * Self.frontBytes, alignment: 16)
    templates.initializeMemory(as: UInt8.self, repeating: 0, count: 8 * Self.frontBytes)
    for i in 0..<8 {
      let frame = (templates + i * Self.frontBytes).assumingMemoryBound(to: UInt8.self)
      let kind = Self.template(frame, isIPv6: i & 4 != 0, isTCP: i & 2 != 0, toServer: i & 1 == 0)
      (kinds + i).initialize(to: kind)
    }
  }

  /// Packet k of a flow that goes on or begins: TCP's 0 and 1 are its SYNs. The frame's length.
  @inline(__always)
  func write(_ frame: UnsafeMutableRawPointer, flow: UInt32, packet k: UInt32) -> UInt16 {
    let bits = FlowPlan.bits(flow)
    let isIPv6 = plan.isIPv6(bits)
    let isTCP = plan.isTCP(bits)
    if k < 2 && isTCP { return writeSYN(frame, flow, k) }
    let kind = kinds + index(isIPv6, isTCP, k)
    let before = sizes.payload(before: k, bits, isIPv6: isIPv6)
    let headers = Int(kind.pointee.transport &+ kind.pointee.transportHeader)
    let payload = max(sizes.length(of: k, bits) - headers, FrameSizes.leastPayload)
    return write(
      frame, flow, k, bits, kind, isIPv6: isIPv6, isTCP: isTCP, payload: payload,
      even: before.even &+ 1, odd: before.odd &+ 1, flags: Self.pushAck)
  }

  @inline(never)
  private func writeSYN(_ frame: UnsafeMutableRawPointer, _ flow: UInt32, _ k: UInt32) -> UInt16 {
    // The originator's own SYN counts once it has been sent.
    writeBare(frame, flow, k, even: k, odd: 0, flags: k == 0 ? Self.syn : Self.synAck)
  }

  /// The three packets that end a TCP flow after its packets 0 ..< k: FIN, FIN, ACK.
  @inline(never)
  func writeFIN(
    _ frame: UnsafeMutableRawPointer, flow: UInt32, after k: UInt32, step: UInt32
  ) -> UInt16 {
    let bits = FlowPlan.bits(flow)
    let before = sizes.payload(before: k, bits, isIPv6: plan.isIPv6(bits))
    // A FIN counts as a byte once it has been sent: that of packet k from the second packet on, that of
    // k + 1 in the third.
    let first: UInt32 = step >= 1 ? 1 : 0
    let second: UInt32 = step >= 2 ? 1 : 0
    return writeBare(
      frame, flow, k &+ step, even: before.even &+ 1 &+ (k & 1 == 0 ? first : second),
      odd: before.odd &+ 1 &+ (k & 1 == 0 ? second : first),
      flags: step < 2 ? Self.finAck : Self.ack)
  }

  /// A segment without payload.
  private func writeBare(
    _ frame: UnsafeMutableRawPointer, _ flow: UInt32, _ k: UInt32, even: UInt32, odd: UInt32,
    flags: UInt8
  ) -> UInt16 {
    let bits = FlowPlan.bits(flow)
    let isIPv6 = plan.isIPv6(bits)
    return write(
      frame, flow, k, bits, kinds + index(isIPv6, true, k), isIPv6: isIPv6, isTCP: true,
      payload: 0, even: even, odd: odd, flags: flags)
  }

  @inline(__always)
  private func index(_ isIPv6: Bool, _ isTCP: Bool, _ k: UInt32) -> Int {
    (isIPv6 ? 4 : 0) | (isTCP ? 2 : 0) | Int(k & 1)
  }

  /// `even` and `odd` are what the originator and the responder have sent, from their initial
  /// sequence numbers on.
  @inline(__always)
  private func write(
    _ frame: UnsafeMutableRawPointer, _ flow: UInt32, _ k: UInt32, _ bits: UInt64,
    _ kind: UnsafeMutablePointer<Kind>, isIPv6: Bool, isTCP: Bool, payload: Int, even: UInt32,
    odd: UInt32, flags: UInt8
  ) -> UInt16 {
    let toServer = k & 1 == 0
    let template = UnsafeRawPointer(templates) + index(isIPv6, isTCP, k) * Self.frontBytes
    let transport = Int(kind.pointee.transport)
    let bytes = Int(kind.pointee.transportHeader) &+ payload
    // A frame that ends in its first line leaves the second one alone.
    let tail = transport &+ bytes > 64 ? 64 : 48
    frame.copyMemory(from: template, byteCount: 64)
    (frame + tail).copyMemory(from: template + tail, byteCount: 16)

    let client = FlowPlan.clientAddress(flow, isIPv6: isIPv6).bigEndian
    let server = FlowPlan.serverAddress(flow, bits, isIPv6: isIPv6).bigEndian
    frame.storeBytes(
      of: toServer ? client : server, toByteOffset: Int(kind.pointee.source), as: UInt32.self)
    frame.storeBytes(
      of: toServer ? server : client, toByteOffset: Int(kind.pointee.destination), as: UInt32.self)
    let length = UInt16(truncatingIfNeeded: bytes &+ Int(kind.pointee.lengthExtra)).bigEndian
    let addresses = UInt64(client) &+ UInt64(server)
    frame.storeBytes(
      of: ~fold(addresses &+ UInt64(length) &+ UInt64(kind.pointee.ipSum)),
      toByteOffset: Int(kind.pointee.ipChecksum), as: UInt16.self)
    frame.storeBytes(of: length, toByteOffset: Int(kind.pointee.length), as: UInt16.self)

    let near = UInt32(FlowPlan.clientPort(bits).bigEndian)
    let far = UInt32(FlowPlan.serverPort.bigEndian)
    let ports = toServer ? near | far << 16 : far | near << 16
    let clientSequence = FlowPlan.clientSequence(bits) &+ even
    let serverSequence = FlowPlan.serverSequence(bits) &+ odd
    // Of UDP: its length, and the packet's number as payload.
    let udpLength = UInt32(UInt16(truncatingIfNeeded: bytes).bigEndian)
    let sequence = toServer ? clientSequence : serverSequence
    let acknowledged = flags == Self.syn ? 0 : toServer ? serverSequence : clientSequence
    let third = isTCP ? sequence.bigEndian : udpLength
    let fourth = isTCP ? acknowledged.bigEndian : k.bigEndian
    frame.storeBytes(of: ports, toByteOffset: transport, as: UInt32.self)
    frame.storeBytes(of: third, toByteOffset: transport &+ 4, as: UInt32.self)
    frame.storeBytes(of: fourth, toByteOffset: transport &+ 8, as: UInt32.self)
    // Data offset and flags; of UDP, payload that is zero.
    let offsetAndFlags: UInt16 = isTCP ? 0x50 | UInt16(flags) << 8 : 0
    frame.storeBytes(of: offsetAndFlags, toByteOffset: transport &+ 12, as: UInt16.self)
    let sum = fold(
      addresses &+ UInt64(ports) &+ UInt64(third) &+ UInt64(fourth) &+ UInt64(offsetAndFlags)
        &+ UInt64(udpLength) &+ UInt64(kind.pointee.transportSum))
    // A sum of nothing but ones is as good as 0, and UDP's 0 would mean that there is none.
    let checksum = sum == 0xffff ? 0xffff : ~sum
    frame.storeBytes(of: checksum, toByteOffset: Int(kind.pointee.checksum), as: UInt16.self)
    return UInt16(truncatingIfNeeded: max(transport &+ bytes, FrameSizes.shortestFrame))
  }

  private static let syn: UInt8 = 0x02
  private static let synAck: UInt8 = 0x12
  private static let ack: UInt8 = 0x10
  private static let pushAck: UInt8 = 0x18
  private static let finAck: UInt8 = 0x11

  // MARK: Templates

  private static func template(
    _ frame: UnsafeMutablePointer<UInt8>, isIPv6: Bool, isTCP: Bool, toServer: Bool
  ) -> Kind {
    var kind = Kind()
    let client: [UInt8] = [2, 0, 0, 0, 0, 1]
    let server: [UInt8] = [2, 0, 0, 0, 0, 2]
    var bytes = toServer ? server + client : client + server
    let proto: UInt8 = isTCP ? 6 : 17
    if isIPv6 {
      bytes += [0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, proto, 64]
      let near: [UInt8] = [0x20, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      let far: [UInt8] = [0x20, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
      bytes += toServer ? near + far : far + near
      kind.source = 34
      kind.destination = 50
      kind.length = 18
      kind.ipChecksum = 18
      kind.transport = 54
    } else {
      bytes += [0x08, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, proto, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      kind.source = 26
      kind.destination = 30
      kind.length = 16
      kind.ipChecksum = 24
      kind.transport = 34
      kind.lengthExtra = 20
      kind.ipSum = sum(bytes[ethernet...])
    }
    kind.transportHeader = isTCP ? 20 : 8
    kind.checksum = kind.transport + (isTCP ? 16 : 6)
    for (i, byte) in bytes.enumerated() { frame[i] = byte }
    // The pseudo header's constant part, and the window. The addresses' changing part is still zero.
    kind.transportSum = UInt32(proto) << 8
    if isIPv6 { kind.transportSum += sum(bytes[22..<54]) }
    if isTCP {
      frame[Int(kind.transport) + 14] = 0xff
      kind.transportSum += 0x00ff
    }
    return kind
  }

  /// 16-bit words as they lie in memory, added up.
  private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.enumerated().reduce(0) { $0 + UInt32($1.element) << ($1.offset & 1 == 0 ? 0 : 8) }
  }

  @inline(__always)
  private func fold(_ sum: UInt64) -> UInt16 {
    var sum = (sum & 0xffff_ffff) &+ sum >> 32
    sum = (sum & 0xffff) &+ (sum >> 16 & 0xffff) &+ sum >> 32
    sum = (sum & 0xffff) &+ sum >> 16
    return UInt16(truncatingIfNeeded: (sum & 0xffff) &+ sum >> 16)
  }
}
