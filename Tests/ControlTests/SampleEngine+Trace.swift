import ControlAPI
import Foundation

extension SampleEngine {
  func tracePackets(_ parameters: TraceParameters) throws -> TraceAnswer {
    var answer = TraceAnswer()
    // Nobody uses the discard port, here as elsewhere.
    if parameters.expression == "port 9" {
      answer.isComplete = false
      return answer
    }
    let expected = SampleData.tracedPackets
    answer.packets = (0..<parameters.packets).map { expected[$0 % expected.count] }
    if let ports = parameters.ports {
      answer.packets.removeAll { !ports.contains($0.port) }
      answer.isComplete = answer.packets.count == parameters.packets
    }
    if parameters.pcapng {
      answer.pcapng = SampleData.pcapng(packets: answer.packets.count).base64EncodedString()
    }
    return answer
  }
}

extension SampleData {
  static let timestamp = "2026-11-21T06:38:05.123456+0000"

  /// `tcp port 80`, as tcpdump -d has it.
  static let program = [
    "(000) ldh      [12]", "(001) jeq      #0x86dd          jt 2\tjf 8",
    "(002) ldb      [20]", "(003) jeq      #0x6             jt 4\tjf 19",
    "(004) ldh      [54]", "(005) jeq      #0x50            jt 18\tjf 6",
    "(006) ldh      [56]", "(007) jeq      #0x50            jt 18\tjf 19",
    "(008) jeq      #0x800           jt 9\tjf 19", "(009) ldb      [23]",
    "(010) jeq      #0x6             jt 11\tjf 19", "(011) ldh      [20]",
    "(012) jset     #0x1fff          jt 19\tjf 13", "(013) ldxb     4*([14]&0xf)",
    "(014) ldh      [x + 14]", "(015) jeq      #0x50            jt 18\tjf 16",
    "(016) ldh      [x + 16]", "(017) jeq      #0x50            jt 18\tjf 19",
    "(018) ret      #262144", "(019) ret      #0",
  ]

  static let tracedPackets: [TracedPacket] = [
    traced(
      "tap0", 0, 74, flowId: 1_125_899_906_842_623,
      [
        .init(.parse, "ok", "Ethernet, IPv4 10.20.0.200 > 198.51.100.10, TCP 40000 > 443 [S]"),
        .init(.filter, "kept", "no rule caught it"),
        .init(.flow, "new flow", "10.20.0.200:40000 > 198.51.100.10:443, state new"),
      ]),
    traced(
      "tap1", 1, 1514, flowId: 7_919_113,
      [
        .init(.parse, "ok", "Ethernet, VLAN 100, IPv4 192.0.2.7 > 10.20.1.9, UDP 53 > 5353"),
        .init(.filter, "tagged", "rule dns adds the tag resolver"),
        .init(.flow, "known flow", "packet 18 to the client"),
        .init(.event, "noted", "bad_udp_length"),
      ]),
    traced(
      "tap0", 0, 60, flowId: nil,
      [
        .init(.parse, "ok", "Ethernet, IPv4 10.20.3.1 > 198.51.100.80, TCP 41244 > 80 [.]"),
        .init(.filter, "dropped", "rule web: tcp port 80"),
      ]),
    traced("tap0", 1, 60, flowId: nil, [.init(.parse, "not IP", "ARP")]),
  ]

  private static func traced(
    _ port: String, _ worker: Int, _ length: Int, flowId: UInt64?, _ path: [TraceStep]
  ) -> TracedPacket {
    var packet = TracedPacket()
    packet.timestamp = timestamp
    packet.port = port
    packet.worker = worker
    packet.wireLength = length
    packet.capturedLength = min(length, 256)
    packet.path = path
    packet.flowId = flowId
    packet.communityId = flowId.map { _ in "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" }
    return packet
  }

  /// A file of pcapng with frames of 60 zero bytes, little endian.
  static func pcapng(packets: Int) -> Data {
    func block(_ type: UInt32, _ body: [UInt32], _ bytes: [UInt8] = []) -> Data {
      let length = UInt32(12 + body.count * 4 + bytes.count)
      var data = Data()
      for word in [type, length] + body {
        withUnsafeBytes(of: word.littleEndian) { data.append(contentsOf: $0) }
      }
      data.append(contentsOf: bytes)
      withUnsafeBytes(of: length.littleEndian) { data.append(contentsOf: $0) }
      return data
    }
    var file = block(0x0a0d_0d0a, [0x1a2b_3c4d, 1, .max, .max])
    file += block(1, [1, 262_144])
    for _ in 0..<packets {
      file += block(6, [0, 0, 0, 60, 60], [UInt8](repeating: 0, count: 60))
    }
    return file
  }
}
