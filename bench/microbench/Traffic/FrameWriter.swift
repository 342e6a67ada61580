import FlowEngine

/// Writes frames as they are on a link, without the checksum at the end: 60 bytes where the headers leave
/// room for it, else as long as the headers and six bytes of data are (74 to 86 with IPv6 or a SYN's
/// options). Checksums are 0: nobody computes them here.
struct FrameWriter {
  let frame: UnsafeMutableRawPointer

  static let longest = 128

  @inline(__always)
  private func put(_ value: UInt16, at offset: Int) {
    frame.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
  }

  @inline(__always)
  private func put(_ value: UInt32, at offset: Int) {
    frame.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  @inline(__always)
  private func put(_ value: UInt64, at offset: Int) {
    frame.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
  }

  @inline(__always)
  private func put(byte value: UInt8, at offset: Int) {
    frame.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
  }

  /// Ethernet and IP around `length` bytes. Returns where they begin.
  @inline(__always)
  private func network(_ shape: FlowShape, fromClient: Bool, length: Int) -> Int {
    let source = fromClient ? shape.client : shape.server
    let destination = fromClient ? shape.server : shape.client
    // Locally administered addresses of a router and a switch.
    put(0x0200_0000_0001_0200 as UInt64, at: 0)
    put(2 as UInt32, at: 8)
    put(shape.isIPv6 ? 0x86dd : 0x0800 as UInt16, at: 12)
    if shape.isIPv6 {
      put(0x6000_0000 as UInt32, at: 14)
      put(UInt16(truncatingIfNeeded: length), at: 18)
      put(byte: shape.proto, at: 20)
      put(byte: 64, at: 21)
      put(source.high, at: 22)
      put(source.low, at: 30)
      put(destination.high, at: 38)
      put(destination.low, at: 46)
      return 54
    }
    put(0x4500 as UInt16, at: 14)
    put(UInt16(truncatingIfNeeded: length &+ 20), at: 16)
    put(0x0001_4000 as UInt32, at: 18)
    put(byte: 64, at: 22)
    put(byte: shape.proto, at: 23)
    put(0 as UInt16, at: 24)
    put(source.v4, at: 26)
    put(destination.v4, at: 30)
    return 34
  }

  /// A segment; `data` bytes of payload, all zero. `options`: those of a SYN as Linux sends it. Returns
  /// the frame's length.
  @inline(__always)
  func tcp(
    _ shape: FlowShape, fromClient: Bool, sequence: UInt32, acknowledgement: UInt32, flags: UInt8,
    data: Int = 0, options: Bool = false
  ) -> Int {
    let header = options ? 40 : 20
    let offset = network(shape, fromClient: fromClient, length: header + data)
    put(fromClient ? shape.clientPort : shape.serverPort, at: offset)
    put(fromClient ? shape.serverPort : shape.clientPort, at: offset + 2)
    put(sequence, at: offset + 4)
    put(acknowledgement, at: offset + 8)
    put(byte: UInt8(header << 2), at: offset + 12)
    put(byte: flags, at: offset + 13)
    put(64_240 as UInt16, at: offset + 14)
    put(0 as UInt32, at: offset + 16)
    if options {
      put(0x0204_05b4_0402_080a as UInt64, at: offset + 20)
      put(UInt64(sequence) << 32, at: offset + 28)
      put(0x0103_0307 as UInt32, at: offset + 36)
    }
    put(0 as UInt64, at: offset + header)
    return max(60, offset + header + data)
  }

  /// A datagram with 18 bytes of payload, four with IPv6.
  @inline(__always)
  func udp(_ shape: FlowShape, fromClient: Bool) -> Int {
    let data = shape.isIPv6 ? 4 : 18
    let offset = network(shape, fromClient: fromClient, length: 8 + data)
    put(fromClient ? shape.clientPort : shape.serverPort, at: offset)
    put(fromClient ? shape.serverPort : shape.clientPort, at: offset + 2)
    put(UInt16(truncatingIfNeeded: 8 + data), at: offset + 4)
    put(0 as UInt16, at: offset + 6)
    put(0 as UInt64, at: offset + 8)
    put(0 as UInt64, at: offset + 16)
    return offset + 8 + data
  }

  /// An echo request from the client, or the answer.
  @inline(__always)
  func echo(_ shape: FlowShape, fromClient: Bool) -> Int {
    let offset = network(shape, fromClient: fromClient, length: 26)
    put(fromClient ? 0x0800 : 0 as UInt16, at: offset)
    put(0 as UInt16, at: offset + 2)
    put(shape.clientStart, at: offset + 4)
    put(0 as UInt64, at: offset + 8)
    put(0 as UInt64, at: offset + 16)
    put(0 as UInt16, at: offset + 24)
    return offset + 26
  }
}
