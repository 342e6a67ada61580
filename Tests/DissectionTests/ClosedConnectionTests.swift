import FlowEngine
import Testing

@testable import Dissection

/// What a connection costs once it is over: nothing, from the packet on that says so.
@Suite struct ClosedConnectionTests {
  private static let request = "GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"
  private static let answer = "HTTP/1.1 200 OK\r\nServer: one\r\n\r\nuntil the end"

  enum End: CaseIterable {
    case fin, finWithData, finOutOfOrder, finBehindALoss, resetByClient, resetByServer
    case resetBehindAFin
  }

  private static func end(_ wire: Wire, _ end: End) {
    let finAck = TCPFlags.fin | TCPFlags.ack
    switch end {
    case .fin: wire.close()
    case .finWithData:
      wire.segment(Array("!".utf8), toServer: false, flags: finAck)
      wire.serverSequence &+= 2
      wire.segment(toServer: true, flags: finAck)
      wire.clientSequence &+= 1
      wire.segment(toServer: false)
    case .finOutOfOrder:
      wire.segment(toServer: false, flags: finAck, sequence: wire.serverSequence &+ 1)
      wire.segment(toServer: true, flags: finAck)
      wire.clientSequence &+= 1
      wire.segment(Array("!".utf8), toServer: false)
      wire.serverSequence &+= 2
    case .finBehindALoss:
      // The last data was lost on the way here; that it has arrived says its receiver.
      wire.lose(7, toServer: false)
      wire.segment(toServer: false, flags: finAck)
      wire.serverSequence &+= 1
      wire.segment(toServer: true, flags: finAck)
      wire.clientSequence &+= 1
      wire.segment(toServer: false)
    case .resetByClient: wire.segment(toServer: true, flags: TCPFlags.rst)
    case .resetByServer: wire.segment(toServer: false, flags: TCPFlags.rst | TCPFlags.ack)
    case .resetBehindAFin:
      wire.segment(toServer: true, flags: finAck)
      wire.clientSequence &+= 1
      wire.segment(toServer: true, flags: TCPFlags.rst)
    }
  }

  @Test(arguments: End.allCases)
  func costsNothingWhenItIsOver(_ how: End) throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(Self.request, toServer: true)
    let start = wire.serverSequence
    wire.send(Self.answer, toServer: false)
    #expect(bed.statesInUse == 1 && bed.buffersInUse > 0)
    Self.end(wire, how)
    #expect(bed.statesInUse == 0 && bed.buffersInUse == 0)
    #expect(bed.records("http").count == 1)
    // What is sent again begins nothing anew.
    wire.segment(
      Array(Self.answer.utf8), toServer: false, flags: TCPFlags.ack | TCPFlags.fin, sequence: start)
    wire.segment(toServer: true)
    #expect(bed.statesInUse == 0 && bed.buffersInUse == 0)
    bed.finish()
    #expect(bed.records("flow").count == 1)
    let records = bed.records("http")
    #expect(records.count == 1)
    let http = try #require(records.first?["http"] as? [String: Any])
    #expect(http["url"] as? String == "/a" && http["status"] as? Int == 200)
    let more =
      switch how {
      case .finWithData, .finOutOfOrder: 1
      // Of a body that is only measured a hole is a part.
      case .finBehindALoss: 7
      default: 0
      }
    #expect(http["length"] as? Int == "until the end".utf8.count + more)
    #expect(bed.counters[.streamGapBytes] == (how == .finBehindALoss ? 7 : 0))
  }

  /// States are as many as connections that live, not as those of the last seconds.
  @Test func statesAreThoseOfLiveConnections() {
    var settings = DissectionSettings()
    settings.flowCapacity = 4
    let bed = DissectionBed(settings)
    for number in 0..<200 {
      let wire = Wire(on: bed, to: 80, from: 10_000 + number)
      wire.handshake()
      wire.send(Self.request, toServer: true)
      wire.send(Self.answer, toServer: false)
      Self.end(wire, End.allCases[number % End.allCases.count])
    }
    bed.finish()
    #expect(bed.counters[.dissectionNoState] == 0)
    #expect(bed.records("http").count == 200)
  }

  /// A client that is done speaks first of what nobody knows; the server's answer tells what it is.
  @Test func whatIsKnownOnlyFromTheOtherSideIsKeptPastTheEnd() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 4000)
    wire.handshake()
    wire.send("HELO", toServer: true)
    wire.segment(toServer: true, flags: TCPFlags.fin | TCPFlags.ack)
    wire.clientSequence &+= 1
    #expect(bed.statesInUse == 1 && bed.buffersInUse > 0)
    wire.segment(toServer: false, flags: TCPFlags.fin | TCPFlags.ack)
    #expect(bed.statesInUse == 0 && bed.buffersInUse == 0)
    bed.finish()
    #expect(bed.records("flow").first?["app_proto"] as? String == "failed")
  }

  /// What is wrong shows when the flow ends, without any packet: it is counted and told all the same.
  @Test func whatIsNotedAtTheEndIsTold() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 8080)
    wire.handshake()
    wire.send("GET /\r\n", toServer: true)
    wire.send("~~", toServer: false)
    let last = wire.time - 0.001
    bed.finish()
    #expect(bed.counters[.appOneDirection] == 1)
    let record = try #require(bed.records("anomaly").first)
    let anomaly = try #require(record["anomaly"] as? [String: Any])
    #expect(
      anomaly["event"] as? String == "APPLAYER_DETECT_PROTOCOL_ONLY_ONE_DIRECTION")
    #expect(anomaly["app_proto"] as? String == "http")
    // It is the last packet's that said something.
    #expect(record["pcap_cnt"] as? Int == 5)
    #expect((record["timestamp"] as? String)?.isEmpty == false && last > 0)
    #expect(bed.records().last?["event_type"] as? String == "flow")
  }
}
