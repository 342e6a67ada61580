import CBurst
import FlowEngine
import Testing

@testable import Dissection

/// What belongs to one conversation, and in which order it was said.
struct StreamOrderTests {
  private static func request(_ place: String) -> String {
    "GET /\(place) HTTP/1.1\r\nHost: example.org\r\n\r\n"
  }
  private static let answer = "HTTP/1.1 204 No Content\r\n\r\n"

  private static func urls(_ bed: DissectionBed) -> [String] {
    bed.records("http").map { record in
      let http = record["http"] as? [String: Any]
      return "\(http?["url"] ?? "-") \(http?["status"] ?? "-")"
    }
  }

  /// An answer that acknowledges a request which was not seen, and nothing waits behind: it is not the
  /// answer to the request before.
  @Test func aLostRequestIsKnownBeforeItsAnswer() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(Self.request("one"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.lose(60, toServer: true)
    wire.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", toServer: false)
    wire.send(Self.request("three"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.close()
    bed.finish()
    let urls = Self.urls(bed)
    #expect(urls.first == "/one 204")
    #expect(urls.last == "/three 204")
    #expect(bed.counters[.streamGaps] == 1)
    #expect(bed.counters[.streamGapBytes] == 60)
  }

  /// The same where something waits behind the hole: the server has answered once, and that is for what was
  /// lost.
  @Test func aHoleIsToldBeforeTheAnswerThatAcknowledgesIt() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.lose(60, toServer: true)
    wire.send(Self.request("two"), toServer: true)
    wire.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", toServer: false)
    wire.close()
    bed.finish()
    #expect(Self.urls(bed) == ["- 404", "/two -"])
    #expect(bed.counters[.streamGapBytes] == 60)
  }

  /// A second SYN-ACK with another number, before the server has said anything: it begins there.
  @Test func anotherAnswerToTheSyn() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    // Data with the SYN: the flow is looked at from here on.
    let request = Array(Self.request("one").utf8)
    wire.segment(request, toServer: true, flags: TCPFlags.syn)
    wire.clientSequence &+= 1 + UInt32(request.count)
    wire.segment(toServer: false, flags: TCPFlags.syn | TCPFlags.ack)
    wire.serverSequence = 900_000
    wire.segment(toServer: false, flags: TCPFlags.syn | TCPFlags.ack)
    wire.serverSequence &+= 1
    wire.send(Self.answer, toServer: false)
    wire.close()
    bed.finish()
    #expect(Self.urls(bed) == ["/one 204"])
    #expect(bed.counters[.streamGaps] == 0)
  }

  /// A server that goes on with numbers of its own: what follows is not joined to what was, and messages
  /// are found again.
  @Test func numbersThatNoWindowLetsThrough() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(Self.request("one"), toServer: true)
    wire.send("HTTP/1.1 200 OK\r\nContent-", toServer: false)
    wire.serverSequence &+= 0x7000_0000
    for _ in 0..<3 { wire.send(Self.answer, toServer: false) }
    wire.send(Self.request("two"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.close()
    bed.finish()
    let urls = Self.urls(bed)
    #expect(urls.contains { $0.hasPrefix("/one ") } && urls.contains { $0.hasPrefix("/two ") })
    #expect(bed.counters[.streamGaps] == 1)
    // Of the first segment with numbers of its own nothing is believed.
    #expect(bed.counters[.streamGapBytes] == UInt64(Self.answer.utf8.count))
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  enum Again: CaseIterable { case syn, distance, idle }

  /// The same ports again: the conversation before ends, with what is known of it, and the next one begins
  /// at nothing.
  @Test(arguments: Again.allCases)
  func portsUsedAgain(_ again: Again) {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(Self.request("one"), toServer: true)
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun", toServer: false)
    switch again {
    case .syn:
      wire.clientSequence = 5_000_000
      wire.serverSequence = 9_000_000
      wire.handshake()
    case .distance:
      wire.segment(toServer: true, flags: TCPFlags.rst)
      wire.clientSequence = 500_000_000
      wire.serverSequence = 900_000_000
    case .idle: wire.time += 100_000
    }
    wire.send(Self.request("two"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.close()
    bed.finish()
    #expect(bed.records("flow").count == 2)
    #expect(Self.urls(bed) == ["/one 200", "/two 204"])
    let http = bed.records("http").map { $0["http"] as? [String: Any] }
    #expect(http[0]?["length"] as? Int == 5)
    #expect(bed.records("http").allSatisfy { $0["tx_id"] as? Int == 0 })
    let ids = bed.records("http").map { "\($0["flow_id"] ?? "")" }
    #expect(Set(ids).count == 2)
    #expect(bed.counters[.streamGaps] == 0)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  /// Datagrams that are not what they were taken for: the flow is looked at anew.
  @Test func datagramsThatWereTakenForSomethingElse() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 4000)
    // A message of SNMP, then those of SIP.
    let snmp: [UInt8] = [
      0x30, 0x1f, 2, 1, 1, 4, 3, 0x66, 0x6f, 0x6f, 0xa0, 0x15, 2, 1, 1, 2, 1, 0, 2, 1, 0,
      0x30, 0x0a, 0x30, 8, 6, 4, 0x2b, 6, 1, 2, 5, 0,
    ]
    wire.datagram(snmp, toServer: true)
    let options =
      "OPTIONS sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nCSeq: 1 OPTIONS\r\n"
      + "From: <sip:a@example.org>\r\nTo: <sip:b@example.org>\r\nCall-ID: 1\r\n\r\n"
    for _ in 0..<4 { wire.datagram(Array(options.utf8), toServer: true) }
    bed.finish()
    #expect(bed.records("snmp").count == 1)
    #expect(bed.records("sip").count == 2)
    let flow = bed.records("flow").first
    #expect(flow?["app_proto"] as? String == "sip")
    #expect(flow?["app_proto_orig"] as? String == "snmp")
    #expect(bed.statesInUse == 0 && bed.buffersInUse == 0)
  }
}
