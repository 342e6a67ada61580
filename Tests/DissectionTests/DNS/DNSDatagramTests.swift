import FlowEngine
import Foundation
import Testing

@testable import Dissection

@Suite struct DNSDatagramTests {
  /// What a bed makes of datagrams: from the client where true.
  static func run(
    _ datagrams: [(Bool, [UInt8])], port: Int = 53, settings: DissectionSettings? = nil,
    cut: Int = 0
  ) -> DissectionBed {
    var wanted = settings ?? DissectionSettings()
    wanted.wantsHiddenRecords = true
    wanted.bufferBytes = 256 << 10
    let bed = DissectionBed(wanted, flows: 64)
    let wire = Wire(on: bed, to: port)
    for (toServer, bytes) in datagrams { wire.datagram(bytes, toServer: toServer, cut: cut) }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  /// Transactions are counted, not records: two questions are one, and a flow that was left in between goes on
  /// with its numbers.
  @Test func transactionsOfSeveralQuestions() {
    let two =
      DNSBuild.header(id: 1, flags: 0x0100, 2) + DNSBuild.question("a.example")
      + DNSBuild.question("b.example")
    let bed = Self.run([
      (true, two), (false, DNSBuild.answer("a.example", id: 1, [])),
      (true, DNSBuild.query("c.example", id: 2)),
      (false, DNSBuild.answer("c.example", id: 2, [])),
    ])
    #expect(bed.records("dns").map { $0["tx_id"] as? Int } == [0, 0, 1, 2, 3])
  }

  /// A bed for each datagram's beginnings of every length, a flow for each; `first` goes before it.
  static func runCuts(_ message: [UInt8], after first: [UInt8]? = nil, port: Int = 53)
    -> DissectionBed
  {
    var wanted = DissectionSettings()
    wanted.wantsHiddenRecords = true
    let bed = DissectionBed(wanted)
    for length in 0...message.count {
      let wire = Wire(on: bed, to: port, from: 20_000 + length)
      if let first { wire.datagram(first, toServer: true) }
      wire.datagram(Array(message.prefix(length)), toServer: false)
      wire.datagram(Array(message.prefix(length)), toServer: true)
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  static func dns(_ bed: DissectionBed) -> [[String: Any]] {
    bed.records("dns").map { $0["dns"] as? [String: Any] ?? [:] }
  }

  static func data(_ type: Int, _ data: [UInt8]) -> [String: Any] {
    let bed = run([
      (true, DNSBuild.query("a.example", type)),
      (false, DNSBuild.answer("a.example", type, [DNSBuild.record(type, data)])),
    ])
    let answers = dns(bed).last?["answers"] as? [[String: Any]]
    return answers?.first ?? [:]
  }

  @Test func aQueryAndItsAnswer() throws {
    let bed = Self.run([
      (true, DNSBuild.query("www.Example.com")),
      (
        false,
        DNSBuild.answer(
          "www.Example.com",
          [
            DNSBuild.record(5, DNSBuild.name("host.example.com")),
            DNSBuild.record(1, [192, 0, 2, 1]), DNSBuild.record(1, [192, 0, 2, 2], ttl: 9),
          ], authorities: [DNSBuild.record(2, DNSBuild.name("ns.example.com"))],
          additionals: [DNSBuild.record(28, [UInt8](repeating: 0, count: 15) + [1])])
      ),
    ])
    let records = bed.records("dns")
    try #require(records.count == 2)
    let query = try #require(records[0]["dns"] as? [String: Any])
    #expect(query["type"] as? String == "query")
    #expect(query["id"] as? Int == 0x1234)
    #expect(query["rrname"] as? String == "www.Example.com")
    #expect(query["rrtype"] as? String == "A")
    #expect(query["tx_id"] as? Int == 0)
    #expect(query["opcode"] as? Int == 0)
    let answer = try #require(records[1]["dns"] as? [String: Any])
    #expect(answer["version"] as? Int == 2)
    #expect(answer["flags"] as? String == "8180")
    #expect(answer["qr"] as? Bool == true && answer["rd"] as? Bool == true)
    #expect(answer["ra"] as? Bool == true && answer["aa"] == nil && answer["tc"] == nil)
    #expect(answer["rcode"] as? String == "NOERROR")
    #expect(abs((answer["rtt"] as? Double ?? 0) - 0.001) < 0.00001)
    let answers = try #require(answer["answers"] as? [[String: Any]])
    #expect(
      answers.map { $0["rdata"] as? String } == ["host.example.com", "192.0.2.1", "192.0.2.2"])
    #expect(answers.map { $0["ttl"] as? Int } == [300, 300, 9])
    let grouped = try #require(answer["grouped"] as? [String: [String]])
    #expect(grouped == ["A": ["192.0.2.1", "192.0.2.2"], "CNAME": ["host.example.com"]])
    let authorities = try #require(answer["authorities"] as? [[String: Any]])
    #expect(authorities[0]["rdata"] as? String == "ns.example.com")
    let additionals = try #require(answer["additionals"] as? [[String: Any]])
    #expect(additionals[0]["rdata"] as? String == "0000:0000:0000:0000:0000:0000:0000:0001")
    // The asker is the source of both.
    #expect(records.allSatisfy { $0["src_ip"] as? String == "10.0.0.1" })
    #expect(records.map { $0["tx_id"] as? Int } == [0, 1])
  }

  @Test func aPairIsWhatZeekLogs() throws {
    let bed = Self.run([
      (true, DNSBuild.query("WWW.example.com", id: 1)),
      (true, DNSBuild.query("other.example.com", 16, id: 2)),
      (false, DNSBuild.answer("www.example.com", id: 1, [DNSBuild.record(1, [1, 2, 3, 4])])),
      (false, DNSBuild.answer("alone.example.com", id: 3, flags: 0x8183, [])),
    ])
    try #require(bed.hidden.count == 3)
    let pair = bed.hidden[0]
    #expect(pair["query"] as? String == "www.example.com")
    #expect(pair["trans_id"] as? Int == 1 && pair["qtype"] as? Int == 1)
    #expect(pair["answers"] as? [String] == ["1.2.3.4"])
    #expect(pair["TTLs"] as? [Int] == [300])
    #expect(pair["rcode"] as? Int == 0 && pair["RD"] as? Bool == true)
    #expect(abs((pair["rtt"] as? Int ?? 0) - 2_000_000) < 1000)
    // Nobody asked for it.
    #expect(bed.hidden[1]["trans_id"] as? Int == 3 && bed.hidden[1]["rcode"] as? Int == 3)
    #expect(bed.hidden[1]["rejected"] as? Bool == true)
    // Nobody answered it: told at the end.
    #expect(bed.hidden[2]["query"] as? String == "other.example.com")
    #expect(bed.hidden[2]["rcode"] == nil)
  }

  @Test func manyOpenQueriesAreBounded() {
    let bed = Self.run((0..<100).map { (true, DNSBuild.query("q\($0).example", id: $0)) })
    #expect(Self.dns(bed).count == 100)
    #expect(bed.hidden.count == 100)
    #expect(bed.hidden.first?["query"] as? String == "q0.example")
    #expect(bed.counters[.appTooManyTransactions] > 0)
  }

  @Test func dataOfTypesThatSuricataHas() throws {
    #expect(
      Self.data(15, [0, 10] + DNSBuild.name("mx.example"))["rdata"] as? String == "mx.example")
    #expect(Self.data(15, [0, 10] + DNSBuild.name("mx.example"))["preference"] as? Int == 10)
    #expect(Self.data(12, DNSBuild.name("ptr.example"))["rdata"] as? String == "ptr.example")
    #expect(Self.data(10, [0x61, 0x62])["rdata"] as? String == "ab")
    let numbers = [1, 2, 3, 4, 5].flatMap { Wire.be32(UInt32($0)) }
    let soa = Self.data(6, DNSBuild.name("m.example") + DNSBuild.name("r.example") + numbers)
    let fields = try #require(soa["soa"] as? [String: Any])
    #expect(fields["mname"] as? String == "m.example" && fields["rname"] as? String == "r.example")
    #expect(fields["serial"] as? Int == 1 && fields["minimum"] as? Int == 5)
    let srv = Self.data(33, [0, 1, 0, 2, 0x13, 0xc4] + DNSBuild.name("s.example"))
    let service = try #require(srv["srv"] as? [String: Any])
    #expect(service["port"] as? Int == 5060 && service["name"] as? String == "s.example")
    let sshfp = try #require(Self.data(44, [1, 2, 0xab, 0xcd])["sshfp"] as? [String: Any])
    #expect(sshfp["fingerprint"] as? String == "ab:cd" && sshfp["type"] as? Int == 2)
  }

  @Test func everyStringOfATextIsAnAnswer() throws {
    let bed = Self.run([
      (
        false,
        DNSBuild.answer("t.example", 16, [DNSBuild.record(16, [2, 0x61, 0x62, 0, 1, 0x63])])
      )
    ])
    let answer = try #require(Self.dns(bed).first)
    let answers = try #require(answer["answers"] as? [[String: Any]])
    #expect(answers.map { $0["rdata"] as? String } == ["ab", "", "c"])
    #expect((answer["grouped"] as? [String: [String]])?["TXT"] == ["ab", "", "c"])
    #expect(bed.hidden[0]["answers"] as? [String] == ["TXT 2 ab TXT 0  TXT 1 c"])
    // The first packet is an answer: the asker is the source all the same.
    #expect(bed.records("dns")[0]["src_ip"] as? String == "10.0.0.1")
  }

  @Test(arguments: [
    (43, [0x30, 0x39, 8, 2, 0xab], "12345 8 2 ab"),
    (257, [0, 5] + Array("issueca.example".utf8), "0 issue \"ca.example\""),
    (13, [1, 0x41, 1, 0x42], "\"A\" \"B\""),
    (39, DNSBuild.name("d.example"), "d.example"),
    (47, DNSBuild.name("n.example") + [0, 1, 0x40], "n.example A"),
    (52, [3, 1, 1, 0xff], "3 1 1 ff"),
    (35, [0, 1, 0, 2, 1, 0x55, 1, 0x53, 0, 0], "1 2 \"U\" \"S\" \"\" ."),
    (256, [0, 1, 0, 2] + Array("a\"b".utf8), "1 2 \"a\\\"b\""),
    (51, [1, 0, 0, 10, 0], "1 0 10 -"),
    (50, [1, 0, 0, 10, 1, 0xaa, 2, 1, 2, 0, 1, 0x40], "1 0 10 aa 0102 A"),
    (64, [0, 1, 0, 0, 1, 0, 3, 2, 0x68, 0x32, 0, 3, 0, 2, 1, 0xbb], "1 . alpn=\"h2\" port=443"),
    (65, [0, 1, 0, 0, 4, 0, 4, 1, 2, 3, 4], "1 . ipv4hint=1.2.3.4"),
    (
      46, [0, 1, 8, 2, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 1, 0, 7] + DNSBuild.name("s.example"),
      "A 8 2 60 2 1 7 s.example"
    ),
    (48, [1, 1, 3, 8, 0, 0], "257 3 8 ; key id = 1033"),
    (65_280, [1, 2], "\\# 2 0102"),
  ]) func dataOfOtherTypes(_ type: Int, _ data: [UInt8], _ text: String) {
    #expect(Self.data(type, data)["rdata"] as? String == text)
  }

  @Test func types() {
    let bed = Self.run([(true, DNSBuild.query("x", 65)), (true, DNSBuild.query("y", 65_280))])
    #expect(Self.dns(bed).map { $0["rrtype"] as? String } == ["HTTPS", "65280"])
  }

  @Test func extensions() throws {
    let options: [UInt8] =
      [0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2] + [0, 10, 0, 8] + [UInt8](repeating: 7, count: 8)
      + [0, 12, 0, 2, 0, 0]
    let opt =
      [0] + Wire.be16(41) + Wire.be16(1232) + Wire.be32(0x0100_8000)
      + Wire.be16(options.count) + options
    let bed = Self.run([(true, DNSBuild.query("e.example", additional: [opt]))])
    let edns = try #require(Self.dns(bed).first?["edns"] as? [String: Any])
    #expect(edns["version"] as? Int == 0 && edns["udp_size"] as? Int == 1232)
    #expect(edns["do"] as? Bool == true && edns["rcode"] as? String == "BADVERS/BADSIG")
    #expect(edns["client_subnet"] as? String == "192.0.2.0/24")
    #expect(edns["cookie"] as? String == "client" && edns["padding"] as? Int == 2)
    #expect(edns["options"] as? [Int] == [8, 10, 12])
    #expect(!bed.lines.contains { $0.contains("0707") })
  }

  @Test func multicast() throws {
    let bed = Self.run(
      [
        (
          true,
          DNSBuild.header(id: 0, flags: 0, 1)
            + DNSBuild.question("_ipp._tcp.local", 12, class: 0x8001)
        ),
        (
          true,
          DNSBuild.header(id: 0, flags: 0x8400, 0, 1)
            + DNSBuild.record(
              1, [10, 0, 0, 1], class: 0x8001, name: DNSBuild.name("printer.local"))
        ),
      ], port: 5353)
    let records = Self.dns(bed)
    try #require(records.count == 2)
    #expect(records[0]["unicast_response"] as? Bool == true && records[0]["rrclass"] == nil)
    let answers = try #require(records[1]["answers"] as? [[String: Any]])
    #expect(answers[0]["cache_flush"] as? Bool == true)
    // What is announced is no answer to what the same host asked.
    #expect(records[1]["rtt"] == nil && records[1]["rrname"] == nil)
  }

  @Test func aCutDatagramIsMarked() throws {
    let records = (0..<4).map { DNSBuild.record(1, [10, 0, 0, UInt8($0)]) }
    let bed = Self.run([(false, DNSBuild.answer("c.example", records))], cut: 20)
    let record = try #require(Self.dns(bed).first)
    #expect(record["incomplete"] as? Bool == true && record["missing_bytes"] as? Int == 20)
    #expect((record["answers"] as? [Any])?.count == 2)
    #expect(bed.counters[.appMalformed] == 0)
  }

  @Test func everyCutIsHarmless() {
    let message = DNSBuild.answer(
      "every.example", 6,
      [
        DNSBuild.record(
          6, DNSBuild.name("m") + DNSBuild.name("r") + [UInt8](repeating: 1, count: 20)),
        DNSBuild.record(33, [0, 1, 0, 2, 0, 3] + DNSBuild.name("t")),
        DNSBuild.record(65, [0, 1, 0, 0, 1, 0, 3, 2, 0x68, 0x32]),
        DNSBuild.record(46, [UInt8](repeating: 0, count: 18) + DNSBuild.name("s")),
      ], additionals: [DNSBuild.record(41, [0, 8, 0, 4, 0, 1, 0, 0], name: [0])])
    let bed = Self.runCuts(message, after: DNSBuild.query("a.example"))
    #expect(Self.dns(bed).count > message.count)
  }
}

@Suite struct DNSParkingTests {
  /// A flow whose queries are answered holds no state; its next query is told all the same.
  @Test func answeredFlowsHoldNothing() {
    let bed = DissectionBed(DissectionSettings(), flows: 64)
    let wire = Wire(on: bed, to: 53)
    for id in 0..<5 {
      wire.datagram(DNSBuild.query("p.example", id: id), toServer: true)
      #expect(bed.statesInUse == 1)
      wire.datagram(
        DNSBuild.answer("p.example", id: id, [DNSBuild.record(1, [1, 2, 3, 4])]), toServer: false)
      #expect(bed.statesInUse == 0)
    }
    bed.finish()
    let records = DNSDatagramTests.dns(bed)
    #expect(records.count == 10)
    #expect(records.compactMap { $0["tx_id"] as? Int } == [0, 2, 4, 6, 8])
    #expect(bed.counters[.dissectedFlows] == 1)
  }

  @Test func aBareError() {
    let bed = DNSDatagramTests.run([
      (true, DNSBuild.query("e.example")), (false, DNSBuild.header(flags: 0x8181, 0)),
    ])
    let records = DNSDatagramTests.dns(bed)
    #expect(records.count == 2 && records.last?["rcode"] as? String == "FORMERR")
    #expect(records.last?["rtt"] != nil && bed.counters[.appOneDirection] == 0)
  }
}
