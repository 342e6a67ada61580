package import FlowEngine

/// Community ID, version 1: `1:` and the base64 of SHA-1 over seed, addresses, protocol and ports,
/// the same for both directions (https://github.com/corelight/community-id-spec).
///
///     | seed 2 | lower address 4 or 16 | higher address | protocol 1 | 0 | its port 2 | its port 2 |
///
/// Ports are there for TCP, UDP and SCTP, and for ICMP and ICMPv6 as type and counterpart type. The
/// key has them in the right order already, with one exception: an ICMP message without
/// counterpart is not ordered but written as sent, with type and code for ports.
package enum CommunityID {
  /// Characters of an ID.
  package static let length = 30

  /// The ID of a flow; `seed` keeps networks apart that use the same addresses, 0 by default.
  package static func text(of key: FlowKey, seed: UInt16 = 0) -> String {
    String(unsafeUninitializedCapacity: length) { buffer in
      var writer = ByteWriter(buffer.baseAddress.unsafelyUnwrapped)
      write(key, seed: seed, to: &writer)
      return length
    }
  }

  /// Whether a text could be an ID: version 1's prefix and the base64 of 20 bytes.
  package static func isWellFormed(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count == length && text.hasPrefix("1:") && bytes[length - 1] == UInt8(ascii: "=")
      && bytes[2..<length - 1].allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
          true
        default: false
        }
      }
  }

  /// Whether `text` is a flow's ID; nothing is allocated.
  package static func isText(_ text: [UInt8], of key: FlowKey, seed: UInt16) -> Bool {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: length + ByteWriter.slack) { buffer in
      var writer = ByteWriter(buffer.baseAddress.unsafelyUnwrapped)
      write(key, seed: seed, to: &writer)
      return text.elementsEqual(buffer[..<length])
    }
  }

  package static func write(_ key: FlowKey, seed: UInt16, to writer: inout ByteWriter) {
    var digest = SHA1.initial
    // 2 + 16 + 16 + 6 = 40 bytes at the most, which with the padding fit in one block.
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { block in
      let start = block.baseAddress.unsafelyUnwrapped
      start.initializeMemory(as: UInt64.self, repeating: 0, count: 8)
      let length = fill(start, key, seed)
      start.storeBytes(of: 0x80, toByteOffset: length, as: UInt8.self)
      start.storeBytes(of: UInt64(length * 8).bigEndian, toByteOffset: 56, as: UInt64.self)
      SHA1.absorb(start, into: &digest)
    }
    writer.literal("1:")
    writer.base64(digest)
  }

  /// Writes what is hashed to the front of 64 zeroed bytes. Returns its length.
  @inline(__always)
  private static func fill(_ block: UnsafeMutableRawPointer, _ key: FlowKey, _ seed: UInt16)
    -> Int
  {
    let fromB = FlowKey.Flags.oneWay | FlowKey.Flags.oneWayFromB
    let swapped = key.flags & fromB == fromB
    let first = swapped ? key.addressB : key.addressA
    let second = swapped ? key.addressA : key.addressB
    store(seed, block, 0)
    var offset = 2
    if key.ipVersion == 4 {
      store(first.v4, block, 2)
      store(second.v4, block, 6)
      offset = 10
    } else {
      store(first.high, block, 2)
      store(first.low, block, 10)
      store(second.high, block, 18)
      store(second.low, block, 26)
      offset = 34
    }
    block.storeBytes(of: key.proto, toByteOffset: offset, as: UInt8.self)
    offset &+= 2
    switch key.proto {
    case IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp, IPProtocol.icmp, IPProtocol.icmpv6:
      store(swapped ? key.portB : key.portA, block, offset)
      store(swapped ? key.portA : key.portB, block, offset &+ 2)
      return offset &+ 4
    default:
      return offset
    }
  }

  @inline(__always)
  private static func store(
    _ value: some FixedWidthInteger & BitwiseCopyable, _ block: UnsafeMutableRawPointer,
    _ offset: Int
  ) {
    block.storeBytes(of: value.bigEndian, toByteOffset: offset, as: type(of: value))
  }
}
