import FlowEngine
import Testing

@testable import Dissection

/// When a hole is given up: as soon as its receiver says that it has what was not seen here.
struct HoleTests {
  /// The answer's end waits behind a hole, and nothing but an acknowledgement says that the hole stays. It is
  /// heard at once, however its packet was received: in a burst with those before it, or alone.
  @Test(arguments: [1, 2, 3, 5, 32])
  func anAcknowledgementAloneGivesAHoleUp(burst: Int) throws {
    let bed = DissectionBed(burst: burst)
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n", toServer: true)
    wire.segment(toServer: false)
    wire.send("HTTP/1.1 200 OK\r\nServer: a", toServer: false)
    wire.segment(toServer: true)
    wire.lose(20, toServer: false)
    wire.send("b\r\nContent-Length: 0\r\n\r\n", toServer: false)
    // Packet 9: the hole has arrived.
    for _ in 0..<3 { wire.segment(toServer: true) }
    wire.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n", toServer: true)
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", toServer: false)
    bed.finish()
    let http = try #require(bed.records("http").first)
    #expect(http["pcap_cnt"] as? Int == 9)
    #expect(bed.buffersInUse == 0)
    #expect(bed.statesInUse == 0)
  }
}
