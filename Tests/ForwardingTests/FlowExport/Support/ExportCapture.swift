import Foundation

/// A capture file with messages as datagrams, for programs that decode captures.
enum ExportCapture {
  /// Of pcap, with IPv4 packets and no link layer (LINKTYPE_RAW).
  static func write(_ messages: [[UInt8]], port: UInt16, to path: String) throws {
    var file = Data()
    func little(_ values: UInt32...) {
      for value in values {
        withUnsafeBytes(of: value.littleEndian) { file.append(contentsOf: $0) }
      }
    }
    little(0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 65_535, 101)
    for (index, message) in messages.enumerated() {
      let size = UInt32(message.count + 28)
      little(UInt32(1_763_700_000 + index), 0, size, size)
      file.append(contentsOf: packet(message, port: port))
    }
    try file.write(to: URL(fileURLWithPath: path))
  }

  private static func packet(_ message: [UInt8], port: UInt16) -> [UInt8] {
    func big(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
    var header: [UInt8] = [0x45, 0] + big(message.count + 28) + [0, 0, 0x40, 0, 64, 17, 0, 0]
    header += [127, 0, 0, 1, 127, 0, 0, 1]
    var sum = stride(from: 0, to: 20, by: 2).reduce(0) {
      $0 + Int(header[$1]) << 8 + Int(header[$1 + 1])
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    header.replaceSubrange(10..<12, with: big(~sum & 0xffff))
    // A UDP checksum of 0: none.
    return header + big(50_000) + big(Int(port)) + big(message.count + 8) + [0, 0] + message
  }
}
