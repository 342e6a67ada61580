import CBurst

/// The block format (draft-ietf-opsawg-pcapng): sections, interfaces, packets; everything else is passed
/// over by its length.
struct PcapngParser {
  struct Interface {
    var linkType: UInt32
    var snapLength: UInt32
    var clock: InterfaceClock
  }

  private enum Block {
    static let section: UInt32 = 0x0a0d_0d0a
    static let interface: UInt32 = 1
    static let packet: UInt32 = 2  // obsolete
    static let simplePacket: UInt32 = 3
    static let statistics: UInt32 = 5
    static let enhancedPacket: UInt32 = 6
  }

  private var swapped = false
  private var interfaces: [Interface] = []
  /// Interfaces of the sections before this one, for what interfaces report of themselves.
  private var firstInterface = 0
  private var lastTime: UInt64 = 0
  /// What is left to pass over of a block that is longer than the window.
  private var toSkip = 0
  /// By interface over all sections: packets that the capturing program says it lost.
  private(set) var reportedDrops: [Int: UInt64] = [:]

  /// Ended within a block that was being passed over.
  var isWithinBlock: Bool { toSkip > 0 }

  /// A block that carries a packet is not longer than this.
  static let longestBlock = Int(PcapParser.longestPacket) + 4096

  /// Fills `out` with whole packets not later than `until`. `peek` gets the next packet's time instead,
  /// and the packet stays.
  mutating func parse(
    _ window: inout CaptureWindow, _ out: UnsafeMutablePointer<martlet_packet>, capacity: Int,
    until: UInt64, count: inout Int, peek: UnsafeMutablePointer<UInt64>? = nil
  ) -> ParseStop {
    while count < capacity {
      if toSkip > 0 {
        let step = min(toSkip, window.available)
        toSkip -= step
        window.offset += step
        if toSkip > 0 { return .needs(1) }
      }
      guard window.available >= 12 else { return .needs(12) }
      let at = window.offset
      var type = window.load(at, as: UInt32.self, swapped: swapped)
      if type == Block.section {
        // The same from both ends; its byte order stands behind its length.
        let magic = window.load(at + 8, as: UInt32.self, swapped: false)
        switch magic {
        case 0x1a2b_3c4d: swapped = false
        case 0x4d3c_2b1a: swapped = true
        default: return .damaged("a section without a byte-order mark")
        }
        type = Block.section
      }
      let length = Int(window.load(at + 4, as: UInt32.self, swapped: swapped))
      // The length counts type and both lengths. Some writers leave out the padding.
      guard length >= 12 else { return .damaged("a block of \(length) bytes") }
      switch type {
      case Block.section, Block.interface, Block.packet, Block.simplePacket, Block.statistics,
        Block.enhancedPacket:
        break
      default:
        toSkip = length
        continue
      }
      guard length <= Self.longestBlock else {
        return .damaged("a block of \(length) bytes, which no packet fills")
      }
      guard window.available >= length else { return .needs(length) }
      guard Int(window.load(at + length - 4, as: UInt32.self, swapped: swapped)) == length else {
        return .damaged("a block whose two lengths differ")
      }
      let body = at + 8..<at + length - 4
      var isLater = false
      switch type {
      case Block.section:
        guard body.count >= 16 else { return .damaged("a section header of \(length) bytes") }
        guard window.load(at + 12, as: UInt16.self, swapped: swapped) == 1 else {
          return .damaged("a section of another version than 1")
        }
        firstInterface += interfaces.count
        interfaces.removeAll(keepingCapacity: true)
      case Block.interface:
        guard body.count >= 8 else { return .damaged("an interface block of \(length) bytes") }
        interfaces.append(readInterface(window, body))
      case Block.statistics: readStatistics(window, body)
      case Block.simplePacket:
        guard let interface = interfaces.first, body.count >= 4 else {
          return .damaged("a simple packet block without an interface")
        }
        let wire = window.load(body.lowerBound, as: UInt32.self, swapped: swapped)
        let limit = interface.snapLength == 0 ? wire : min(wire, interface.snapLength)
        // It has no time: the one before it is as near as can be told.
        if let peek {
          peek.pointee = lastTime
          return .full
        }
        if lastTime > until { return .full }
        emit(
          window, out + count, at: body.lowerBound + 4,
          captured: min(Int(limit), body.count - 4), wire: wire, time: lastTime, interface)
        count += 1
      default:
        let isEnhanced = type == Block.enhancedPacket
        guard body.count >= 20 else { return .damaged("a packet block of \(length) bytes") }
        let at = body.lowerBound
        let number =
          isEnhanced
          ? Int(window.load(at, as: UInt32.self, swapped: swapped))
          : Int(window.load(at, as: UInt16.self, swapped: swapped))
        guard number < interfaces.count else {
          return .damaged("a packet of interface \(number), of which the file says nothing")
        }
        let high = UInt64(window.load(at + 4, as: UInt32.self, swapped: swapped))
        let low = UInt64(window.load(at + 8, as: UInt32.self, swapped: swapped))
        let captured = Int(window.load(at + 12, as: UInt32.self, swapped: swapped))
        guard captured <= body.count - 20 else {
          return .damaged("a packet of \(captured) bytes in a block of \(length)")
        }
        let interface = interfaces[number]
        let time = interface.clock.nanoseconds(high << 32 | low)
        if let peek {
          peek.pointee = time
          return .full
        }
        isLater = time > until
        if !isLater {
          lastTime = time
          emit(
            window, out + count, at: at + 20, captured: captured,
            wire: window.load(at + 16, as: UInt32.self, swapped: swapped), time: time, interface)
          count += 1
        }
      }
      if isLater { return .full }
      window.offset = at + length
      window.fetchAhead(from: at, to: window.offset)
    }
    return .full
  }

  @inline(__always)
  private func emit(
    _ window: CaptureWindow, _ packet: UnsafeMutablePointer<martlet_packet>, at: Int,
    captured: Int, wire: UInt32, time: UInt64, _ interface: Interface
  ) {
    packet.pointee.data = window.base + at
    packet.pointee.handle = nil
    packet.pointee.timestamp_ns = time
    packet.pointee.captured_length = UInt32(captured)
    packet.pointee.wire_length = wire
    packet.pointee.flags = UInt16(MARTLET_PACKET_RECORDED)
    packet.pointee.port = 0xffff
    packet.pointee.link_type = interface.linkType
  }

  // MARK: Options

  private func readInterface(_ window: CaptureWindow, _ body: Range<Int>) -> Interface {
    var clock = InterfaceClock()
    eachOption(window, body.lowerBound + 8..<body.upperBound) { code, value in
      switch code {
      case 9 where value.count >= 1:  // if_tsresol
        clock.resolution = window.base[value.lowerBound]
      case 14 where value.count >= 8:  // if_tsoffset
        clock.offsetSeconds = window.load(value.lowerBound, as: Int64.self, swapped: swapped)
      default: break
      }
    }
    return Interface(
      linkType: UInt32(window.load(body.lowerBound, as: UInt16.self, swapped: swapped)),
      snapLength: window.load(body.lowerBound + 4, as: UInt32.self, swapped: swapped),
      clock: clock)
  }

  /// What the capturing program says it lost; a later block of an interface replaces an earlier one.
  private mutating func readStatistics(_ window: CaptureWindow, _ body: Range<Int>) {
    guard body.count >= 12 else { return }
    let number = Int(window.load(body.lowerBound, as: UInt32.self, swapped: swapped))
    var drops: UInt64 = 0
    eachOption(window, body.lowerBound + 12..<body.upperBound) { code, value in
      // isb_ifdrop, isb_osdrop
      if (code == 5 || code == 7) && value.count >= 8 {
        let value = window.load(value.lowerBound, as: UInt64.self, swapped: swapped)
        drops = drops.addingReportingOverflow(value).partialValue
      }
    }
    if drops > 0 { reportedDrops[firstInterface + number] = drops }
  }

  private func eachOption(
    _ window: CaptureWindow, _ range: Range<Int>, _ body: (UInt16, Range<Int>) -> Void
  ) {
    var at = range.lowerBound
    while at + 4 <= range.upperBound {
      let code = window.load(at, as: UInt16.self, swapped: swapped)
      let length = Int(window.load(at + 2, as: UInt16.self, swapped: swapped))
      if code == 0 || at + 4 + length > range.upperBound { return }
      body(code, at + 4..<at + 4 + length)
      at += 4 + (length + 3) & ~3
    }
  }
}

/// How an interface's time stamps are counted.
struct InterfaceClock {
  /// if_tsresol: a power of ten, or with the top bit of two, as a negative exponent.
  var resolution: UInt8 = 6
  var offsetSeconds: Int64 = 0

  /// Nanoseconds since 1970, within what a packet's time may be.
  @inline(__always)
  func nanoseconds(_ value: UInt64) -> UInt64 {
    if resolution == 6 && offsetSeconds == 0 && value < PacketClock.latest / 1000 {
      return value &* 1000
    }
    return general(value)
  }

  @inline(never)
  private func general(_ value: UInt64) -> UInt64 {
    let exponent = Int(resolution & 0x7f)
    // Of the unit in a second: at most 2^63 and 10^19 fit; finer ones are rounded down to that.
    var seconds: UInt64
    var fraction: UInt64
    if resolution & 0x80 != 0 {
      seconds = exponent < 64 ? value >> UInt64(exponent) : 0
      let rest = exponent < 64 ? value & ((1 << UInt64(exponent)) &- 1) : value
      let product = rest.multipliedFullWidth(by: 1_000_000_000)
      fraction =
        exponent == 0
        ? 0
        : exponent < 64
          ? product.high << UInt64(64 - exponent) | product.low >> UInt64(exponent)
          : product.high >> UInt64(min(exponent - 64, 63))
    } else {
      var unit: UInt64 = 1
      for _ in 0..<min(exponent, 19) { unit *= 10 }
      let scaled = exponent > 19 ? 0 : value
      seconds = scaled / unit
      let product = (scaled % unit).multipliedFullWidth(by: 1_000_000_000)
      fraction = unit.dividingFullWidth(product).quotient
    }
    let limit = PacketClock.latest / 1_000_000_000
    let moved = Int64(min(seconds, limit)).addingReportingOverflow(offsetSeconds)
    guard !moved.overflow, moved.partialValue >= 0 else { return 0 }
    seconds = min(UInt64(moved.partialValue), limit)
    fraction = min(fraction, 999_999_999)
    return min(seconds * 1_000_000_000 + fraction, PacketClock.latest)
  }
}
