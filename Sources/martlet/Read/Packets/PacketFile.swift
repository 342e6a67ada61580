import CBurst
import Glibc

/// Packets as a capture file's bytes: pcap, or pcapng where the name ends so.
struct PacketFormat {
  enum Kind {
    /// draft-ietf-opsawg-pcap: one link type a file.
    case pcap(nanoseconds: Bool)
    /// draft-ietf-opsawg-pcapng: an interface a link type, nanoseconds.
    case pcapng
  }

  let kind: Kind
  /// Link types met, in the order of their interfaces.
  private var linkTypes: [UInt32] = []

  init(path: String, nanoseconds: Bool) {
    kind = path.hasSuffix(".pcapng") ? .pcapng : .pcap(nanoseconds: nanoseconds)
  }

  /// Appends a packet, and in front of the first one what stands at the head of a file. Returns what is
  /// wrong where it cannot stand in this file.
  mutating func append(
    _ packet: UnsafePointer<martlet_packet>, to bytes: inout [UInt8]
  ) -> String? {
    let type = packet.pointee.link_type
    if linkTypes.isEmpty { head(type, to: &bytes) }
    switch kind {
    case .pcap(let nanoseconds):
      if linkTypes[0] != type {
        return "packets of link types \(linkTypes[0]) and \(type) cannot stand in one pcap file;"
          + " a name that ends in .pcapng gives one in which they can"
      }
      let time = packet.pointee.timestamp_ns
      put(UInt32(truncatingIfNeeded: time / 1_000_000_000), &bytes)
      let rest = time % 1_000_000_000
      put(UInt32(truncatingIfNeeded: nanoseconds ? rest : rest / 1000), &bytes)
      put(packet.pointee.captured_length, &bytes)
      put(packet.pointee.wire_length, &bytes)
      data(packet, &bytes)
    case .pcapng:
      let interface: Int
      if let known = linkTypes.firstIndex(of: type) {
        interface = known
      } else {
        interface = linkTypes.count
        linkTypes.append(type)
        self.interface(type, &bytes)
      }
      let padding = (4 - Int(packet.pointee.captured_length) & 3) & 3
      let length = 32 + packet.pointee.captured_length + UInt32(padding)
      let time = packet.pointee.timestamp_ns
      for word in [
        6, length, UInt32(interface), UInt32(truncatingIfNeeded: time >> 32),
        UInt32(truncatingIfNeeded: time), packet.pointee.captured_length,
        packet.pointee.wire_length,
      ] as [UInt32] {
        put(word, &bytes)
      }
      data(packet, &bytes)
      for _ in 0..<padding { bytes.append(0) }
      put(length, &bytes)
    }
    return nil
  }

  /// What a file begins with, whether or not a packet follows.
  mutating func head(_ type: UInt32, to bytes: inout [UInt8]) {
    linkTypes.append(type)
    switch kind {
    case .pcap(let nanoseconds):
      put(nanoseconds ? 0xa1b2_3c4d : 0xa1b2_c3d4 as UInt32, &bytes)
      put(2 as UInt16, &bytes)
      put(4 as UInt16, &bytes)
      for word in [0, 0, 262_144, type] as [UInt32] { put(word, &bytes) }
    case .pcapng:
      section(&bytes)
      interface(type, &bytes)
    }
  }

  /// Section header block, without options.
  private func section(_ bytes: inout [UInt8]) {
    for word in [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0000_0001, .max, .max, 28] as [UInt32] {
      put(word, &bytes)
    }
  }

  /// Interface description block with its resolution, 10^-9 s.
  private func interface(_ type: UInt32, _ bytes: inout [UInt8]) {
    for word in [1, 32, type & 0xffff, 0, 0x0001_0009, 9, 0, 32] as [UInt32] { put(word, &bytes) }
  }

  private func data(_ packet: UnsafePointer<martlet_packet>, _ bytes: inout [UInt8]) {
    bytes.append(
      contentsOf: UnsafeBufferPointer(
        start: packet.pointee.data, count: Int(packet.pointee.captured_length)))
  }

  private func put<T: FixedWidthInteger>(_ value: T, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

/// `--write-pcap`
final class PacketFile {
  private let file: OutputFile
  private var format: PacketFormat
  private var bytes: [UInt8] = []
  private(set) var packets: UInt64 = 0
  private var ownError: OutputError?

  init(path: String, nanoseconds: Bool) throws(OutputError) {
    file = try OutputFile(path: path, holdsLines: false)
    format = PacketFormat(path: path, nanoseconds: nanoseconds)
    bytes.reserveCapacity(OutputFile.pieceBytes + 262_144)
  }

  var error: OutputError? { ownError ?? file.error }

  func write(_ packet: UnsafePointer<martlet_packet>) {
    guard error == nil else { return }
    if let problem = format.append(packet, to: &bytes) {
      ownError = OutputError(file.path, problem)
      return
    }
    packets += 1
    if bytes.count >= OutputFile.pieceBytes { flush() }
  }

  private func flush() {
    file.write(bytes)
    bytes.removeAll(keepingCapacity: true)
  }

  /// `linkType`: of a file that holds no packet.
  func finish(linkType: UInt32) {
    if packets == 0 && error == nil { format.head(linkType, to: &bytes) }
    flush()
    file.finish()
  }
}
