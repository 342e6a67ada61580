import CBurst

/// The classic format: a header of 24 bytes, then packets behind headers of 16
/// (draft-ietf-opsawg-pcap). Both byte orders, microseconds and nanoseconds, and the variant of
/// A. Kuznetzov with headers of 24.
struct PcapParser {
  private let swapped: Bool
  let nanoseconds: Bool
  private let recordHeader: Int
  private let linkType: UInt32
  private let longest: UInt32
  /// Writers before version 2.3 gave the wire length first, and some of 2.3 did.
  private let lengths: Lengths

  private enum Lengths { case capturedFirst, wireFirst, largerSecond }

  static let headerLength = 24
  /// Longer than this no packet of any link type is.
  static let longestPacket: UInt32 = 128 << 20

  /// The longest packet of a link type, as libpcap has it: 256 KiB, but for those that carry messages.
  static func longestPacket(ofLinkType type: UInt32) -> UInt32 {
    switch type {
    case 220, 231, 249: longestPacket  // USB_LINUX_MMAPPED, DBUS, USBPCAP
    case 279: 8 << 20  // EBHSCR
    default: 262_144
    }
  }

  private enum Magic {
    static let microseconds: UInt32 = 0xa1b2_c3d4
    static let nanoseconds: UInt32 = 0xa1b2_3c4d
    static let kuznetzov: UInt32 = 0xa1b2_cd34
    static let all = [microseconds, nanoseconds, kuznetzov]
  }

  static func isMagic(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 4 else { return false }
    let magic = bytes.loadUnaligned(as: UInt32.self)
    return Magic.all.contains(magic) || Magic.all.contains(magic.byteSwapped)
  }

  /// From the file's header, which is whole; moves the window behind it.
  init(header window: inout CaptureWindow) {
    let magic = window.load(window.offset, as: UInt32.self, swapped: false)
    swapped = !Magic.all.contains(magic)
    let native = swapped ? magic.byteSwapped : magic
    nanoseconds = native == Magic.nanoseconds
    recordHeader = native == Magic.kuznetzov ? 24 : 16
    // Above the type stand the length of frame check sequences and reserved bits.
    linkType = window.load(window.offset + 20, as: UInt32.self, swapped: swapped) & 0x03ff_ffff
    longest = Self.longestPacket(ofLinkType: linkType)
    let major = window.load(window.offset + 4, as: UInt16.self, swapped: swapped)
    let minor = window.load(window.offset + 6, as: UInt16.self, swapped: swapped)
    lengths =
      major != 2 || minor > 3 ? .capturedFirst : minor == 3 ? .largerSecond : .wireFirst
    window.offset += Self.headerLength
  }

  /// Fills `out` with whole packets not later than `until`.
  func parse(
    _ window: inout CaptureWindow, _ out: UnsafeMutablePointer<martlet_packet>, capacity: Int,
    until: UInt64, count: inout Int
  ) -> ParseStop {
    let scale: UInt64 = nanoseconds ? 1 : 1000
    var offset = window.offset
    defer { window.offset = offset }
    while count < capacity {
      guard offset &+ recordHeader <= window.end else { return .needs(recordHeader) }
      var captured = window.load(offset &+ 8, as: UInt32.self, swapped: swapped)
      var wire = window.load(offset &+ 12, as: UInt32.self, swapped: swapped)
      if lengths != .capturedFirst && (lengths == .wireFirst || captured > wire) {
        swap(&captured, &wire)
      }
      guard captured <= longest else {
        return .damaged("a packet of \(captured) bytes, which no packet has")
      }
      let length = recordHeader &+ Int(captured)
      // Cannot overflow: both are far below 2^62.
      guard offset &+ length <= window.end else { return .needs(length) }
      let seconds = UInt64(window.load(offset, as: UInt32.self, swapped: swapped))
      let fraction = UInt64(window.load(offset &+ 4, as: UInt32.self, swapped: swapped))
      // At most 2^32 × 10^9 + 2^32 × 1000.
      let time = min(seconds &* 1_000_000_000 &+ fraction &* scale, PacketClock.latest)
      if time > until { return .full }
      let packet = out + count
      packet.pointee.data = window.base + (offset &+ recordHeader)
      packet.pointee.handle = nil
      packet.pointee.timestamp_ns = time
      packet.pointee.captured_length = captured
      packet.pointee.wire_length = wire
      packet.pointee.flags = UInt16(MARTLET_PACKET_RECORDED)
      packet.pointee.port = 0xffff
      packet.pointee.link_type = linkType
      offset &+= length
      count &+= 1
      window.fetchAhead(from: offset &- length, to: offset)
    }
    return .full
  }

  /// The next packet's time; the packet stays.
  func peek(_ window: CaptureWindow, _ time: UnsafeMutablePointer<UInt64>) -> ParseStop {
    guard window.available >= recordHeader else { return .needs(recordHeader) }
    let seconds = UInt64(window.load(window.offset, as: UInt32.self, swapped: swapped))
    let fraction = UInt64(window.load(window.offset + 4, as: UInt32.self, swapped: swapped))
    time.pointee = min(
      seconds &* 1_000_000_000 &+ fraction &* (nanoseconds ? 1 : 1000), PacketClock.latest)
    return .full
  }
}
