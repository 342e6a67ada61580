import FlowEngine
import Testing

@testable import Dissection

@Suite struct TFTPTests {
  func request(_ opcode: UInt8, _ texts: [String]) -> [UInt8] {
    [0, opcode] + texts.flatMap { Array($0.utf8) + [0] }
  }

  @Test func requests() throws {
    for port in [69, 6969] {
      let bed = DNSDatagramTests.run(
        [
          (true, request(1, ["boot/pxe.0", "OCTET", "blksize", "1468", "tsize", "0"])),
          (true, request(2, ["up.bin", "netascii"])),
        ], port: port)
      let records = bed.records("tftp").compactMap { $0["tftp"] as? [String: Any] }
      try #require(records.count == 2)
      #expect(
        records[0]["packet"] as? String == "read" && records[0]["file"] as? String == "boot/pxe.0")
      #expect(records[0]["mode"] as? String == "OCTET" && records[0]["blksize"] as? Int == 1468)
      #expect(records[0]["tsize"] as? Int == 0)
      #expect(records[1]["packet"] as? String == "write")
    }
  }

  @Test func namesAreLeftOut() throws {
    var settings = DissectionSettings()
    settings.isHeaderOnly = true
    let bed = DNSDatagramTests.run(
      [(true, request(1, ["secret", "octet"]))], port: 69, settings: settings)
    #expect(bed.records("tftp").count == 1)
    #expect(!bed.lines.contains { $0.contains("secret") })
  }

  @Test func everyCutIsHarmless() {
    let bytes = request(1, ["file", "octet", "blksize", "512"])
    for length in 0...bytes.count {
      let bed = DNSDatagramTests.run([(true, Array(bytes.prefix(length)))], port: 69)
      #expect(bed.records("tftp").count == (length < 13 ? 0 : 1))
    }
  }
}
