// Inputs for the engine's fuzzers out of captures: real frames, and what their fragments and segments
// are in the terms of FragmentFuzzer and TCPFuzzer.

import CBurst
import FlowEngine
import FuzzDriver
import Glibc
import Ports

enum Seeds {
  private struct Frame {
    let bytes: [UInt8]
    let linkType: UInt32
  }

  /// `seeds INTO CAPTURE …`: one input a capture and target in the folders INTO/parser, …/tcp and so on.
  static func make(_ words: [String]) -> Int32 {
    guard words.count >= 2 else {
      complain("seeds: a folder to write into, then captures\n")
      return 64
    }
    let into = words[0]
    for target in ["parser", "fragments", "tcp", "engine"] {
      let folder = "\(into)/\(target)"
      guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
        complain("seeds: \(folder) cannot be made\n")
        return 74
      }
    }
    var written = 0
    for (number, path) in words.dropFirst().enumerated() {
      let frames = read(path)
      guard !frames.isEmpty else { continue }
      let made: [(String, [UInt8])] = [
        ("parser", parser(frames)), ("engine", engine(frames, shape: UInt8(number & 1))),
        ("tcp", tcp(frames, shape: UInt8(number & 1))),
        ("fragments", fragments(frames, shape: UInt8(number & 1))),
      ]
      for (target, bytes) in made where !bytes.isEmpty {
        write(bytes, "\(into)/\(target)/seed-\(String(digest(bytes), radix: 16))")
        written += 1
      }
    }
    print("seeds: \(written) inputs from \(words.count - 1) captures")
    return 0
  }

  /// FNV-1a: inputs that are the same have one name.
  private static func digest(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  private static func write(_ bytes: [UInt8], _ path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  /// The first frames of a capture, none longer than an input's share.
  private static func read(_ path: String) -> [Frame] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    let stream = CaptureStream([CaptureInput(path: path, descriptor: descriptor)])
    let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 32)
    defer { room.deallocate() }
    var frames: [Frame] = []
    while frames.count < 256 {
      switch stream.fill(room, capacity: 32) {
      case .packets(let count):
        for i in 0..<count {
          let bytes = UnsafeBufferPointer(
            start: room[i].data, count: min(Int(room[i].captured_length), 1600))
          frames.append(Frame(bytes: Array(bytes), linkType: room[i].link_type))
        }
        stream.forgetSpent()
      case .idle: stream.forgetSpent()
      case .end: return frames
      }
    }
    return frames
  }

  private static func parser(_ frames: [Frame]) -> [UInt8] {
    // One that is long enough to be of interest, and short enough to be changed all over.
    let frame = frames.first { (60...400).contains($0.bytes.count) } ?? frames[0]
    return Wire.be16(Int(frame.linkType & 0x1ff)) + [0, 0] + frame.bytes.prefix(1000)
  }

  private static func engine(_ frames: [Frame], shape: UInt8) -> [UInt8] {
    var bytes = [shape]
    for frame in frames.prefix(24) where bytes.count < 4096 {
      guard frame.linkType < 255 || frame.linkType == 276 else { continue }
      let data = frame.bytes.prefix(400)
      bytes += Wire.be16(data.count) + [0, UInt8(min(frame.linkType, 255))] + data
    }
    return bytes.count > 1 ? bytes : []
  }

  private static func parse(_ frame: Frame) -> ParsedPacket? {
    let parser = PacketParser(hash: FlowHash(seed: (1, 2, 3, 4, 5, 6)))
    let out = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
    defer { out.deallocate() }
    UnsafeMutableRawPointer(out).initializeMemory(
      as: UInt8.self, repeating: 0, count: MemoryLayout<ParsedPacket>.stride)
    var packet = martlet_packet()
    return frame.bytes.withUnsafeBufferPointer { bytes in
      packet.data = bytes.baseAddress
      packet.captured_length = UInt32(bytes.count)
      packet.wire_length = UInt32(bytes.count)
      packet.link_type = frame.linkType
      packet.timestamp_ns = 1
      return PacketVerdict.isCause(parser.parse(&packet, into: out, now: 1)) ? nil : out.pointee
    }
  }

  private static func tcp(_ frames: [Frame], shape: UInt8) -> [UInt8] {
    var bytes = [shape]
    var known: [UInt64] = []
    var next: [(UInt32, UInt32)] = []
    for frame in frames {
      guard let p = parse(frame), p.key.proto == 6, p.flags & ParsedPacket.Flags.fragment == 0
      else { continue }
      var number = known.firstIndex(of: p.hash)
      if number == nil && known.count < 4 {
        number = known.count
        known.append(p.hash)
        next.append((p.sequence, p.acknowledgement))
        if p.side == 1 { next[known.count - 1] = (p.acknowledgement, p.sequence) }
      }
      guard let number, bytes.count < 1200 else { continue }
      let (mine, theirs) =
        p.side == 1 ? (next[number].1, next[number].0) : (next[number].0, next[number].1)
      let sequence = UInt16(truncatingIfNeeded: p.sequence &- mine)
      let acknowledgement = UInt16(truncatingIfNeeded: p.acknowledgement &- theirs)
      let size = min(Int(p.payloadLength) / 8, 255)
      bytes += [UInt8(number) | p.side << 2, p.tcpFlags]
      bytes += Wire.be16(Int(sequence)) + Wire.be16(Int(acknowledgement))
      bytes += Wire.be16(Int(p.window)) + [UInt8(size), 0x80]
      var after = p.sequence &+ UInt32(size * 8)
      if p.tcpFlags & (TCPFlags.syn | TCPFlags.fin) != 0 { after &+= 1 }
      if p.side == 1 { next[number].1 = after } else { next[number].0 = after }
    }
    return bytes.count > 1 ? bytes : []
  }

  private static func fragments(_ frames: [Frame], shape: UInt8) -> [UInt8] {
    var bytes = [shape]
    for frame in frames {
      guard let p = parse(frame), p.flags & ParsedPacket.Flags.fragment != 0, bytes.count < 1200
      else { continue }
      let proto: UInt8 = [17: 0, 6: 1, 1: 2, 132: 3][p.key.proto] ?? 0
      let version: UInt8 = p.key.ipVersion == 6 ? 4 : 0
      let more: UInt8 = p.fragmentOffset & 0x8000 != 0 ? 0x40 : 0
      let payload = p.ipLength - min(p.ipLength, UInt32(p.transportOffset - p.networkOffset))
      bytes += [version | p.side << 3 | proto << 4, UInt8(p.fragmentID & 7) | more]
      bytes += Wire.be16(Int(p.fragmentOffset & 0x1fff))
      bytes += [UInt8(min(payload / 8, 255)), 0]
    }
    return bytes.count > 1 ? bytes : []
  }
}
