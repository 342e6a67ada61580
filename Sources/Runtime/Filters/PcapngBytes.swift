/// A pcapng file in memory (draft-ietf-opsawg-pcapng): a section, an interface a port, a packet block each
/// with nanosecond stamps and a comment.
struct PcapngBytes {
  private(set) var bytes: [UInt8] = []

  init(interfaces: [String]) {
    // Section header: byte-order magic, version 1.0, unknown length.
    block(0x0a0d_0d0a) { body in
      body.u32(0x1a2b_3c4d)
      body.u16(1)
      body.u16(0)
      body.u64(.max)
      body.option(4, "Martlet")
      body.endOfOptions()
    }
    for name in interfaces {
      block(1) { body in
        body.u16(1)  // LINKTYPE_ETHERNET
        body.u16(0)
        body.u32(0)  // no limit
        body.option(2, name)
        body.option(9, [9])  // if_tsresol: nanoseconds
        body.endOfOptions()
      }
    }
  }

  mutating func append(
    bytes packet: UnsafeBufferPointer<UInt8>, wireLength: UInt32, nanoseconds: Int64,
    interface: Int, comment: String
  ) {
    block(6) { body in
      body.u32(UInt32(interface))
      let time = UInt64(max(nanoseconds, 0))
      body.u32(UInt32(time >> 32))
      body.u32(UInt32(truncatingIfNeeded: time))
      body.u32(UInt32(packet.count))
      body.u32(max(wireLength, UInt32(packet.count)))
      body.padded(Array(packet))
      body.option(1, comment)
      body.endOfOptions()
    }
  }

  private mutating func block(_ type: UInt32, _ fill: (inout Body) -> Void) {
    var body = Body()
    fill(&body)
    var whole = Body()
    whole.u32(type)
    whole.u32(UInt32(body.bytes.count + 12))
    whole.bytes += body.bytes
    whole.u32(UInt32(body.bytes.count + 12))
    bytes += whole.bytes
  }

  private struct Body {
    var bytes: [UInt8] = []

    private mutating func put<Value: FixedWidthInteger>(_ value: Value) {
      withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
    mutating func u16(_ value: UInt16) { put(value) }
    mutating func u32(_ value: UInt32) { put(value) }
    mutating func u64(_ value: UInt64) { put(value) }

    mutating func padded(_ content: [UInt8]) {
      bytes += content
      bytes += [UInt8](repeating: 0, count: (4 - content.count % 4) % 4)
    }

    mutating func option(_ code: UInt16, _ text: String) {
      option(code, Array(text.utf8.prefix(65_000)))
    }

    mutating func option(_ code: UInt16, _ value: [UInt8]) {
      u16(code)
      u16(UInt16(value.count))
      padded(value)
    }

    mutating func endOfOptions() { u32(0) }
  }
}
