import CBurst
import CLineRate
import CPcap
import FlowEngine
import Foundation

/// A capture's frames in memory, in the order in which they were captured; their times do not matter.
final class Replay {
  /// What was played, and what was not.
  struct Contents: Codable {
    var frames = 0
    /// Of the frames, without checksums.
    var bytes = 0
    /// Frames whose addresses are changed the short way.
    var plainFrames = 0
    /// Longer than a frame may be, or cut by the one who captured.
    var longFrames = 0
    var cutFrames = 0
    /// Would be of the same flow in each pass: addresses that may not change, tunnels that are not followed.
    var fixedFrames = 0
    var ready = true
  }

  let frames: OpaquePointer
  private(set) var contents = Contents()

  init(path: String) throws {
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard let file = pcap_open_offline(path, &message) else {
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw BenchError(String(decoding: text, as: UTF8.self))
    }
    defer { pcap_close(file) }
    guard pcap_datalink(file) == DLT_EN10MB else {
      throw BenchError("\(path): not of Ethernet, which is all that is played")
    }
    let size =
      (try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
    // A record in the file has 16 bytes beside its frame.
    guard let frames = linerate_replay_create(UInt64(max(size, 4096)), UInt32(size / 16 + 1))
    else { throw BenchError("no memory for \(path)") }
    self.frames = frames
    let parser = FrameKeys()
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    var code = pcap_next_ex(file, &header, &data)
    while code == 1, let head = header, let bytes = data {
      take(bytes, captured: head.pointee.caplen, wire: head.pointee.len, parser)
      code = pcap_next_ex(file, &header, &data)
    }
    guard code == Int32(PCAP_ERROR_BREAK) else {
      throw BenchError("\(path): \(String(cString: pcap_geterr(file)))")
    }
    guard contents.frames > 0 else { throw BenchError("\(path): no frames to play") }
    contents.plainFrames = Int(linerate_replay_plain(frames))
  }

  deinit { linerate_replay_destroy(frames) }

  private func take(
    _ data: UnsafePointer<UInt8>, captured: UInt32, wire: UInt32, _ parser: FrameKeys
  ) {
    if wire > UInt32(LINERATE_LONGEST_FRAME) {
      contents.longFrames += 1
    } else if captured < wire {
      contents.cutFrames += 1
    } else if linerate_is_fixed(data, captured) || parser.isFixed(data, captured) {
      contents.fixedFrames += 1
    } else if linerate_replay_add(frames, data, captured) {
      contents.frames += 1
      contents.bytes += Int(captured)
    }
  }

  /// Writes `passes` of them to a capture, at the times that `bitsPerSecond` of frames give them.
  func write(to path: String, passes: Int, bitsPerSecond: Double) throws {
    guard let file = fopen(path, "w") else {
      throw BenchError("\(path): \(String(cString: strerror(errno)))")
    }
    let room = UnsafeMutableRawPointer.allocate(
      byteCount: 16 + Int(LINERATE_LONGEST_FRAME), alignment: 8)
    defer { room.deallocate() }
    // Nanoseconds, version 2.4, Ethernet.
    let head: [UInt32] = [0xa1b2_3c4d, 4 << 16 | 2, 0, 0, 262_144, 1]
    _ = head.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    var sent: UInt64 = 0
    for _ in 0..<passes * contents.frames {
      let length = linerate_replay_next(frames, (room + 16).assumingMemoryBound(to: UInt8.self))
      let nanoseconds = UInt64(Double(sent) * 8 / bitsPerSecond * 1e9)
      for (index, word) in [
        UInt32(1_700_000_000 + nanoseconds / 1_000_000_000),
        UInt32(nanoseconds % 1_000_000_000), length, length,
      ].enumerated() {
        room.storeBytes(of: word, toByteOffset: 4 * index, as: UInt32.self)
      }
      fwrite(room, 1, 16 + Int(length), file)
      sent += UInt64(length)
    }
    let failed = ferror(file) != 0
    guard fclose(file) == 0 && !failed else {
      throw BenchError("\(path): could not be written to its end")
    }
  }
}

/// Flow keys of frames, as the engine has them.
private final class FrameKeys {
  private let parser = PacketParser(hash: FlowHash(seed: (1, 2, 3, 4, 5, 6)))
  private let packet = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 1)
  private let parsed = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
  private let room = UnsafeMutablePointer<UInt8>.allocate(capacity: Int(LINERATE_LONGEST_FRAME))

  deinit {
    packet.deallocate()
    parsed.deallocate()
    room.deallocate()
  }

  private func key(_ data: UnsafePointer<UInt8>, _ length: UInt32) -> FlowKey? {
    packet.initialize(to: martlet_packet())
    packet.pointee.data = data
    packet.pointee.captured_length = length
    packet.pointee.wire_length = length
    packet.pointee.link_type = 1
    let verdict = parser.parse(packet, into: parsed, now: 0)
    return verdict == PacketVerdict.flow ? parsed.pointee.key : nil
  }

  /// Whether another pass would have it in the same flow.
  func isFixed(_ data: UnsafePointer<UInt8>, _ length: UInt32) -> Bool {
    guard let before = key(data, length) else { return false }
    room.update(from: data, count: Int(length))
    linerate_readdress(room, length, 1)
    return key(room, length) == before
  }
}
