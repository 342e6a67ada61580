import Foundation

/// The smallest Ethernet frame that has a given tuple, for answers that come without a capture.
struct TupleFrame {
  let source: TupleEnd
  let destination: TupleEnd
  let proto: UInt8

  /// A capture file with this frame alone.
  var capture: Data {
    let frame = frame
    var bytes: [UInt8] = []
    func little(_ value: UInt32) { bytes += (0..<4).map { UInt8(value >> ($0 * 8) & 0xff) } }
    little(0xa1b2_c3d4)
    bytes += [2, 0, 4, 0]
    for value: UInt32 in [0, 0, 65_535, 1] { little(value) }
    for value in [1_700_000_000, 0, UInt32(frame.count), UInt32(frame.count)] { little(value) }
    return Data(bytes + frame)
  }

  private var frame: [UInt8] {
    let macs: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
    let transport = transport
    let total = Self.big(transport.count + 20)
    if source.address.count == 4 {
      var header: [UInt8] = [0x45, 0] + total + [0, 1, 0, 0, 64, proto, 0, 0]
      header += source.address + destination.address
      header.replaceSubrange(10..<12, with: Self.checksum(header))
      return macs + [0x08, 0x00] + header + transport
    }
    let header: [UInt8] = [0x60, 0, 0, 0] + Self.big(transport.count) + [proto, 64]
    return macs + [0x86, 0xdd] + header + source.address + destination.address + transport
  }

  /// Only what the parsers look at, and a right checksum where there is one of the usual kind.
  private var transport: [UInt8] {
    let ports = Self.big(source.port) + Self.big(destination.port)
    var bytes: [UInt8]
    var checksumAt: Int?
    switch proto {
    case 6:
      (bytes, checksumAt) = (ports + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 255, 255, 0, 0, 0, 0], 16)
    case 17: (bytes, checksumAt) = (ports + [0, 12, 0, 0, 1, 2, 3, 4], 6)
    case 132: bytes = ports + [0, 0, 0, 0, 0, 0, 0, 0] + [11, 0, 0, 4]
    case 1, 58:
      // The answer's type stands for the port where there is an answer; the code is 0 then.
      let isAnswered = FlowTuple.icmpCounterpart(of: source.port, proto: Int(proto)) != nil
      let code = isAnswered ? 0 : UInt8(truncatingIfNeeded: destination.port)
      bytes = [UInt8(truncatingIfNeeded: source.port), code] + [UInt8](repeating: 0, count: 22)
      checksumAt = 2
    default: bytes = [UInt8](repeating: 0, count: 16)
    }
    if let checksumAt {
      var pseudo = source.address + destination.address + [0, proto] + Self.big(bytes.count)
      if proto == 1 { pseudo = [] }
      bytes.replaceSubrange(checksumAt..<checksumAt + 2, with: Self.checksum(pseudo + bytes))
    }
    return bytes
  }

  private static func big(_ value: Int) -> [UInt8] {
    [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
  }

  /// RFC 1071 over an even number of bytes.
  private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var sum = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += Int(bytes[index]) << 8 | Int(bytes[index + 1])
    }
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    return big(~sum & 0xffff)
  }
}
