import FlowEngine
import Testing

@testable import Dissection

@Suite struct NTPTests {
  /// 2023-11-14T22:13:20 since 1900.
  static let now = Wire.be32(1_700_000_000 + 2_208_988_800)

  static func message(_ first: UInt8, stratum: UInt8, id: [UInt8]) -> [UInt8] {
    [first, stratum, 6, 0xec] + Wire.be32(0x0001_8000) + Wire.be32(0x0000_8000) + id
      + now + [0, 0, 0, 0] + [UInt8](repeating: 0, count: 8) + now + [0x80, 0, 0, 0]
      + now + [0x80, 0, 0, 0]
  }

  func ntp(_ datagrams: [(Bool, [UInt8])], port: Int = 123) -> [[String: Any]] {
    DNSDatagramTests.run(datagrams, port: port).records("ntp").compactMap {
      $0["ntp"] as? [String: Any]
    }
  }

  @Test func time() throws {
    let client: [UInt8] = [0x23] + [UInt8](repeating: 0, count: 39) + Self.now + [0, 0, 0, 0]
    for port in [123, 12_345] {
      let records = ntp(
        [(true, client), (false, Self.message(0x24, stratum: 2, id: [192, 0, 2, 7]))], port: port)
      try #require(records.count == 2)
      #expect(records[0]["mode_name"] as? String == "client" && records[0]["version"] as? Int == 4)
      #expect(records[0]["xmt_time"] as? String == "2023-11-14T22:13:20.000000+0000")
      #expect(records[0]["org_time"] == nil && records[0]["type"] as? String == "request")
      let server = records[1]
      #expect(server["stratum"] as? Int == 2 && server["poll"] as? Int == 6)
      #expect(server["precision"] as? Int == -20 && server["ref_id"] as? String == "192.0.2.7")
      #expect(server["root_delay"] as? Double == 1.5 && server["root_disp"] as? Double == 0.5)
      #expect(server["rec_time"] as? String == "2023-11-14T22:13:20.500000+0000")
    }
  }

  @Test func codes() throws {
    let kiss = ntp([(false, Self.message(0xe4, stratum: 0, id: Array("RATE".utf8)))])
    #expect(kiss.first?["kiss_code"] as? String == "RATE" && kiss.first?["leap"] as? Int == 3)
    let clock = ntp([(false, Self.message(0x24, stratum: 1, id: Array("GPS".utf8) + [0]))])
    #expect(clock.first?["ref_id"] as? String == "GPS")
  }

  @Test func controlAndPrivate() throws {
    let control = ntp([(true, [0x16, 0x82, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0])])
    #expect(control.first?["op_code"] as? Int == 2 && control.first?["response"] as? Bool == true)
    #expect(control.first?["association_id"] as? Int == 5)
    let monlist = ntp([(true, [0x17, 0, 3, 42, 0, 0, 0, 0])])
    #expect(monlist.first?["req_code"] as? Int == 42 && monlist.first?["mode"] as? Int == 7)
  }

  @Test func tails() {
    let message = Self.message(0x24, stratum: 2, id: [1, 2, 3, 4])
    let digest: [UInt8] = [0, 0, 0, 9] + [UInt8](repeating: 1, count: 16)
    #expect(ntp([(false, message + digest)]).first?["key_id"] as? Int == 9)
    let field: [UInt8] = [1, 4, 0, 28] + [UInt8](repeating: 1, count: 24)
    #expect(ntp([(false, message + field)]).first?["num_exts"] as? Int == 1)
  }

  @Test func everyCutIsHarmless() {
    let message = Self.message(0x24, stratum: 2, id: [1, 2, 3, 4])
    for first in [0x24, 0x16, 0x17, 0x25, 0] as [UInt8] {
      _ = DNSDatagramTests.runCuts([first] + message.dropFirst(), port: 123)
    }
  }
}
