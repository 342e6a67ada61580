// Inputs for the dissectors' fuzzers out of captures: what flows said, in the terms of DissectionFuzzer, in
// the folder of the protocol that their ports promise, and all of them in `any`.

import CBurst
import FlowEngine
import FuzzDriver
import Glibc
import Ports

@testable import Dissection

enum DissectionSeeds {
  private static let longest = 8192

  /// `seeds INTO CAPTURE …`
  static func make(_ words: [String]) -> Int32 {
    guard words.count >= 2 else {
      complain("seeds: a folder to write into, then captures\n")
      return 64
    }
    var written = 0
    for path in words.dropFirst() {
      for (proto, bytes) in flows(path) {
        let name = "seed-\(String(digest(bytes), radix: 16))"
        for folder in proto == .unknown ? ["any"] : ["any", "\(proto.name)"] {
          let into = "\(words[0])/\(folder)"
          guard mkdir(into, 0o755) == 0 || errno == EEXIST else {
            complain("seeds: \(into) cannot be made\n")
            return 74
          }
          guard let file = fopen("\(into)/\(name)", "w") else { continue }
          fwrite(bytes, 1, bytes.count, file)
          fclose(file)
          written += 1
        }
      }
    }
    print("seeds: \(written) inputs from \(words.count - 1) captures")
    return 0
  }

  /// FNV-1a: inputs that are the same have one name.
  private static func digest(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  private struct Flow {
    var bytes: [UInt8] = [0]
    var client: UInt8
    var proto: AppProtocol
  }

  private static func flows(_ path: String) -> [(AppProtocol, [UInt8])] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    let stream = CaptureStream([CaptureInput(path: path, descriptor: descriptor)])
    let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 32)
    let parsed = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
    defer {
      room.deallocate()
      parsed.deallocate()
    }
    var generator = SystemRandomNumberGenerator()
    let parser = PacketParser(
      vlanInKey: false, decapsulation: PacketParser.maximumTunnels,
      hash: FlowHash(using: &generator))
    var flows: [FlowKey: Flow] = [:]
    var seen = 0
    reading: while seen < 2000 && flows.count < 64 {
      switch stream.fill(room, capacity: 32) {
      case .packets(let count):
        for i in 0..<count {
          seen += 1
          if parser.parse(room + i, into: parsed, now: 0) == PacketVerdict.flow {
            add(parsed.pointee, to: &flows)
          }
        }
        stream.forgetSpent()
      case .idle: stream.forgetSpent()
      case .end: break reading
      }
    }
    return flows.values.map { ($0.proto, $0.bytes) }
  }

  private static func add(_ p: ParsedPacket, to flows: inout [FlowKey: Flow]) {
    let isUDP = p.key.proto == IPProtocol.udp
    guard isUDP || p.key.proto == IPProtocol.tcp, p.payloadLength > 0, let data = p.data else {
      return
    }
    let hint = PortHints.expected(p.key, clientSide: p.side)
    var flow = flows[p.key] ?? Flow(client: p.side, proto: hint)
    if flow.bytes.count == 1 {
      flow.bytes[0] = (isUDP ? 1 : 0) | (p.side == 1 ? 64 : 0)
      // A server that speaks first.
      let port = p.side == 0 ? p.key.portA : p.key.portB
      if PortHints.hint(port, isTCP: !isUDP) != .unknown { flow.client = 1 &- p.side }
    }
    let captured = min(Int(p.payloadLength), Int(p.captured) - Int(p.payloadOffset))
    var rest = UnsafeBufferPointer(
      start: data + Int(p.payloadOffset), count: max(captured, 0))[...]
    while !rest.isEmpty && flow.bytes.count < longest {
      let isLong = rest.count > 255
      let length = isLong ? min(rest.count / 8, 255) * 8 : rest.count
      flow.bytes.append((p.side == flow.client ? 0 : 1) | (isLong ? 2 : 0) | 0x40)
      flow.bytes.append(UInt8(isLong ? length / 8 : length))
      flow.bytes += rest.prefix(length)
      rest = rest.dropFirst(length)
    }
    flows[p.key] = flow
  }
}
