import CBurst

/// The block format (draft-ietf-opsawg-pcapng): sections, interfaces, packets; everything else is passed
/// over by its length.
struct PcapngParser {
  struct Interface {
    var linkType: UInt32
    var snapLength: UInt32
    var clock: InterfaceClock
    var longestPacket: Int
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
  private var lastTime: UInt64 = 0
  /// A block that is passed over, as it may be longer than any window.
  private var skipped: Skipped?
  /// By interface of this section: packets that the capturing program says it lost.
  private var drops: [UInt32: UInt64] = [:]
  /// Of the sections before this one.
  private var earlierDrops: UInt64 = 0

  private struct Skipped {
    /// As the block begins; its end has to say the same.
    var length: Int
    /// Left to pass over before that end.
    var left: Int
    var isPadded = false
  }

  /// Some interface counts time in finer units than microseconds.
  private(set) var hasNanoseconds = false

  /// Packets that the capturing program says it lost.
  var reportedDrops: UInt64 {
    drops.values.reduce(earlierDrops) { $0.addingReportingOverflow($1).partialValue }
  }

  /// Within a block that is being passed over.
  var isWithinBlock: Bool { skipped != nil }

  /// A block whose content is looked at is not longer than this.
  static let longestBlock = Int(PcapParser.longestPacket) + 4096
  /// A section does not have more interfaces than this.
  static let mostInterfaces = 65_536

  /// Fills `out` with whole packets not later than `until`. `peek` gets the next packet's time instead,
  /// and the packet stays.
  mutating func parse(
    _ window: inout CaptureWindow, _ out: UnsafeMutablePointer<martlet_packet>, capacity: Int,
    until: UInt64, count: inout Int, peek: UnsafeMutablePointer<UInt64>? = nil
  ) -> ParseStop {
    while count < capacity {
      if skipped != nil, let stop = passOver(&window) { return stop }
      guard window.available >= 12 else { return .needs(12) }
      let at = window.offset
      let type = window.load(at, as: UInt32.self, swapped: swapped)
      if type == Block.section {
        // The same from both ends; its byte order stands behind its length.
        let magic = window.load(at + 8, as: UInt32.self, swapped: false)
        switch magic {
        case 0x1a2b_3c4d: swapped = false
        case 0x4d3c_2b1a: swapped = true
        default: return .damaged("a section without a byte-order mark")
        }
      }
      let length = Int(window.load(at + 4, as: UInt32.self, swapped: swapped))
      // The length counts type and both lengths.
      guard length >= 12 else { return .damaged("a block of \(length) bytes") }
      switch type {
      case Block.section, Block.interface, Block.packet, Block.simplePacket, Block.statistics,
        Block.enhancedPacket:
        break
      default:
        window.offset += 8
        skipped = Skipped(length: length, left: length - 12)
        continue
      }
      guard length <= Self.longestBlock else {
        return .damaged("a block of \(length) bytes, which no packet fills")
      }
      guard window.available >= length else { return .needs(length) }
      var end = at + length
      if Int(window.load(end - 4, as: UInt32.self, swapped: swapped)) != length {
        // Some writers do not count the padding, others leave it out.
        end = at + (length + 3) & ~3
        guard window.end >= end else { return .needs(end - at) }
        guard Int(window.load(end - 4, as: UInt32.self, swapped: swapped)) == length else {
          return .damaged("a block whose two lengths differ")
        }
      }
      let body = at + 8..<end - 4
      var isLater = false
      switch type {
      case Block.section:
        guard body.count >= 16 else { return .damaged("a section header of \(length) bytes") }
        guard window.load(at + 12, as: UInt16.self, swapped: swapped) == 1 else {
          return .damaged("a section of another version than 1")
        }
        earlierDrops = reportedDrops
        drops.removeAll(keepingCapacity: true)
        interfaces.removeAll(keepingCapacity: true)
      case Block.interface:
        guard body.count >= 8 else { return .damaged("an interface block of \(length) bytes") }
        guard interfaces.count < Self.mostInterfaces else {
          return .damaged("more than \(Self.mostInterfaces) interfaces")
        }
        let interface = readInterface(window, body)
        // A power of two above a thousand, or of ten above six.
        hasNanoseconds = hasNanoseconds || interface.clock.resolution > 6
        interfaces.append(interface)
      case Block.statistics: readStatistics(window, body)
      case Block.simplePacket:
        guard body.count >= 4 else { return .damaged("a packet block of \(length) bytes") }
        guard let interface = interfaces.first else {
          return .damaged("a simple packet block without an interface")
        }
        let wire = window.load(body.lowerBound, as: UInt32.self, swapped: swapped)
        let limit = interface.snapLength == 0 ? wire : min(wire, interface.snapLength)
        let captured = min(Int(limit), body.count - 4)
        guard captured <= interface.longestPacket else {
          return .damaged("a packet of \(captured) bytes, which no packet has")
        }
        // It has no time: the one before it is as near as can be told.
        if let peek {
          peek.pointee = lastTime
          return .full
        }
        if lastTime > until { return .full }
        emit(
          window, out + count, at: body.lowerBound + 4,
          captured: captured, wire: wire, time: lastTime, interface)
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
        guard captured <= interface.longestPacket else {
          return .damaged("a packet of \(captured) bytes, which no packet has")
        }
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
      window.offset = end
      window.fetchAhead(from: at, to: end)
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

  /// Goes on passing over a block. Nil when it has been left behind.
  @inline(never)
  private mutating func passOver(_ window: inout CaptureWindow) -> ParseStop? {
    while let block = skipped {
      let step = min(block.left, window.available)
      window.offset += step
      skipped!.left -= step
      guard block.left == step else { return .needs(1) }
      guard window.available >= 4 else { return .needs(4) }
      if Int(window.load(window.offset, as: UInt32.self, swapped: swapped)) == block.length {
        window.offset += 4
        skipped = nil
      } else if block.length & 3 != 0 && !block.isPadded {
        // As for packets: padding that was not counted.
        skipped!.isPadded = true
        skipped!.left = 4 - block.length & 3
      } else {
        return .damaged("a block whose two lengths differ")
      }
    }
    return nil
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
    let linkType = UInt32(window.load(body.lowerBound, as: UInt16.self, swapped: swapped))
    return Interface(
      linkType: linkType,
      snapLength: window.load(body.lowerBound + 4, as: UInt32.self, swapped: swapped),
      clock: clock, longestPacket: Int(PcapParser.longestPacket(ofLinkType: linkType)))
  }

  /// What the capturing program says it lost; a later block of an interface replaces an earlier one.
  private mutating func readStatistics(_ window: CaptureWindow, _ body: Range<Int>) {
    guard body.count >= 12 else { return }
    let number = window.load(body.lowerBound, as: UInt32.self, swapped: swapped)
    guard number < interfaces.count else { return }
    var lost: UInt64 = 0
    eachOption(window, body.lowerBound + 12..<body.upperBound) { code, value in
      // isb_ifdrop, isb_osdrop
      if (code == 5 || code == 7) && value.count >= 8 {
        let value = window.load(value.lowerBound, as: UInt64.self, swapped: swapped)
        lost = lost.addingReportingOverflow(value).partialValue
      }
    }
    if lost > 0 { drops[number] = lost }
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
    let seconds: UInt64
    let fraction: UInt64
    if resolution & 0x80 != 0 {
      seconds = exponent < 64 ? value >> UInt64(exponent) : 0
      let rest = exponent < 64 ? value & ((1 << UInt64(exponent)) &- 1) : value
      // (rest × 10^9) >> exponent, less than 10^9 up to an exponent of 63, and than 2^30 above.
      let product = rest.multipliedFullWidth(by: 1_000_000_000)
      fraction =
        exponent == 0
        ? 0
        : exponent < 64
          ? product.high << UInt64(64 - exponent) | product.low >> UInt64(exponent)
          : product.high >> UInt64(exponent - 64)
    } else if exponent <= 19 {
      let unit = Self.powerOfTen(exponent)
      seconds = value / unit
      let product = (value % unit).multipliedFullWidth(by: 1_000_000_000)
      // Cannot overflow: the remainder is below the unit, so the quotient is below 10^9.
      fraction = unit.dividingFullWidth(product).quotient
    } else {
      // No 64 bits of such units make a second.
      seconds = 0
      fraction = exponent - 9 <= 19 ? value / Self.powerOfTen(exponent - 9) : 0
    }
    let moved = Int64(min(seconds, UInt64(Int64.max))).addingReportingOverflow(offsetSeconds)
    // Only two positive numbers overflow here: the seconds are never negative.
    if moved.overflow { return PacketClock.latest }
    guard moved.partialValue >= 0 else { return 0 }
    guard moved.partialValue < PacketClock.latest / 1_000_000_000 else { return PacketClock.latest }
    return UInt64(moved.partialValue) * 1_000_000_000 + min(fraction, 999_999_999)
  }

  /// 10^`exponent`, which is at most 19.
  private static func powerOfTen(_ exponent: Int) -> UInt64 {
    var power: UInt64 = 1
    for _ in 0..<exponent { power *= 10 }
    return power
  }
}
