import Foundation
import Sinks

@testable import Forwarding

/// Numbers that are the same in every run.
struct ExportRandom: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) { state = seed }

  /// SplitMix64; its arithmetic is modulo 2^64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// A flow that was made up, and its EVE record.
struct ExportSample {
  var type = "flow"
  var id: UInt64 = 1
  var source = "192.0.2.1"
  var destination = "198.51.100.7"
  var ports: (UInt16, UInt16)? = (40_000, 443)
  var proto = "TCP"
  var packets: (UInt64, UInt64) = (5, 4)
  var octets: (UInt64, UInt64) = (500, 4000)
  /// Nanoseconds since 1970.
  var start: Int64 = 1_763_700_000_123_456_789
  var end: Int64 = 1_763_700_005_654_321_000
  var roundTrip: Int64 = 20_000_000
  var flags: (UInt8, UInt8) = (0x1b, 0x12)
  var dscp: (UInt8, UInt8) = (10, 46)
  var timeToLive: (UInt8, UInt8) = (64, 250)
  /// Type and code of each direction; the responder's code is not in a record.
  var icmp: (UInt8, UInt8, UInt8)?
  var vlan: UInt16?
  var macs: (String, String)?
  var interface: String?
  var application: String?
  var endReason = "idle_timeout"
  /// Of a flow_update: its number, and packets and octets since the last one.
  var update: (ordinal: UInt64, packets: (UInt64, UInt64), octets: (UInt64, UInt64))?

  var isIPv6: Bool { source.contains(":") }

  /// Frames are longer than the packets in them.
  var frames: (UInt64, UInt64) {
    (octets.0 &+ packets.0 &* 14, octets.1 &+ packets.1 &* 14)
  }

  var json: String {
    var flow: [String] = [
      "\"pkts_toserver\":\(packets.0)", "\"pkts_toclient\":\(packets.1)",
      "\"bytes_toserver\":\(frames.0)", "\"bytes_toclient\":\(frames.1)",
      "\"start\":\"\(Self.time(start))\"", "\"end\":\"\(Self.time(end))\"",
      "\"ip_bytes_toserver\":\(octets.0)", "\"ip_bytes_toclient\":\(octets.1)",
      "\"start_nsec\":\(start % 1_000_000_000)", "\"end_nsec\":\(end % 1_000_000_000)",
      "\"end_reason\":\"\(endReason)\"", "\"rtt_nsec\":\(roundTrip)",
      "\"ttl_toserver\":\(timeToLive.0)", "\"dscp_toserver\":\(dscp.0)",
      "\"ttl_toclient\":\(timeToLive.1)", "\"dscp_toclient\":\(dscp.1)",
    ]
    if let update {
      flow += [
        "\"update_ordinal\":\(update.ordinal)",
        "\"pkts_toserver_delta\":\(update.packets.0)",
        "\"pkts_toclient_delta\":\(update.packets.1)",
        "\"bytes_toserver_delta\":\(update.octets.0 + update.packets.0 * 14)",
        "\"bytes_toclient_delta\":\(update.octets.1 + update.packets.1 * 14)",
        "\"ip_bytes_toserver_delta\":\(update.octets.0)",
        "\"ip_bytes_toclient_delta\":\(update.octets.1)",
      ]
    }
    var members: [String] = [
      "\"timestamp\":\"\(Self.time(end))\"", "\"flow_id\":\(id)", "\"event_type\":\"\(type)\"",
      "\"src_ip\":\"\(source)\"", "\"dest_ip\":\"\(destination)\"", "\"proto\":\"\(proto)\"",
      "\"flow\":{\(flow.joined(separator: ","))}", "\"community_id\":\"1:x/y=\"",
      "\"conn_state\":\"SF\"", "\"history\":\"ShADadFf\"", "\"sensor\":\"edge1\"",
    ]
    if let ports { members += ["\"src_port\":\(ports.0)", "\"dest_port\":\(ports.1)"] }
    if let icmp {
      members += [
        "\"icmp_type\":\(icmp.0)", "\"icmp_code\":\(icmp.1)", "\"response_icmp_type\":\(icmp.2)",
      ]
    }
    if proto == "TCP" {
      members.append(
        "\"tcp\":{\"tcp_flags_ts\":\"\(Self.hex(flags.0))\",\"tcp_flags_tc\":\"\(Self.hex(flags.1))\"}"
      )
    }
    if let vlan { members.append("\"vlan\":[\(vlan),7]") }
    if let macs {
      members.append("\"ether\":{\"dest_macs\":[\"\(macs.1)\"],\"src_macs\":[\"\(macs.0)\"]}")
    }
    if let interface { members.append("\"in_iface\":\"\(interface)\"") }
    if let application { members.append("\"app_proto\":\"\(application)\"") }
    return "{\(members.joined(separator: ","))}"
  }

  func record(sensor: String = "edge1", entry: UInt64 = 1) throws -> ForwardRecord {
    ForwardRecord(
      stream: StreamName(sensor: sensor, type: type),
      entry: .init(milliseconds: entry, sequence: 0),
      document: try EVEDocument(Array(json.utf8)))
  }

  static func hex(_ flags: UInt8) -> String {
    (flags < 16 ? "0" : "") + String(flags, radix: 16)
  }

  /// As EVE writes it.
  static func time(_ nanoseconds: Int64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return String(
      format: "%04d-%02d-%02dT%02d:%02d:%02d.%06d+0000", Int(parts.tm_year) + 1900,
      Int(parts.tm_mon) + 1, Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min),
      Int(parts.tm_sec), Int(nanoseconds % 1_000_000_000 / 1000))
  }
}

extension ExportSample {
  /// Any flow; its end is before `now`.
  static func random(_ id: UInt64, now: Int64, _ random: inout ExportRandom) -> ExportSample {
    var sample = ExportSample()
    sample.id = Bool.random(using: &random) ? id : (id << 40 | id)
    if Bool.random(using: &random) {
      func group() -> String { String(UInt16.random(in: 1...0xffff, using: &random), radix: 16) }
      sample.source = "2001:db8:\(group())::\(group())"
      sample.destination = "2001:db8:\(group()):\(group())::1"
    } else {
      func octet() -> UInt8 { UInt8.random(in: 1...254, using: &random) }
      sample.source = "10.\(octet()).\(octet()).\(octet())"
      sample.destination = "192.0.2.\(octet())"
    }
    switch Int.random(in: 0..<6, using: &random) {
    case 0:
      sample.proto = sample.isIPv6 ? "IPv6-ICMP" : "ICMP"
      sample.ports = nil
      sample.icmp = sample.isIPv6 ? (128, 3, 129) : (3, UInt8(id % 16), 0)
    case 1:
      sample.proto = ["GRE", "ESP", "OSPF", "253"].randomElement(using: &random) ?? "GRE"
      sample.ports = nil
    case 2:
      sample.proto = ["UDP", "SCTP"].randomElement(using: &random) ?? "UDP"
      sample.ports = (
        .random(in: 0 ... .max, using: &random), .random(in: 0 ... .max, using: &random)
      )
    default:
      sample.ports = (
        .random(in: 0 ... .max, using: &random), .random(in: 0 ... .max, using: &random)
      )
      sample.flags = (
        .random(in: 0 ... .max, using: &random), .random(in: 0 ... .max, using: &random)
      )
    }
    // Small ones, and ones that 32 bits do not hold.
    func count() -> UInt64 {
      UInt64.random(in: 1...(1 << UInt64.random(in: 1...50, using: &random)), using: &random)
    }
    sample.packets = (count(), Bool.random(using: &random) ? count() : 0)
    sample.octets = (sample.packets.0 * 60, sample.packets.1 * 1400)
    // Up to three years ago, beyond any uptime, or just now.
    let ages: [Int64] = [0, 3600, 86_400 * 20, 86_400 * 40, 86_400 * 1000]
    let age = (ages.randomElement(using: &random) ?? 0) * 1_000_000_000
    sample.end = now - age - Int64.random(in: 0..<1_000_000_000, using: &random)
    sample.start = sample.end - Int64.random(in: 0..<100_000_000_000, using: &random)
    sample.roundTrip = Int64.random(
      in: 0...min(sample.end - sample.start, 10_000_000_000), using: &random)
    sample.dscp = (.random(in: 0...63, using: &random), .random(in: 0...63, using: &random))
    sample.timeToLive = (.random(in: 0...255, using: &random), .random(in: 0...255, using: &random))
    if Bool.random(using: &random) { sample.vlan = .random(in: 1...4094, using: &random) }
    if Bool.random(using: &random) { sample.macs = ("02:00:00:00:00:0a", "02:00:00:00:00:0b") }
    if Bool.random(using: &random) {
      sample.interface = ["eth0", "eth1", "0000:3b:00.0"].randomElement(using: &random)
    }
    if Bool.random(using: &random) {
      sample.application = ["tls", "dns", "http"].randomElement(using: &random)
    }
    sample.endReason =
      ["idle_timeout", "end_of_flow", "forced_end", "lack_of_resources"]
      .randomElement(using: &random) ?? "idle_timeout"
    return sample
  }
}
