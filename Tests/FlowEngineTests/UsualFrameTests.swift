import CBurst
import FlowEngine
import Testing

/// The parser's short way and its long one say the same of every frame, to the last byte of what they
/// write.
@Suite struct UsualFrameTests {
  static let frames: [[UInt8]] = {
    let data: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    let transports: [(UInt8, [UInt8])] = [
      (6, Frames.tcp(50_000, 443, seq: 7, ack: 9, payload: data)),
      (6, Frames.tcp(443, 50_000, flags: TCPFlags.syn, options: [2, 4, 5, 180, 3, 3, 7, 0])),
      (17, Frames.udp(5353, 53, payload: data)), (17, Frames.udp(4789, 4789, payload: data)),
      (17, Frames.udp(80, 2152, payload: data)), (1, Frames.icmp(8)),
      (17, Frames.udp(5353, 53, payload: data) + [1, 2, 3, 4]),
    ]
    var frames: [[UInt8]] = []
    for tags in [[], [(0x8100, 0x2005)], [(0x88a8, 9)], [(0x8100, 1), (0x8100, 2)]] {
      for (proto, bytes) in transports {
        frames.append(Frames.ethernet(0x0800, Frames.ipv4(proto, bytes), tags: tags))
        // The other direction, and two end points that differ in their ports alone.
        frames.append(
          Frames.ethernet(
            0x0800, Frames.ipv4(proto, bytes, src: 0x0a00_0002, dst: 0x0a00_0001), tags: tags))
        frames.append(
          Frames.ethernet(0x0800, Frames.ipv4(proto, bytes, dst: 0x0a00_0001), tags: tags))
        frames.append(Frames.ethernet(0x86dd, Frames.ipv6(proto, bytes), tags: tags))
        frames.append(
          Frames.ethernet(
            0x86dd, Frames.ipv6(proto, bytes, src: Frames.v6B, dst: Frames.v6A), tags: tags))
        frames.append(
          Frames.ethernet(0x86dd, Frames.ipv6(proto, bytes, dst: Frames.v6A), tags: tags))
      }
    }
    return frames
  }()

  /// Whether both ways give the same verdict and the same bytes.
  static func agree(
    _ frame: [UInt8], captured: Int? = nil, wire: Int? = nil, flags: UInt16 = 0,
    vlanInKey: Bool = true, stamp: UInt64 = 0
  ) -> Bool {
    var generator = SplitMix(state: 1)
    let parser = PacketParser(vlanInKey: vlanInKey, hash: FlowHash(using: &generator))
    return frame.withUnsafeBufferPointer { bytes in
      var packet = martlet_packet()
      packet.data = bytes.baseAddress
      packet.captured_length = UInt32(captured ?? frame.count)
      packet.wire_length = UInt32(wire ?? frame.count)
      packet.flags = flags
      packet.link_type = 1
      packet.port = 3
      packet.timestamp_ns = stamp
      let size = MemoryLayout<ParsedPacket>.stride
      return withUnsafeTemporaryAllocation(of: ParsedPacket.self, capacity: 2) { out in
        let memory = UnsafeMutableRawBufferPointer(out)
        for i in memory.indices { memory[i] = 0xee }
        let usual = parser.parse(&packet, into: out.baseAddress!, now: 1000)
        let whole = parser.parseUnusual(&packet, into: out.baseAddress! + 1, now: 1000)
        return usual == whole && memory[..<size].elementsEqual(memory[size...])
      }
    }
  }

  @Test func agreeOnWholeFrames() {
    for frame in Self.frames {
      #expect(Self.agree(frame))
      #expect(Self.agree(frame, vlanInKey: false, stamp: 77))
      #expect(Self.agree(frame + [0, 0, 0, 0, 0]))
      #expect(Self.agree(frame, wire: 300_000_000))
      for bit in 0..<16 where bit != 9 { #expect(Self.agree(frame, flags: 1 << UInt16(bit))) }
    }
  }

  @Test func agreeWhereverAFrameIsCut() {
    for frame in Self.frames {
      for length in 0...frame.count {
        #expect(Self.agree(frame, captured: length))
        #expect(Self.agree(frame, captured: length, wire: length))
      }
    }
  }

  @Test func agreeWhateverAByteIs() {
    for frame in Self.frames {
      for place in 12..<frame.count {
        for value: UInt8 in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
          var other = frame
          other[place] ^= value
          if !Self.agree(other) { Issue.record("byte \(place) as \(other[place]) of \(frame)") }
        }
      }
    }
  }
}
