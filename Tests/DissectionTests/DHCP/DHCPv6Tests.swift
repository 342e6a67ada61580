import FlowEngine
import Testing

@testable import Dissection

@Suite struct DHCPv6Tests {
  static func option(_ code: Int, _ data: [UInt8]) -> [UInt8] {
    Wire.be16(code) + Wire.be16(data.count) + data
  }

  static let duid: [UInt8] = [0, 3, 0, 1, 2, 3, 4, 5, 6, 7]
  static let address: [UInt8] = [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [9]

  static let reply: [UInt8] =
    [7, 1, 2, 3] + option(1, duid) + option(2, [0, 1, 0, 1, 0, 0, 0, 1, 9, 8, 7, 6, 5, 4])
    + option(
      3,
      Wire.be32(7) + Wire.be32(100) + Wire.be32(200)
        + option(5, address + Wire.be32(300) + Wire.be32(400)))
    + option(
      25,
      Wire.be32(8) + Wire.be32(0) + Wire.be32(0)
        + option(26, Wire.be32(5) + Wire.be32(6) + [56] + address)
        + option(13, [0, 6] + Array("none".utf8)))
    + option(23, address) + option(24, DNSBuild.name("a.example"))
    + option(39, [0] + DNSBuild.name("host.a.example")) + option(14, []) + option(7, [255])

  @Test func aReply() throws {
    let record = try #require(DHCPTests.dhcp([(false, Self.reply)], port: 547).first)
    #expect(record["version"] as? Int == 6 && record["type"] as? String == "reply")
    #expect(record["dhcp_type"] as? String == "reply" && record["id"] as? Int == 0x010203)
    #expect(record["client_id"] as? String == "00:03:00:01:02:03:04:05:06:07")
    #expect(record["client_mac"] as? String == "02:03:04:05:06:07")
    #expect(record["server_mac"] as? String == "09:08:07:06:05:04")
    let ia = try #require(record["ia"] as? [[String: Any]])
    try #require(ia.count == 2)
    #expect(ia[0]["type"] as? String == "na" && ia[0]["iaid"] as? Int == 7)
    #expect(ia[0]["renewal_time"] as? Int == 100 && ia[0]["rebinding_time"] as? Int == 200)
    let lease = try #require((ia[0]["addresses"] as? [[String: Any]])?.first)
    #expect(lease["preferred_lifetime"] as? Int == 300 && lease["valid_lifetime"] as? Int == 400)
    let prefix = try #require((ia[1]["prefixes"] as? [[String: Any]])?.first)
    #expect(prefix["length"] as? Int == 56)
    #expect(
      ia[1]["status"] as? String == "no_prefix_avail"
        && ia[1]["status_message"] as? String == "none")
    #expect((record["dns_servers"] as? [String])?.count == 1)
    #expect(record["domain_search"] as? [String] == ["a.example"])
    #expect(record["client_fqdn"] as? String == "host.a.example")
    #expect(record["rapid_commit"] as? Bool == true && record["preference"] as? Int == 255)
    #expect(record["options"] as? [Int] == [1, 2, 3, 25, 23, 24, 39, 14, 7])
  }

  @Test func relaysAreUnwrapped() throws {
    let solicit: [UInt8] =
      [1, 0, 0, 5] + Self.option(1, Self.duid) + Self.option(6, [0, 23, 0, 24])
      + Self.option(8, [0, 10]) + Self.option(16, Wire.be32(311) + [0, 4] + Array("MSFT".utf8))
    func wrap(_ inner: [UInt8], _ hops: UInt8) -> [UInt8] {
      [12, hops] + Self.address + Self.address + Self.option(18, Array("eth0".utf8))
        + Self.option(37, Wire.be32(9) + [1, 2]) + Self.option(9, inner)
    }
    let record = try #require(DHCPTests.dhcp([(true, wrap(wrap(solicit, 0), 1))], port: 547).first)
    #expect(record["dhcp_type"] as? String == "solicit" && record["elapsed"] as? Int == 100)
    #expect(record["params"] as? [String] == ["dns_server", "domain"])
    #expect(
      record["enterprise"] as? Int == 311 && record["vendor_class_identifier"] as? String == "MSFT")
    let relays = try #require(record["relays"] as? [[String: Any]])
    #expect(relays.map { $0["hops"] as? Int } == [1, 0])
    #expect(relays[0]["interface_id"] as? String == "eth0")
    #expect(relays[0]["remote_id"] as? String == "01:02")
    // Too deep: no record, and a name for it.
    var deep = solicit
    for hops in 0..<9 { deep = wrap(deep, UInt8(hops)) }
    let bed = DNSDatagramTests.run([(true, deep)], port: 547)
    #expect(bed.records("dhcp").isEmpty && bed.counters[.appMalformed] == 1)
  }

  @Test func everyCutIsHarmless() {
    _ = DNSDatagramTests.runCuts(Self.reply, port: 547)
  }
}
