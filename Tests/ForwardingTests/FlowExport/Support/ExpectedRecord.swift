import Foundation

@testable import Forwarding

/// What a collector must read of a direction of a made-up flow.
struct ExpectedRecord: Hashable {
  var source: String
  var destination: String
  var sourcePort: UInt16
  var destinationPort: UInt16
  var proto: UInt8
  var packets: UInt64
  var octets: UInt64
  var flags: UInt8
  var typeOfService: UInt8
  /// Milliseconds since 1970.
  var start: Int64
  var end: Int64
  var vlan: UInt16
  var id: UInt64

  /// The one or two records of a flow.
  static func of(_ sample: ExportSample) -> [ExpectedRecord] {
    var records: [ExpectedRecord] = []
    let proto: UInt8 =
      [
        "TCP": 6, "UDP": 17, "ICMP": 1, "IPv6-ICMP": 58, "SCTP": 132, "GRE": 47, "ESP": 50,
        "OSPF": 89, "253": 253,
      ][sample.proto] ?? 255
    let isTCP = sample.proto == "TCP"
    if sample.packets.0 > 0 {
      records.append(
        ExpectedRecord(
          source: sample.source, destination: sample.destination,
          sourcePort: sample.ports?.0 ?? 0, destinationPort: sample.ports?.1 ?? 0, proto: proto,
          packets: sample.packets.0, octets: sample.octets.0, flags: isTCP ? sample.flags.0 : 0,
          typeOfService: sample.dscp.0 * 4, start: sample.start / 1_000_000,
          end: sample.end / 1_000_000, vlan: sample.vlan ?? 0, id: sample.id))
    }
    if sample.packets.1 > 0 {
      records.append(
        ExpectedRecord(
          source: sample.destination, destination: sample.source,
          sourcePort: sample.ports?.1 ?? 0, destinationPort: sample.ports?.0 ?? 0, proto: proto,
          packets: sample.packets.1, octets: sample.octets.1, flags: isTCP ? sample.flags.1 : 0,
          typeOfService: sample.dscp.1 * 4,
          start: (sample.start + sample.roundTrip) / 1_000_000, end: sample.end / 1_000_000,
          vlan: sample.vlan ?? 0, id: sample.id))
    }
    return records
  }

  /// An address in its one short form.
  static func address(_ bytes: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: 64)
    _ = inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, 64)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func normal(_ address: String) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, address, &bytes) == 1 { return self.address(Array(bytes[..<4])) }
    return inet_pton(AF_INET6, address, &bytes) == 1 ? self.address(bytes) : address
  }

  /// As decoded by ``ExportDecoder``.
  init?(_ record: ExportDecoder.Record) {
    guard let source = record.bytes(8) ?? record.bytes(27),
      let destination = record.bytes(12) ?? record.bytes(28), let proto = record.number(4),
      let packets = record.number(2), let octets = record.number(1), let id = record.number(148)
    else { return nil }
    self.source = Self.address(source)
    self.destination = Self.address(destination)
    sourcePort = UInt16(record.number(7) ?? 0)
    destinationPort = UInt16(record.number(11) ?? 0)
    self.proto = UInt8(proto)
    self.packets = packets
    self.octets = octets
    flags = UInt8(record.number(6) ?? 0)
    typeOfService = UInt8(record.number(5) ?? 0)
    vlan = UInt16(record.number(58) ?? 0)
    self.id = id
    // As a NetFlow v9 collector reckons: the time of uptime 0, and the uptime.
    let boot = Int64(record.exportSeconds) * 1000 - Int64(record.uptime)
    guard
      let start = record.number(152).map(Int64.init) ?? record.number(22).map({ boot + Int64($0) }),
      let end = record.number(153).map(Int64.init) ?? record.number(21).map({ boot + Int64($0) })
    else { return nil }
    self.start = start
    self.end = end
  }

  init(
    source: String, destination: String, sourcePort: UInt16, destinationPort: UInt16, proto: UInt8,
    packets: UInt64, octets: UInt64, flags: UInt8, typeOfService: UInt8, start: Int64, end: Int64,
    vlan: UInt16, id: UInt64
  ) {
    self.source = Self.normal(source)
    self.destination = Self.normal(destination)
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.proto = proto
    self.packets = packets
    self.octets = octets
    self.flags = flags
    self.typeOfService = typeOfService
    self.start = start
    self.end = end
    self.vlan = vlan
    self.id = id
  }
}
