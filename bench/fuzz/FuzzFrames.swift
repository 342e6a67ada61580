// What a fuzzer's input is turned into: frames, each with its time, and how the engine is set.

import CBurst
import FlowEngine

/// The input, byte by byte; zeros behind its end.
struct FuzzInput {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  var isAtEnd: Bool { offset >= bytes.count }

  mutating func byte() -> UInt8 {
    guard offset < bytes.count else { return 0 }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func word() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }

  mutating func take(_ count: Int) -> [UInt8] {
    let end = min(offset + count, bytes.count)
    defer { offset = end }
    return Array(bytes[offset..<end])
  }
}

struct FuzzFrame {
  var bytes: [UInt8]
  var time: UInt64
  var wire: UInt32
  var flags: UInt16 = 0
  var linkType: UInt32 = 1

  init(_ bytes: [UInt8], at time: UInt64) {
    self.bytes = bytes
    self.time = time
    wire = UInt32(bytes.count)
  }
}

/// How an engine is set for one input.
struct FuzzShape {
  var workers = 1
  var flows = 64
  var records = 16
  var handoffs = 8
  var datagrams = 8
  var held = 4
  var details: Int?
  var burst = 64
  var isPacketTime = false
  var checksums = ChecksumPolicy.ignore
  var decapsulation = PacketParser.maximumTunnels
  var vlanInKey = true
  var timeouts = FlowTimeouts()

  /// The live shapes: little of everything, so that each limit is met.
  init(_ choice: UInt8) {
    isPacketTime = choice & 1 != 0
    checksums = [.ignore, .count, .discard, .ignore][Int(choice >> 1 & 3)]
    decapsulation = [8, 8, 1, 0][Int(choice >> 3 & 3)]
    vlanInKey = choice & 0x20 == 0
    timeouts = FlowTimeouts(active: choice & 0x40 == 0 ? 0 : 3)
    if isPacketTime {
      // Whatever has no room depends on what has just been cleared away: here there is room.
      (flows, records, details) = (640, 2048, 640)
      (datagrams, held) = (64, 64)
    } else {
      workers = choice & 0x80 == 0 ? 1 : 2
      details = 4
    }
  }
}

/// Headers with what they should hold; a fuzzer breaks them on purpose.
enum Wire {
  static func be16(_ value: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
  }

  static func be32(_ value: UInt32) -> [UInt8] {
    be16(Int(value >> 16)) + be16(Int(value & 0xffff))
  }

  static func checksum(_ parts: [UInt8]...) -> [UInt8] {
    var sum = 0
    for part in parts {
      for (place, byte) in part.enumerated() { sum += Int(byte) << (place & 1 == 0 ? 8 : 0) }
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return be16(~sum & 0xffff)
  }

  static func ethernet(_ type: Int, _ payload: [UInt8], tag: Int? = nil) -> [UInt8] {
    let addresses: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
    return addresses + (tag.map { be16(0x8100) + be16($0) } ?? []) + be16(type) + payload
  }

  static func ipv4(
    _ proto: UInt8, _ payload: [UInt8], source: [UInt8], destination: [UInt8], id: Int = 0,
    fragment: Int = 0
  ) -> [UInt8] {
    let front = [0x45, 0] + be16(20 + payload.count) + be16(id) + be16(fragment) + [64, proto]
    let back = source + destination
    return front + checksum(front, back) + back + payload
  }

  static func ipv6(
    _ next: UInt8, _ payload: [UInt8], source: [UInt8], destination: [UInt8]
  ) -> [UInt8] {
    let prefix = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 8)
    return [0x60, 0, 0, 0] + be16(payload.count) + [next, 64] + prefix + source + prefix
      + destination + payload
  }

  /// An IP packet within GRE over IPv4.
  static func tunnelled(_ type: Int, _ payload: [UInt8], key: UInt32) -> [UInt8] {
    ipv4(
      47, [0x20, 0] + be16(type) + be32(key) + payload, source: [192, 0, 2, 1],
      destination: [192, 0, 2, 2])
  }

  /// Milliseconds, seconds, beyond every timeout, back, or years.
  static func step(_ time: UInt64, _ code: UInt8) -> UInt64 {
    switch code & 7 {
    case 0, 1, 2: time + 1_000_000
    case 3: time + 1_500_000_000
    case 4: time + 70_000_000_000
    case 5: time - min(time, 5_000_000_000)
    case 6: time
    default: (time + 40_000_000_000_000_000) % (1 << 60)
    }
  }
}
