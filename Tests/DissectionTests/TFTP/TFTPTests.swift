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

  private static func datagram(_ opcode: UInt8, _ number: UInt16, _ body: [UInt8] = []) -> [UInt8] {
    [0, opcode, UInt8(number >> 8), UInt8(number & 255)] + body
  }

  /// What begins as a transfer does and goes on otherwise is looked at anew, and nobody is told of it.
  @Test func whatLooksLikeATransfer() {
    let (first, zero) = (Self.datagram(3, 1, Array("hello".utf8)), Self.datagram(4, 0))
    let query = DNSBuild.query("a.example", id: 3)
    for (beginning, answer) in [
      (first, [0, 4, 0, 2]), (first, [0, 4, 0, 1, 0]), (zero, [0, 3, 0, 2, 9]), (zero, [7]),
      (first, query),
    ] {
      let bed = DNSDatagramTests.run(
        [(true, beginning), (false, answer), (true, query), (false, query)], port: 5353 + 1000)
      #expect(bed.records("flow").first?["app_proto"] as? String == "dns")
      #expect(bed.records("dns").count >= 1 && bed.records("fileinfo").isEmpty)
      #expect(bed.records("anomaly").isEmpty)
    }
    // One datagram proves nothing.
    let alone = DNSDatagramTests.run([(true, first)], port: 4000)
    #expect(alone.records("flow").first?["app_proto"] as? String == "failed")
  }

  /// Datagrams of any numbers in any order, with requests among them.
  @Test func nonsense() {
    var generator = SplitMix(state: 17)
    var settings = DissectionSettings()
    settings.hashesFiles = true
    for round in 0..<300 {
      var datagrams: [(Bool, [UInt8])] = []
      if round % 3 == 0 { datagrams.append((true, request(1, ["file", "octet"]))) }
      for _ in 0..<20 {
        let number = UInt16.random(in: 0...3, using: &generator) &- (round % 5 == 0 ? 2 : 0)
        let length = [0, 1, 511, 512, 513, 600].randomElement(using: &generator) ?? 0
        var bytes = Self.datagram(UInt8.random(in: 1...7, using: &generator), number)
        bytes += (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        if Int.random(in: 0...5, using: &generator) == 0 { bytes = Array(bytes.prefix(length % 6)) }
        datagrams.append((Bool.random(using: &generator), bytes))
      }
      _ = DNSDatagramTests.run(
        datagrams, port: round % 2 == 0 ? 69 : 6900, settings: settings, cut: round % 7)
    }
  }

  @Test func everyCutIsHarmless() {
    let bytes = request(1, ["file", "octet", "blksize", "512"])
    for length in 0...bytes.count {
      let bed = DNSDatagramTests.run([(true, Array(bytes.prefix(length)))], port: 69)
      #expect(bed.records("tftp").count == (length < 13 ? 0 : 1))
    }
  }
}
