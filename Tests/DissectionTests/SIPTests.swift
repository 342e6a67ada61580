import Foundation
import Testing

@testable import Dissection

struct SIPTests {
  static let sdp =
    "v=0\r\no=bob 1 1 IN IP4 192.0.2.9\r\ns=call\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    + "m=audio 49170/2 RTP/AVP 0\r\na=x\r\nm=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::1\r\n"
  static let invite =
    "INVITE sip:alice:hunter2@example.org SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=1\r\n"
    + "v: SIP/2.0/UDP b.example\r\nf: \"Bob\" <sip:bob@example.org>;tag=1\r\n"
    + "To: <sip:alice@example.org>\r\nCall-ID: abc@host\r\nCSeq: 1 INVITE\r\n"
    + "User-Agent: phone/1\r\nm: <sip:bob:hunter2@192.0.2.9>\r\n"
    + "Proxy-Authorization: Digest username=\"bob\", response=\"hunter2\"\r\n"
    + "Subject: lunch\r\nContent-Type: application/sdp\r\nContent-Length: \(sdp.utf8.count)\r\n\r\n"
    + sdp
  static let ringing =
    "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a.example;branch=1\r\nCall-ID: abc@host\r\n"
    + "Server: switch/2\r\nContent-Length: 0\r\n\r\n"

  @Test func requestAndResponseOverUDP() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 7000)
    wire.datagram(Array(Self.invite.utf8), toServer: true)
    wire.datagram([0x0d, 0x0a, 0x0d, 0x0a], toServer: true)
    wire.datagram(Array(Self.ringing.utf8), toServer: false)
    // Nothing is kept between two messages.
    #expect(bed.statesInUse == 0)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    let records = bed.records("sip")
    #expect(records.count == 2)
    try Self.check(records[0])
    #expect(records[1]["src_ip"] as? String == "10.0.0.2")
    let answer = try #require(records[1]["sip"] as? [String: Any])
    #expect(answer["version"] as? String == "SIP/2.0")
    #expect(answer["code"] as? String == "180")
    #expect(answer["reason"] as? String == "Ringing")
    #expect(answer["response_line"] as? String == "SIP/2.0 180 Ringing")
    #expect(answer["server"] as? String == "switch/2")
    #expect(!bed.lines.joined().contains("hunter2"))
  }

  static func check(_ record: [String: Any]) throws {
    let sip = try #require(record["sip"] as? [String: Any])
    #expect(sip["method"] as? String == "INVITE")
    #expect(sip["uri"] as? String == "sip:alice:***@example.org")
    #expect(sip["version"] as? String == "SIP/2.0")
    #expect(sip["request_line"] as? String == "INVITE sip:alice:***@example.org SIP/2.0")
    #expect(
      sip["via"] as? [String] == [
        "SIP/2.0/UDP a.example;branch=1", "SIP/2.0/UDP b.example",
      ])
    #expect(sip["from"] as? String == "\"Bob\" <sip:bob@example.org>;tag=1")
    #expect(sip["to"] as? String == "<sip:alice@example.org>")
    #expect(sip["contact"] as? String == "<sip:bob:***@192.0.2.9>")
    #expect(sip["call_id"] as? String == "abc@host")
    #expect(sip["cseq"] as? String == "1 INVITE")
    #expect(sip["user_agent"] as? String == "phone/1")
    #expect(sip["subject"] as? String == "lunch")
    #expect(sip["content_type"] as? String == "application/sdp")
    #expect(sip["content_length"] as? Int == Self.sdp.utf8.count)
    let sdp = try #require(sip["sdp"] as? [String: Any])
    #expect(sdp["origin"] as? String == "bob 1 1 IN IP4 192.0.2.9")
    #expect(sdp["session_name"] as? String == "call")
    #expect(sdp["connection_data"] as? String == "IN IP4 192.0.2.9")
    let media = sdp["media_descriptions"] as? [[String: Any]] ?? []
    #expect(media.map { $0["address"] as? String } == ["192.0.2.9", "2001:db8::1"])
    #expect(media.map { $0["port"] as? Int } == [49170, 51372])
    #expect(media.first?["media"] as? String == "audio 49170/2 RTP/AVP 0")
  }

  /// Two requests one way, an answer the other, cut into segments.
  static func stream(size: Int, lose: Range<Int>? = nil) -> DissectionBed {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 7000)
    wire.handshake()
    let first = Array((invite + "\r\n\r\n" + invite).utf8)
    if let lose {
      wire.send(Array(first[..<lose.lowerBound]), toServer: true, size: size)
      wire.lose(lose.count, toServer: true)
      wire.send(Array(ringing.utf8), toServer: false, size: size)
      wire.send(Array(first[lose.upperBound...]), toServer: true, size: size)
    } else {
      wire.send(first, toServer: true, size: size)
      wire.send(Array(ringing.utf8), toServer: false, size: size)
    }
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  @Test func streamsAreTheSameHoweverTheyAreCut() throws {
    for size in [1460, 1, 2, 13] {
      let records = Self.stream(size: size).records("sip")
      #expect(records.count == 3)
      for record in records.prefix(2) { try Self.check(record) }
    }
  }

  @Test func behindAHoleTheNextMessageIsFound() {
    for start in stride(from: 60, to: 600, by: 37) {
      let bed = Self.stream(size: 200, lose: start..<start + 40)
      // The answer, and the request that has no hole; of the other one what stands before the body.
      #expect(bed.records("sip").count >= 2, "\(start)")
    }
  }

  @Test func headerOnlyHasNoBody() throws {
    var settings = DissectionSettings()
    settings.isHeaderOnly = true
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 5060)
    wire.handshake()
    wire.send(Self.invite + Self.invite, toServer: true)
    wire.close()
    bed.finish()
    let records = bed.records("sip")
    #expect(records.count == 2)
    let sip = try #require(records.first?["sip"] as? [String: Any])
    #expect(sip["sdp"] == nil && sip["subject"] == nil)
  }

  @Test func endlessHeadersAreGivenUp() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 5060)
    wire.handshake()
    wire.send("INVITE sip:a@b SIP/2.0\r\n", toServer: true)
    for _ in 0..<2000 { wire.send("X-A: bbbbbbbbbbbbbbbbbbbb\r\n", toServer: true) }
    wire.close()
    bed.finish()
    #expect(bed.records("sip").isEmpty)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  @Test func truncatedDatagramsAreMarked() {
    let bytes = Array(Self.invite.utf8)
    let bed = DissectionBed()
    for cut in 1..<bytes.count {
      let wire = Wire(on: bed, to: 5060, from: 20_000 + cut)
      wire.datagram(bytes, toServer: true, cut: cut)
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    let records = bed.records("sip").compactMap { $0["sip"] as? [String: Any] }
    #expect(records.count > 500)
    #expect(records.allSatisfy { $0["incomplete"] as? Bool == true })
  }
}
