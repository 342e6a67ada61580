import FlowEngine
import Testing

@testable import Dissection

/// What the first bytes of a stream tell does not depend on how many of them came at once: a probe may wait
/// for more, and once it has said yes or no, more bytes do not change it.
struct ProbeTests {
  private static let ports: [UInt16] = [
    21, 22, 23, 25, 53, 80, 88, 110, 143, 389, 443, 445, 502, 514, 1194, 1883, 3389, 5060, 8080,
    40_000,
  ]
  private static let protocols = AppProtocol.allCases.filter { $0 != .unknown && $0 != .failed }

  /// First bytes of many protocols, and what is like them.
  private static let beginnings: [[UInt8]] =
    [
      "POST abcd12345\nUSER x\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nGET /x\n",
      "HTTP/1.1 400 Bad\r\n",
      "HTTP/x\r\n", "ICY 200 OK\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "SSH-2.0-OpenSSH_9\r\n",
      "SSH-",
      "220 mail.example.org ESMTP\r\n", "220-a\r\n220 b\r\n", "220 (vsFTPd 3.0.5)\r\n",
      "EHLO a\r\n", "EHLO a HTTP/1.0\r\n\r\n", "a1 login b HTTP/1.0\r\n\r\n", "USER a\r\n",
      "USER abab1212 \"zz\" \"yy\" :f6e1 l6e13\n", "+OK ready\r\n", "+OK)x POP3\r\n", "-ERR no\r\n",
      "220)x ESMTP\r\n", "220\r\n", "* OKAY\r\n", "* OK IMAP4rev1\r\n",
      "a1 LOGIN x y\r\n",
      "a LOGOUT\r\n", "STLS\r\n", "CAPA\r\n", "NICK a\r\n", "INVITE sip:a@b SIP/2.0\r\n",
      "SIP/2.0 200 OK\r\n", "INVITE sip:a@b POST / HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS sip:a SIP/2.0\r\n", "OPTIONS * HTTP/1.1\r\n", "login: ", "Welcome\r\nlogin: ",
      "<34>1 2003-10-11T22:14:15.003Z a b c\r\n",
      "<34>Oct 11 22:14:15 a su: b\n", "123 <34>1 2003-10-11T22:14:15.003Z a b c",
      "\u{13}BitTorrent protocol",
      "RTSP/1.0 200 OK\r\n", "M-SEARCH * HTTP/1.1\r\n", "CONNECT a:443 HTTP/1.1\r\n", "abc",
      "\n\n\n\n\n\n", "    ",
    ].map { Array($0.utf8) } + [
      [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3], [0x16, 3, 9, 0, 200, 1],
      [0x80, 0x2e, 1, 3, 1, 0, 21],
      [0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0], [0x50, 2, 0, 1],
      [0x20, 2, 0, 0],
      [
        0, 29, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c,
        0x65, 0, 0, 1, 0, 1,
      ],
      [0, 0, 0, 0x2f, 0xff, 0x53, 0x4d, 0x42, 0x72],
      [0, 0, 0, 0x44, 0xfe, 0x53, 0x4d, 0x42, 64, 0],
      [3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0],
      [5, 0, 0x0b, 3, 0x10, 0, 0, 0, 72, 0, 0, 0],
      [0x80, 0, 0, 0x28, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3],
      [0, 0, 0, 80, 0x6a, 78, 0x30],
      [0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0], [0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1],
      [5, 0x64, 5, 0xc9, 1, 0, 0, 4, 0xe9, 0x21], [0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4],
      [0, 14, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0], [0xff, 0xfd, 1, 0xff, 0xfd, 31],
      [0xff, 0xff], [0],
    ]

  /// The words of a text that is given, as bytes of its own memory.
  private static func verdict(
    _ proto: AppProtocol, _ bytes: ArraySlice<UInt8>, _ context: ProbeContext
  ) -> String {
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return "maybe" }
      return "\(Dissection.probe(proto, Bytes(base, buffer.count), context))"
    }
  }

  /// A line without an end for long.
  private static let longLines: [[UInt8]] = [
    "220 mail", "HELP ", "EHLO ", "GET ", "* OK ", "NOOP ", "+OK ", "SSH-2.0-", "INVITE sip:",
    "<34>1 ", "POST x",
  ].map { Array(($0 + String(repeating: "x", count: 1500) + " smtp\r\n").utf8) }

  private static func check(_ bytes: [UInt8], _ faults: inout [String], step: Int = 1) {
    for port in ports {
      for isToServer in [true, false] {
        let context = ProbeContext(
          isToServer: isToServer, isTCP: true, serverPort: port, clientPort: 40_001)
        for proto in protocols {
          var settled: (verdict: String, length: Int)?
          for length in stride(from: 1, through: bytes.count, by: step) {
            let now = verdict(proto, bytes[..<length], context)
            if let settled, settled.verdict != now {
              let text = String(decoding: bytes.prefix(40), as: UTF8.self).debugDescription
              faults.append(
                "\(proto), port \(port), \(isToServer ? "to server" : "to client"): \(settled.verdict) "
                  + "after \(settled.length) bytes, \(now) after \(length) of \(text)")
              break
            }
            if now != "maybe" { settled = settled ?? (now, length) }
          }
        }
      }
    }
  }

  @Test func moreBytesDoNotChangeWhatWasTold() {
    var faults: [String] = []
    for bytes in Self.beginnings { Self.check(bytes, &faults) }
    for bytes in Self.longLines { Self.check(bytes, &faults, step: 97) }
    // And changed at random, always in the same way.
    var state: UInt32 = 7
    func random(_ limit: Int) -> Int {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Int(state >> 8) % limit
    }
    for _ in 0..<100 {
      var bytes = Self.beginnings[random(Self.beginnings.count)]
      let other = Self.beginnings[random(Self.beginnings.count)]
      if random(2) == 0 { bytes = Array(bytes.prefix(random(bytes.count + 1))) + other }
      for _ in 0...random(3) where !bytes.isEmpty {
        bytes[random(bytes.count)] = UInt8(random(256))
      }
      if !bytes.isEmpty { Self.check(Array(bytes.prefix(60)), &faults) }
    }
    // One of each kind says enough.
    var kinds: [Substring: String] = [:]
    for fault in faults { kinds[fault.prefix { $0 != "," }] = fault }
    #expect(
      faults.isEmpty, "\(faults.count), as \(kinds.values.sorted().joined(separator: "\n"))")
  }

  /// Nor does the port: who is sure of himself sooner than another one would be before him in the order, if
  /// the bytes come one by one.
  @Test func whatIsToldDoesNotDependOnTheSegments() {
    struct Beginning: Hashable {
      var port: UInt16
      var toServer: Bool
      var bytes: [UInt8]
    }
    let all = Self.ports.flatMap { port in
      [true, false].flatMap { toServer in
        Self.beginnings.map { Beginning(port: port, toServer: toServer, bytes: $0) }
      }
    }
    func told(size: Int) -> [Int: String] {
      let bed = DissectionBed()
      var time = 1_700_000_000.0
      for (place, one) in all.enumerated() {
        let wire = Wire(on: bed, to: Int(one.port), from: 41_000 + place)
        wire.time = time
        wire.handshake()
        wire.send(one.bytes, toServer: one.toServer, size: size)
        wire.close()
        time = wire.time
      }
      bed.finish()
      return bed.records("flow").reduce(into: [:]) { told, flow in
        guard let port = flow["src_port"] as? Int else { return }
        told[port - 41_000] = "\(flow["app_proto"] ?? "")"
      }
    }
    let whole = told(size: 1460)
    let cut = told(size: 1)
    #expect(whole.count == all.count && cut.count == all.count)
    let faults = all.indices.filter { whole[$0] != cut[$0] }.map { place in
      let one = all[place]
      let text = String(decoding: one.bytes.prefix(40), as: UTF8.self).debugDescription
      return "\(text), port \(one.port), \(one.toServer ? "to server" : "to client"): "
        + "\(whole[place] ?? "none"), but \(cut[place] ?? "none")"
    }
    #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    // A request in HTTP is one on any port.
    let requests = all.indices.filter {
      all[$0].toServer && all[$0].bytes.starts(with: "GET / HTTP/1.1".utf8)
    }
    #expect(requests.allSatisfy { whole[$0] == "http" })
  }

  /// A client whose first line is no protocol's, and a server that answers in HTTP: what the client's bytes
  /// exclude says nothing of the server's, and neither depends on the segments.
  @Test func oneDirectionExcludesNothingForTheOther() {
    func said(_ size: Int) -> [String] {
      let bed = DissectionBed()
      let wire = Wire(on: bed, to: 5060)
      wire.handshake()
      wire.send(Array("POST abcd12345\n".utf8), toServer: true, size: size)
      wire.send(
        Array("HTTP/1.1 400 Bad Request\nConnection: close\r\n\r\n".utf8), toServer: false,
        size: size)
      wire.send(Array("USER abab1212 \"zz\"\n".utf8), toServer: true, size: size)
      wire.close()
      bed.finish()
      let http = bed.records("http").map { "\($0["http"] ?? "")" }
      return http + bed.records("flow").map { "\($0["app_proto"] ?? "")" }
    }
    let whole = said(1000)
    #expect(whole.count == 3 && whole.last == "http")
    for size in [1, 2, 3, 5, 8, 13] {
      #expect(said(size).count == whole.count, "pieces of \(size)")
    }
  }

  /// A request without an end has told what it is, though what waits of it has not been taken when the flow ends.
  @Test(arguments: [1, 3, 1460]) func whoHasToldIsNotAskedAgain(_ size: Int) {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 5060)
    wire.handshake()
    wire.send("ACK /one/two HTTP/1.0\r\nCookie: half", toServer: true, size: size)
    wire.send("* PREAUTH ready", toServer: false, size: size)
    bed.finish()
    let flow = bed.records("flow").first
    #expect(flow?["app_proto"] as? String == "http")
    #expect(flow?["app_proto_ts"] == nil && flow?["app_proto_tc"] as? String == "imap")
    #expect(
      Set(
        bed.records("anomaly").compactMap { ($0["anomaly"] as? [String: Any])?["event"] as? String }
      )
        == ["malformed", "APPLAYER_MISMATCH_PROTOCOL_BOTH_DIRECTIONS"])
  }

  /// What would tell after 512 bytes is not asked for more than are waited for.
  @Test(arguments: [1, 100, 300, 1460]) func noMoreIsAskedThanIsWaitedFor(_ size: Int) throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 40_001)
    wire.handshake()
    wire.send("+OK POP3 ready\r\n", toServer: false)
    wire.send("user " + String(repeating: "a", count: 600) + "\r\n", toServer: true, size: size)
    wire.close()
    bed.finish()
    #expect(bed.records("pop3").count == 2)
    #expect(bed.records("anomaly").isEmpty)
  }

  /// Nothing of a first line that is no protocol's is heard, and all of it is missing, whatever waits when
  /// that is known.
  @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0]])
  func allThatWasNotHeardIsMissing(_ order: [Int]) throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 40_001)
    wire.handshake()
    let line = Array("HEAD/HTTP/1.1\nHost: www.example.org\n\n".utf8)
    let cuts = [0, 12, 30, line.count]
    for piece in order {
      wire.segment(
        Array(line[cuts[piece]..<cuts[piece + 1]]), toServer: true,
        sequence: wire.clientSequence &+ UInt32(cuts[piece]))
    }
    wire.lose(line.count, toServer: true)
    wire.send(Array("HTTP/1.0 400 Bad\r\nContent-Length: 0\r\n\r\n".utf8), toServer: false)
    wire.close()
    bed.finish()
    let http = try #require(bed.records("http").first?["http"] as? [String: Any])
    #expect(http["missing_bytes"] as? Int == line.count)
  }
}
