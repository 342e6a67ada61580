import FlowEngine
import Foundation
import Testing

@testable import Dissection

@Suite struct HTTP2Tests {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(
    _ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ body: [UInt8] = []
  ) -> [UInt8] {
    [UInt8(body.count >> 16)] + Wire.be16(body.count & 0xffff) + [type, flags] + Wire.be32(stream)
      + body
  }

  static func hex(_ text: String) -> [UInt8] { QUICVectors.hex(text) }

  /// RFC 7541, appendix C.4 and C.6: the same connection's requests and responses, one behind the other.
  static let requests = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
  ]
  static let responses = [
    """
    3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c7
    8f0b97c8e9ae82ae43d3
    """, "4883640effc1c0bf",
    """
    88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf
    cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007
    """,
  ]

  static let settings = frame(4, 0, 0, [0, 1, 0, 0, 0x10, 0, 0, 3, 0, 0, 0, 100])

  static var fromClient: [UInt8] {
    preface + settings + frame(4, 1)
      + requests.enumerated().flatMap { place, block in
        frame(1, 5, UInt32(1 + 2 * place), hex(block)) + frame(8, 0, 0, [0, 0, 1, 0])
      }
  }

  static var fromServer: [UInt8] {
    frame(4, 0, 0, [0, 4, 0, 1, 0, 0])
      + responses.enumerated().flatMap { place, block in
        let stream = UInt32(1 + 2 * place)
        return frame(1, 4, stream, hex(block))
          + frame(0, 0, stream, [UInt8](repeating: 65, count: 700))
          + frame(0, 9, stream, [3] + [UInt8](repeating: 66, count: 50) + [0, 0, 0])
      } + frame(7, 0, 0, Wire.be32(5) + Wire.be32(0) + [1, 2, 3])
  }

  static func run(_ body: (Wire) -> Void) -> DissectionBed {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 8080)
    wire.handshake()
    body(wire)
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  static func http(_ bed: DissectionBed) -> [[String: Any]] {
    bed.records("http").map { $0["http"] as! [String: Any] }
  }

  static func stream(_ record: [String: Any]) -> Int {
    (record["http2"] as! [String: Any])["stream_id"] as! Int
  }

  @Test func stateFits() {
    #expect(MemoryLayout<HTTP2Stream.State>.size <= FlowState.ownBytes)
    #expect(MemoryLayout<HTTP2Exchange>.size <= 64)
  }

  @Test func aConversation() {
    let bed = Self.run { wire in
      wire.send(Self.fromClient, toServer: true)
      wire.send(Self.fromServer, toServer: false)
    }
    let records = Self.http(bed)
    #expect(records.map(Self.stream) == [0, 0, 1, 3, 5, 0])
    let sent = (records[0]["http2"] as! [String: Any])["request"] as! [String: Any]
    let first = (sent["settings"] as! [[String: Any]])[0]
    #expect(first["settings_id"] as? String == "SETTINGSHEADERTABLESIZE")
    #expect(first["settings_value"] as? Int == 4096)
    let one = records[2]
    #expect(one["version"] as? String == "2" && one["http_method"] as? String == "GET")
    #expect(one["hostname"] as? String == "www.example.com" && one["url"] as? String == "/")
    #expect(one["status"] as? Int == 302)
    #expect(one["redirect"] as? String == "https://www.example.com")
    #expect(one["response_body_length"] as? Int == 750 && one["length"] as? Int == 750)
    #expect(one["incomplete"] == nil)
    let answered = one["response_headers"] as! [[String: Any]]
    #expect(answered[0]["table_size_update"] as? Int == 256)
    #expect(answered[3]["value"] as? String == "Mon, 21 Oct 2013 20:13:21 GMT")
    #expect(records[3]["status"] as? Int == 307)
    let third = records[4]
    #expect(third["url"] as? String == "/index.html" && third["status"] as? Int == 200)
    let asked = third["request_headers"] as! [[String: Any]]
    #expect(asked.last! as! [String: String] == ["name": "custom-key", "value": "***"])
    let last = third["response_headers"] as! [[String: Any]]
    // The table of 256 bytes has been emptied and filled again.
    #expect(last.last! as! [String: String] == ["name": "set-cookie", "value": "***"])
    #expect(third["content_encoding"] as? String == "gzip")
    let bye = (records[5]["http2"] as! [String: Any])["response"] as! [String: Any]
    #expect(bye["error_code"] as? String == "NOERROR")
  }

  /// What a record says without when it was said.
  static func said(_ bed: DissectionBed) -> [String] {
    http(bed).map { record in
      String(
        decoding: try! JSONSerialization.data(withJSONObject: record, options: .sortedKeys),
        as: UTF8.self)
    }
  }

  @Test(arguments: [1, 7, 100]) func cutsMakeNoDifference(size: Int) {
    let whole = Self.run { wire in
      wire.send(Self.fromClient, toServer: true)
      wire.send(Self.fromServer, toServer: false)
    }
    let cut = Self.run { wire in
      wire.send(Self.fromClient, toServer: true, size: size)
      wire.send(Self.fromServer, toServer: false, size: size)
    }
    #expect(Self.said(whole) == Self.said(cut))
  }

  @Test func continuation() {
    let block = Self.hex(Self.requests[0])
    for cut in [0, 1, 5, 9, block.count] {
      let frames =
        Self.frame(1, 1, 1, Array(block[..<cut])) + Self.frame(9, 4, 1, Array(block[cut...]))
      let bed = Self.run { $0.send(Self.preface + Self.settings + frames, toServer: true) }
      #expect(Self.http(bed).last?["hostname"] as? String == "www.example.com")
    }
  }

  @Test func pushedAndReset() {
    let promise = Self.frame(5, 4, 1, Wire.be32(2) + Self.hex("828684") + [0x41, 1, 0x61])
    let bed = Self.run { wire in
      wire.send(
        Self.preface + Self.settings + Self.frame(1, 5, 1, Self.hex(Self.requests[0]))
          + Self.frame(1, 0x25, 3, [0, 0, 0, 0, 15] + Self.hex(Self.requests[1])), toServer: true)
      wire.send(
        Self.frame(4) + promise + Self.frame(1, 5, 2, [0x88]) + Self.frame(3, 0, 1, Wire.be32(7)),
        toServer: false)
      wire.send(Self.frame(3, 0, 3, Wire.be32(8)), toServer: true)
    }
    let records = Self.http(bed).filter { Self.stream($0) != 0 }
    #expect(records.map(Self.stream) == [2, 1, 3])
    #expect(records[0]["hostname"] as? String == "a" && records[0]["status"] as? Int == 200)
    #expect((records[0]["http2"] as! [String: Any])["pushed"] as? Bool == true)
    let refused = (records[1]["http2"] as! [String: Any])["response"] as! [String: Any]
    #expect(refused["error_code"] as? String == "REFUSEDSTREAM")
    let asked = (records[2]["http2"] as! [String: Any])["request"] as! [String: Any]
    #expect(asked["error_code"] as? String == "CANCEL" && asked["priority"] as? Int == 15)
  }

  static let upgrade = """
    GET /news?password=geheim HTTP/1.1\r\nHost: www.example.com:8080\r\nUser-Agent: curl/8\r\n\
    Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n
    """
  static let switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

  /// RFC 7540, section 3.2: the request that asks for HTTP/2 is answered as stream 1.
  @Test(arguments: [1460, 1]) func upgradedRequest(size: Int) {
    let bed = Self.run { wire in
      wire.send(Self.upgrade, toServer: true, size: size)
      wire.send(
        Array(Self.switching.utf8) + Self.frame(4) + Self.frame(1, 4, 1, [0x88])
          + Self.frame(0, 1, 1, Array("hello".utf8)), toServer: false, size: size)
      wire.send(
        Self.preface + Self.settings + Self.frame(1, 5, 3, Self.hex("828684")), toServer: true,
        size: size)
      wire.send(Self.frame(1, 5, 3, [0x8d]), toServer: false, size: size)
    }
    let records = Self.http(bed)
    #expect(records[0]["status"] as? Int == 101 && records[0]["http2"] == nil)
    let one = records.first { $0["http2"] != nil && Self.stream($0) == 1 } ?? [:]
    #expect(one["http_method"] as? String == "GET" && one["status"] as? Int == 200)
    #expect(one["url"] as? String == "/news?password=***")
    #expect(one["hostname"] as? String == "www.example.com" && one["http_port"] as? Int == 8080)
    #expect(one["http_user_agent"] as? String == "curl/8" && one["protocol"] == nil)
    #expect(one["request_header_count"] as? Int == 5 && one["response_body_length"] as? Int == 5)
    #expect(records.contains { $0["http2"] != nil && Self.stream($0) == 3 })
    #expect(!bed.lines.joined().contains("geheim"))
  }

  /// Nothing of HTTP/2 follows, or a hole, or it is not looked for.
  @Test func upgradedAndOver() {
    for missing in [0, 100] {
      let bed = Self.run { wire in
        wire.send(Self.upgrade, toServer: true)
        wire.send(Self.switching, toServer: false)
        if missing > 0 {
          wire.lose(missing, toServer: false)
          wire.send(Self.frame(1, 5, 1, [0x88]) + Self.frame(4), toServer: false)
        }
      }
      #expect(Self.http(bed).contains { $0["http2"] != nil && Self.stream($0) == 1 })
    }
    var settings = DissectionSettings()
    settings.protocols &= ~(1 << UInt64(AppProtocol.http2.rawValue))
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 8080)
    wire.handshake()
    wire.send(Self.upgrade, toServer: true)
    wire.send(Array(Self.switching.utf8) + Self.frame(4), toServer: false)
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  @Test func secretsAreMasked() {
    func literal(_ name: String, _ value: String) -> [UInt8] {
      [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
    }
    let block =
      Self.hex("8286") + literal(":path", "/in?password=geheim&x=1")
      + literal("authorization", "Basic Z2VoZWlt") + literal("cookie", "sid=geheim")
      + literal("token", "geheim") + literal("referer", "http://me:geheim@host/")
    let bed = Self.run { wire in
      wire.send(Self.preface + Self.settings + Self.frame(1, 5, 1, block), toServer: true)
    }
    #expect(Self.http(bed).count == 2)
    #expect(!bed.lines.joined().contains("geheim") && !bed.lines.joined().contains("Z2Vo"))
    #expect(Self.http(bed)[1]["url"] as? String == "/in?password=***&x=1")
  }

  /// A hole hides what stands in it and what refers to it, and nothing else.
  @Test func holesAtEachPlace() {
    let body = Self.fromServer
    for start in stride(from: 0, to: body.count - 40, by: 61) {
      let bed = Self.run { wire in
        wire.send(Self.fromClient, toServer: true)
        wire.send(Array(body[..<start]), toServer: false)
        wire.lose(31, toServer: false)
        wire.send(Array(body[(start + 31)...]), toServer: false)
        wire.send(Self.frame(8, 0, 0, [0, 0, 1, 0]), toServer: true)
      }
      let streams = Self.http(bed).filter { Self.stream($0) != 0 }
      #expect(Set(streams.map(Self.stream)) == [1, 3, 5], "\(start)")
      #expect(streams.allSatisfy { $0["hostname"] as? String == "www.example.com" })
    }
  }

  @Test func aHoleInABodyHidesNothing() {
    let bed = Self.run { wire in
      wire.send(Self.fromClient, toServer: true)
      let start = Self.fromServer.count - 600
      wire.send(Array(Self.fromServer[..<start]), toServer: false)
      wire.lose(300, toServer: false)
      wire.send(Array(Self.fromServer[(start + 300)...]), toServer: false)
    }
    #expect(Self.http(bed).filter { Self.stream($0) != 0 }.count == 3)
    #expect(Self.http(bed).first { Self.stream($0) == 5 }?["status"] as? Int == 200)
  }

  @Test func truncatedAndDamaged() {
    var generator = SplitMix(state: 5)
    let (client, server) = (Self.fromClient, Self.fromServer)
    for length in stride(from: 0, to: server.count, by: 151) {
      _ = Self.run { wire in
        wire.send(Array(client.prefix(length)), toServer: true)
        wire.send(Array(server.prefix(length)), toServer: false)
      }
    }
    for _ in 0..<40 {
      var (one, other) = (client, server)
      for _ in 0..<4 {
        one[Int.random(in: 24..<one.count, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
        other[Int.random(in: 0..<other.count, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
      }
      _ = Self.run { wire in
        wire.send(one, toServer: true, size: 90)
        wire.send(other, toServer: false, size: 333)
      }
    }
  }

  // MARK: Hostile peers

  @Test func endlessContinuation() {
    let bed = Self.run { wire in
      wire.send(Self.preface + Self.settings + Self.frame(1, 0, 1, [0x82]), toServer: true)
      for _ in 0..<300 {
        wire.send(Self.frame(9, 0, 1, [UInt8](repeating: 0x82, count: 1000)), toServer: true)
        #expect(wire.bed.buffersInUse <= 160 << 10)
      }
    }
    #expect(bed.counters[.appHeadersTooLong] > 0)
  }

  /// One large entry and thousands of references to it.
  @Test func smallReferencesToALargeEntry() {
    let large: [UInt8] =
      [0x40, 1, 0x78, 0x7f] + [0x81, 0x1e] + [UInt8](repeating: 0x79, count: 3968)
    let bed = Self.run { wire in
      wire.send(
        Self.preface + Self.settings + Self.frame(1, 4, 1, large)
          + Self.frame(1, 5, 3, [UInt8](repeating: 0xbe, count: 12_000)), toServer: true)
    }
    #expect(bed.counters[.appHeadersTooLong] > 0)
    let records = Self.http(bed)
    #expect(records.contains { Self.stream($0) == 3 && $0["incomplete"] as? Bool == true })
  }

  @Test func moreStreamsThanThereIsRoomFor() {
    let bed = Self.run { wire in
      wire.send(Self.preface + Self.settings, toServer: true)
      for stream in 0..<600 {
        wire.send(
          Self.frame(1, 5, UInt32(2 * stream + 1), Self.hex("828684")), toServer: true)
        #expect(wire.bed.buffersInUse <= 700 << 10)
      }
    }
    #expect(bed.counters[.appTooManyTransactions] > 0)
    #expect(Set(Self.http(bed).map(Self.stream)).count == 601)
  }

  /// Frames of as many streams as there is room for, by turns: each counts for its own, also where places have
  /// become free in between.
  @Test func manyStreamsByTurns() {
    let streams = (0..<150).map { UInt32(2 * $0 + 1) }
    let bed = Self.run { wire in
      wire.send(
        Self.preface + Self.settings
          + streams.flatMap { Self.frame(1, 5, $0, Self.hex("828684")) }, toServer: true)
      var answer = Self.frame(4) + streams.flatMap { Self.frame(1, 4, $0, [0x88]) }
      for stream in streams where stream % 4 == 1 { answer += Self.frame(0, 1, stream, [1]) }
      for _ in 0..<3 {
        for stream in streams where stream % 4 == 3 {
          answer += Self.frame(0, 0, stream, [UInt8](repeating: 1, count: Int(stream)))
        }
      }
      for stream in streams.reversed() { answer += Self.frame(0, 1, stream) }
      wire.send(answer, toServer: false)
      wire.send(
        streams.flatMap { Self.frame(1, 5, $0 + 1000, Self.hex("828684")) }, toServer: true)
    }
    let records = Self.http(bed).filter { Self.stream($0) != 0 }
    #expect(Set(records.map(Self.stream)).count == 300)
    for record in records where Self.stream(record) < 1000 {
      let stream = Self.stream(record)
      let length = stream % 4 == 1 ? 1 : 3 * stream
      #expect(record["response_body_length"] as? Int == length)
    }
    #expect(bed.counters[.appTooManyTransactions] == 0)
  }

  @Test func randomFrames() {
    var generator = SplitMix(state: 23)
    for _ in 0..<15 {
      _ = Self.run { wire in
        wire.send(Self.preface + Self.settings, toServer: true)
        for _ in 0..<60 {
          let count = Int.random(in: 0...80, using: &generator)
          let body = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
          wire.send(
            Self.frame(
              UInt8.random(in: 0...10, using: &generator),
              UInt8.random(in: 0...255, using: &generator),
              UInt32.random(in: 0...9, using: &generator), body),
            toServer: Bool.random(using: &generator))
        }
      }
    }
  }

  @Test func probeIsNeverSureOfOtherThings() {
    var generator = SplitMix(state: 29)
    let context = ProbeContext(isToServer: true, isTCP: true, serverPort: 80, clientPort: 5)
    var sure = 0
    for round in 0..<100_000 {
      var bytes = (0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) }
      if round % 2 == 0 { bytes[0] = 0 }
      bytes.withUnsafeBufferPointer {
        if HTTP2Stream.probe(Bytes($0.baseAddress!, $0.count), context) == .yes { sure += 1 }
      }
    }
    #expect(sure == 0)
  }
}
