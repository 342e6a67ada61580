import Foundation

/// A capture made packet by packet: one client and one server on Ethernet and IPv4 or IPv6. Checksums are
/// left zero.
struct MadeCapture {
  private var bytes: [UInt8] = []
  private var microseconds: UInt32 = 0
  var clientPort: UInt16 = 40_000
  var serverPort: UInt16 = 4_444
  var isIPv6 = false

  enum Flags {
    static let fin: UInt8 = 1
    static let syn: UInt8 = 2
    static let ack: UInt8 = 16
  }

  init() {
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1] as [UInt32] { put(word) }
  }

  private mutating func put(_ word: UInt32) {
    withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func big<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }

  /// `captured`: bytes of the payload that the capture has.
  mutating func tcp(
    fromClient: Bool = true, _ sequence: UInt32, acknowledging: UInt32? = nil, flags: UInt8 = 0,
    _ text: String = "", captured: Int? = nil
  ) {
    tcp(
      fromClient: fromClient, sequence, acknowledging: acknowledging, flags: flags,
      bytes: Array(text.utf8), captured: captured)
  }

  mutating func tcp(
    fromClient: Bool = true, _ sequence: UInt32, acknowledging: UInt32? = nil, flags: UInt8 = 0,
    bytes payload: [UInt8], captured: Int? = nil
  ) {
    let all = flags | (acknowledging == nil ? 0 : Flags.ack)
    let header =
      ports(fromClient) + Self.big(sequence) + Self.big(acknowledging ?? 0) + [0x50, all]
      + Self.big(UInt16(65_535)) + [0, 0, 0, 0]
    add(fromClient, proto: 6, header, payload, captured)
  }

  mutating func udp(fromClient: Bool = true, _ text: String, captured: Int? = nil) {
    udp(fromClient: fromClient, bytes: Array(text.utf8), captured: captured)
  }

  mutating func udp(fromClient: Bool = true, bytes payload: [UInt8], captured: Int? = nil) {
    let header = ports(fromClient) + Self.big(UInt16(8 + payload.count)) + [0, 0]
    add(fromClient, proto: 17, header, payload, captured)
  }

  /// A datagram in IPv4 fragments that begin at these bytes of it (multiples of eight), in this order.
  mutating func udp(_ text: String, id: UInt16, fragments: [Int]) {
    let payload = Array(text.utf8)
    let whole = ports(true) + Self.big(UInt16(8 + payload.count)) + [0, 0] + payload
    for start in fragments {
      let end = fragments.filter { $0 > start }.min() ?? whole.count
      let place = UInt16(start / 8) | (end < whole.count ? 0x2000 : 0)
      add(true, proto: 17, [], Array(whole[start..<end]), nil, fragment: (id, place))
    }
  }

  /// A connection's first three packets; data begins at 1001 (client) and 5001 (server).
  mutating func open() {
    tcp(1000, flags: Flags.syn)
    tcp(fromClient: false, 5000, acknowledging: 1001, flags: Flags.syn)
    tcp(1001, acknowledging: 5001)
  }

  private func ports(_ fromClient: Bool) -> [UInt8] {
    let (client, server) = (Self.big(clientPort), Self.big(serverPort))
    return fromClient ? client + server : server + client
  }

  private mutating func add(
    _ fromClient: Bool, proto: UInt8, _ header: [UInt8], _ payload: [UInt8], _ captured: Int?,
    fragment: (id: UInt16, place: UInt16) = (0, 0x4000)
  ) {
    let count = header.count + payload.count
    var frame: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
    if isIPv6 {
      let client: [UInt8] = [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
      let server = client.dropLast() + [2]
      frame += [0x86, 0xdd, 0x60, 0, 0, 0] + Self.big(UInt16(count)) + [proto, 64]
      frame += fromClient ? client + server : server + client
    } else {
      let (client, server): ([UInt8], [UInt8]) = ([10, 0, 0, 1], [10, 0, 0, 2])
      frame += [8, 0, 0x45, 0] + Self.big(UInt16(20 + count)) + Self.big(fragment.id)
      frame += Self.big(fragment.place) + [64, proto, 0, 0]
      frame += fromClient ? client + server : server + client
    }
    frame += header
    let kept = frame + payload.prefix(captured ?? payload.count)
    microseconds += 1000
    put(1_700_000_000 + microseconds / 1_000_000)
    put(microseconds % 1_000_000)
    put(UInt32(kept.count))
    put(UInt32(frame.count + payload.count))
    bytes += kept
  }

  func write(to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }
}
