import FlowEngine
import Testing

@testable import Dissection

/// Segments that somebody else sends into a connection: what its receiver would not take changes neither
/// what is recorded nor what is counted.
@Suite struct ForgedSegmentTests {
  struct Forgery: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// How it is told; nil: as Linux, in silence.
    var event: String?
    var send: @Sendable (Wire) -> Void
  }

  private static let outOfWindow = "stream.est_packet_out_of_window"
  private static let finOutOfWindow = "stream.fin_out_of_window"

  /// Bytes away, beyond all windows and below what numbers as such forbid.
  private static let far: UInt32 = 200 << 20

  static let forgeries = [
    Forgery(testDescription: "data far ahead", event: outOfWindow) { wire in
      wire.segment(Array("forged".utf8), toServer: true, sequence: wire.clientSequence &+ far)
    },
    Forgery(testDescription: "data far ahead, twice the same", event: outOfWindow) { wire in
      for _ in 0..<2 {
        wire.segment(Array("forged".utf8), toServer: false, sequence: wire.serverSequence &+ far)
      }
    },
    Forgery(testDescription: "data far ahead, here and there", event: outOfWindow) { wire in
      for place in 1...200 {
        wire.segment(
          Array("forged".utf8), toServer: true,
          sequence: wire.clientSequence &+ UInt32(201 - place) &* (4 << 20))
      }
    },
    Forgery(testDescription: "an acknowledgement alone far ahead", event: outOfWindow) { wire in
      wire.segment(toServer: true, sequence: wire.clientSequence &+ far)
    },
    Forgery(testDescription: "data far ahead that acknowledges", event: outOfWindow) { wire in
      wire.segment(
        Array("forged".utf8), toServer: false, sequence: wire.serverSequence &+ far,
        acknowledgement: wire.clientSequence &+ 5000)
    },
    Forgery(testDescription: "a FIN far ahead", event: outOfWindow) { wire in
      wire.segment(
        toServer: true, flags: TCPFlags.fin | TCPFlags.ack, sequence: wire.clientSequence &+ far)
    },
    Forgery(testDescription: "a FIN with an old number", event: finOutOfWindow) { wire in
      wire.segment(
        toServer: false, flags: TCPFlags.fin | TCPFlags.ack, sequence: wire.serverSequence &- 20)
      wire.segment(
        toServer: true, flags: TCPFlags.fin | TCPFlags.ack, sequence: wire.clientSequence &- 20)
    },
    Forgery(testDescription: "a RST far ahead", event: "stream.rst_outside_window") { wire in
      wire.segment(toServer: true, flags: TCPFlags.rst, sequence: wire.clientSequence &+ far)
    },
    Forgery(testDescription: "a RST with an old number", event: "stream.rst_outside_window") {
      wire in
      wire.segment(toServer: false, flags: TCPFlags.rst, sequence: wire.serverSequence &- far)
    },
  ]

  private static func request(_ place: String) -> String {
    "GET /\(place) HTTP/1.1\r\nHost: example.org\r\n\r\n"
  }
  private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

  private static func urls(_ bed: DissectionBed) -> [String] {
    bed.records("http").map { record in
      let http = record["http"] as? [String: Any]
      return "\(http?["url"] ?? "-") \(http?["status"] ?? "-") \(http?["length"] ?? "-")"
    }
  }

  @Test(arguments: forgeries)
  func whatNoReceiverTakes(_ forgery: Forgery) throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(Self.request("one"), toServer: true)
    wire.send(Self.answer, toServer: false)
    forgery.send(wire)
    wire.send(Self.request("two"), toServer: true)
    forgery.send(wire)
    wire.send(String(Self.answer.prefix(20)), toServer: false)
    forgery.send(wire)
    wire.send(String(Self.answer.dropFirst(20)), toServer: false)
    // All is as it was: only now is it over.
    #expect(bed.statesInUse == 1)
    wire.close()
    #expect(bed.statesInUse == 0)
    bed.finish()
    #expect(Self.urls(bed) == ["/one 200 5", "/two 200 5"])
    #expect(
      bed.records("http").allSatisfy { $0["incomplete"] == nil && $0["missing_bytes"] == nil })
    #expect(bed.counters[.streamGaps] == 0)
    #expect(bed.counters[.tcpOutOfOrder] == 0)
    #expect(bed.counters[.tcpMissedBytes] == 0)
    #expect(bed.buffersInUse == 0)
    let flow = try #require(bed.records("flow").first)
    #expect((flow["flow"] as? [String: Any])?["state"] as? String == "closed")
    let events = RetransmissionTests.events(bed)
    #expect(events == (forgery.event.map { [$0] } ?? []))
  }

  /// Nothing of either side was seen for a while, more than any window: both go on where they are, and so
  /// does what is recorded.
  @Test(arguments: [true, false])
  func whatGoesOnBehindAnOutage(toServer: Bool) {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(Self.request("one"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.lose(10 << 20, toServer: toServer)
    wire.send(Self.request("two"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.send(Self.request("three"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.send(Self.request("four"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.close()
    bed.finish()
    #expect(Self.urls(bed).first == "/one 200 5")
    // Which answers were in the hole nobody knows.
    #expect(Self.urls(bed).last?.hasSuffix(toServer ? "/four 200 5" : " 200 5") == true)
    #expect(bed.counters[.streamGaps] == 1)
    // The flow's own count is exact, whichever segment it was told by.
    #expect(bed.counters[.tcpMissedBytes] == 10 << 20)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  /// In the window, and never filled: a thousand of them take their limit and no more, and behind the window
  /// the connection is what it was.
  @Test func aThousandHolesInTheWindow() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(Self.request("one"), toServer: true)
    var most = 0
    for place in 0..<1000 {
      wire.segment([0x61], toServer: false, sequence: wire.serverSequence &+ UInt32(50 * place + 9))
      most = max(most, bed.buffersInUse)
    }
    #expect(most <= 80 << 10)
    for _ in 0..<100 {
      wire.send([UInt8](repeating: 0x62, count: 1000), toServer: false)
    }
    wire.send(Self.request("two"), toServer: true)
    wire.send(Self.answer, toServer: false)
    wire.close()
    bed.finish()
    #expect(RetransmissionTests.events(bed).contains("stream.reassembly_held_too_much"))
    #expect(Self.urls(bed).contains { $0.hasPrefix("/two ") })
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }
}
