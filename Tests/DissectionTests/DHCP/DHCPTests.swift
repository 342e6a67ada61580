import FlowEngine
import Testing

@testable import Dissection

@Suite struct DHCPTests {
  static func message(
    reply: Bool, _ options: [[UInt8]], file: [UInt8] = [], serverName: [UInt8] = []
  ) -> [UInt8] {
    var bytes: [UInt8] = [reply ? 2 : 1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 3, 0x80, 0]
    bytes += [0, 0, 0, 0] + (reply ? [10, 0, 0, 9] : [0, 0, 0, 0])
    bytes += reply ? [10, 0, 0, 2, 10, 0, 0, 3] : [0, 0, 0, 0, 0, 0, 0, 0]
    bytes += [0, 1, 2, 3, 4, 5] + [UInt8](repeating: 0, count: 10)
    bytes += serverName + [UInt8](repeating: 0, count: 64 - serverName.count)
    bytes += file + [UInt8](repeating: 0, count: 128 - file.count)
    return bytes + [0x63, 0x82, 0x53, 0x63] + options.flatMap { $0 } + [255]
  }

  static func option(_ code: UInt8, _ data: [UInt8]) -> [UInt8] {
    [code, UInt8(data.count)] + data
  }
  static func option(_ code: UInt8, _ text: String) -> [UInt8] { option(code, Array(text.utf8)) }

  static func dhcp(
    _ datagrams: [(Bool, [UInt8])], port: Int = 67, settings: DissectionSettings? = nil
  ) -> [[String: Any]] {
    DNSDatagramTests.run(datagrams, port: port, settings: settings).records("dhcp").compactMap {
      $0["dhcp"] as? [String: Any]
    }
  }

  @Test func aRequest() throws {
    let records = Self.dhcp([
      (
        true,
        Self.message(
          reply: false,
          [
            Self.option(53, [1]), Self.option(61, [1, 0, 1, 2, 3, 4, 5]),
            Self.option(50, [10, 0, 0, 9]),
            Self.option(12, "laptop"), Self.option(60, "MSFT 5.0"), [0, 0],
            Self.option(55, [1, 3, 6, 15, 99]),
            Self.option(81, [0, 0, 0] + Array("laptop.example".utf8)),
          ])
      )
    ])
    let record = try #require(records.first)
    #expect(record["type"] as? String == "request" && record["dhcp_type"] as? String == "discover")
    #expect(record["id"] as? Int == 0xdead_beef)
    #expect(record["client_mac"] as? String == "00:01:02:03:04:05")
    #expect(record["client_id"] as? String == "00:01:02:03:04:05")
    #expect(record["requested_ip"] as? String == "10.0.0.9")
    #expect(record["hostname"] as? String == "laptop")
    #expect(record["vendor_class_identifier"] as? String == "MSFT 5.0")
    #expect(record["params"] as? [String] == ["subnet_mask", "router", "dns_server", "domain"])
    #expect(record["param_codes"] as? [Int] == [1, 3, 6, 15, 99])
    #expect(record["client_fqdn"] as? String == "laptop.example")
    #expect(record["options"] as? [Int] == [53, 61, 50, 12, 60, 55, 81])
    #expect(record["broadcast"] as? Bool == true && record["seconds"] as? Int == 3)
    #expect(record["relay_ip"] == nil)
  }

  @Test func aReply() throws {
    let bytes = Self.message(
      reply: true,
      [
        Self.option(53, [5]), Self.option(51, [0, 0, 14, 16]), Self.option(58, [0, 0, 7, 8]),
        Self.option(59, [0, 0, 12, 78]), Self.option(1, [255, 255, 255, 0]),
        Self.option(54, [10, 0, 0, 2]),
        Self.option(3, [10, 0, 0, 1]), Self.option(6, [10, 0, 0, 53, 10, 0, 1, 53]),
        Self.option(15, "example.com"), Self.option(52, [2]), Self.option(56, "hello"),
        Self.option(121, [24, 192, 0, 2, 10, 0, 0, 1]), Self.option(82, Self.option(1, "port 7")),
        Self.option(119, DNSBuild.name("a.example") + [1, 0x62, 0xc0, 2]),
      ], file: Array("pxe.0".utf8), serverName: Self.option(42, [10, 0, 0, 123]) + [255])
    // The server's answer from its own port: the packet's sender is the source.
    let bed = DNSDatagramTests.run([(false, bytes)], port: 67)
    let line = try #require(bed.records("dhcp").first)
    #expect(line["src_ip"] as? String == "10.0.0.2")
    let record = try #require(line["dhcp"] as? [String: Any])
    #expect(record["type"] as? String == "reply" && record["dhcp_type"] as? String == "ack")
    #expect(
      record["assigned_ip"] as? String == "10.0.0.9" && record["client_ip"] as? String == "0.0.0.0")
    #expect(record["relay_ip"] as? String == "10.0.0.3")
    #expect(record["next_server_ip"] as? String == "10.0.0.2")
    #expect(record["lease_time"] as? Int == 3600 && record["renewal_time"] as? Int == 1800)
    #expect(record["rebinding_time"] as? Int == 3150)
    #expect(record["subnet_mask"] as? String == "255.255.255.0")
    #expect(record["dns_servers"] as? [String] == ["10.0.0.53", "10.0.1.53"])
    #expect(record["routers"] as? [String] == ["10.0.0.1"])
    #expect(
      record["server_id"] as? String == "10.0.0.2" && record["domain"] as? String == "example.com")
    #expect(record["message"] as? String == "hello" && record["boot_file"] as? String == "pxe.0")
    #expect(record["ntp_servers"] as? [String] == ["10.0.0.123"] && record["server_name"] == nil)
    #expect(record["domain_search"] as? [String] == ["a.example", "b.example"])
    let route = try #require((record["static_routes"] as? [[String: Any]])?.first)
    #expect(route["destination"] as? String == "192.0.2.0/24")
    #expect((record["relay_agent"] as? [String: Any])?["circuit_id"] as? String == "port 7")
    #expect(bed.counters[.appMalformed] == 0)
    var settings = DissectionSettings()
    settings.isHeaderOnly = true
    #expect(Self.dhcp([(false, bytes)], settings: settings).first?["message"] == nil)
  }

  @Test func brokenOptionsAreTold() {
    let bed = DNSDatagramTests.run(
      [
        (true, Array(Self.message(reply: false, [Self.option(53, [1]), [50, 200, 1]]).dropLast()))
      ],
      port: 67)
    #expect(bed.records("dhcp").count == 1)
    #expect(bed.counters[.appMalformed] == 1)
  }

  @Test func everyCutIsHarmless() {
    let bytes = Self.message(
      reply: true,
      [Self.option(53, [5]), Self.option(119, [1, 0x61, 0xc0, 0]), Self.option(121, [33])])
    _ = DNSDatagramTests.runCuts(bytes, port: 67)
  }
}
