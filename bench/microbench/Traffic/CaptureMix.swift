import CBurst
import FlowEngine
import Foundation
import Ports

/// Real packets in memory: the Ethernet captures of a folder joined one behind the other, their times made
/// to rise. Sizes and protocols are what they were.
final class CaptureMix {
  struct Packet {
    var offset: Int
    var captured: UInt32
    var wire: UInt32
    /// Nanoseconds since the mix began.
    var time: Int64
    /// Its flow, where it is in one.
    var key: FlowKey?
    /// Where its IP header begins, and of which version; 0 where there is none that could be rewritten.
    var network: UInt16
    var version: UInt8
  }

  private(set) var packets: [Packet] = []
  private(set) var captures = 0
  let bytes: UnsafeMutablePointer<UInt8>
  private let capacity: Int

  static var folder: String? {
    let path = ProcessInfo.processInfo.environment["MARTLET_CAPTURES"] ?? "../shared/captures"
    return FileManager.default.fileExists(atPath: path + "/MANIFEST.tsv") ? path : nil
  }

  init(folder: String) throws {
    capacity = 256 << 20
    bytes = .allocate(capacity: capacity)
    let manifest = try String(contentsOfFile: folder + "/MANIFEST.tsv", encoding: .utf8)
    let lines = manifest.split(separator: "\n")
    let columns = lines[0].split(separator: "\t", omittingEmptySubsequences: false)
    guard let pathColumn = columns.firstIndex(of: "capture") else { return }
    let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 64)
    let parsed = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
    defer {
      room.deallocate()
      parsed.deallocate()
    }
    let parser = PacketParser(
      vlanInKey: true, decapsulation: PacketParser.maximumTunnels,
      hash: FlowHash(seed: (1, 2, 3, 4, 5, 6)))
    var used = 0
    var time: Int64 = 0
    for line in lines.dropFirst() {
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard pathColumn < cells.count else { continue }
      // Malformed on purpose: no traffic that a link would have.
      let path = String(cells[pathColumn])
      if path.hasPrefix("tcpdump/") || path.contains("fuzz") { continue }
      let stream = CaptureStream(CaptureInputs([folder + "/" + path]).inputs)
      var first: Int64?
      var latest = time
      var isCounted = false
      reading: while true {
        switch stream.fill(room, capacity: 64) {
        case .packets(let count):
          for i in 0..<count where room[i].link_type == 1 {
            let length = Int(room[i].captured_length)
            // A wire length that lies is no traffic either.
            guard length >= 14, used + length <= capacity, room[i].wire_length < 70_000 else {
              continue
            }
            isCounted = true
            (bytes + used).update(from: room[i].data, count: length)
            let stamp = Int64(bitPattern: room[i].timestamp_ns)
            if first == nil { first = stamp }
            // Times may leap back, or by years.
            let step = min(max(stamp - first! + time, latest), latest + 1_000_000_000)
            latest = step
            var packet = Packet(
              offset: used, captured: room[i].captured_length, wire: room[i].wire_length,
              time: step, key: nil, network: 0, version: 0)
            if parser.parse(room + i, into: parsed, now: 0) == PacketVerdict.flow {
              packet.key = parsed.pointee.key
              if parsed.pointee.tunnelKind == 0 {
                packet.network = parsed.pointee.networkOffset
                packet.version = parsed.pointee.key.ipVersion
              }
            }
            packets.append(packet)
            used += length
          }
          stream.forgetSpent()
        case .idle: stream.forgetSpent()
        case .end: break reading
        }
      }
      if isCounted { captures += 1 }
      time = latest + 1_000_000
    }
  }

  deinit { bytes.deallocate() }

  /// Other addresses for the same packets; done twice with the same number, the first ones again. Both ends
  /// change alike, so that a flow stays one.
  func readdress(_ chosen: [Packet], _ number: UInt8) {
    for packet in chosen where packet.version != 0 {
      let header = bytes + packet.offset + Int(packet.network)
      if packet.version == 4 {
        header[13] ^= number
        header[17] ^= number
      } else {
        header[11] ^= number
        header[27] ^= number
      }
    }
  }
}
