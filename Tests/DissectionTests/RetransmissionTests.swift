import CBurst
import FlowEngine
import Testing

@testable import Dissection

/// Segments that are sent again, and say something else than the first time.
struct RetransmissionTests {
  static let event = "stream.reassembly_overlap_different_data"

  static func events(_ bed: DissectionBed) -> [String] {
    bed.records("anomaly").compactMap { ($0["anomaly"] as? [String: Any])?["event"] as? String }
  }

  /// A request whose answer is under way; returns the number its answer begins with.
  private static func asked(_ wire: Wire) -> UInt32 {
    wire.handshake()
    wire.send("GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n", toServer: true)
    return wire.serverSequence
  }

  private static func answer(_ status: String, _ length: Int) -> [UInt8] {
    let head = "HTTP/1.1 \(status)\r\nServer: one\r\nX-Filler: "
    let end = "\r\nContent-Length: 0\r\n\r\n"
    let filler = String(repeating: "f", count: length - head.utf8.count - end.utf8.count)
    return Array((head + filler + end).utf8)
  }

  struct Again: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var first: Int
    var again: Int
    /// What of the first one is changed when it is sent again.
    var changed: Int?
    var isTold: Bool
  }

  static let cases = [
    Again(testDescription: "the same", first: 300, again: 300, changed: nil, isTold: false),
    Again(testDescription: "the same, long", first: 1400, again: 1400, changed: nil, isTold: false),
    Again(testDescription: "longer", first: 300, again: 1400, changed: nil, isTold: false),
    Again(testDescription: "shorter", first: 1400, again: 300, changed: nil, isTold: false),
    Again(testDescription: "first byte", first: 300, again: 300, changed: 0, isTold: true),
    Again(testDescription: "last byte", first: 300, again: 300, changed: 299, isTold: true),
    Again(
      testDescription: "last byte of many", first: 1400, again: 1400, changed: 1399, isTold: true),
    Again(testDescription: "longer, changed", first: 300, again: 1400, changed: 200, isTold: true),
    Again(testDescription: "shorter, changed", first: 1400, again: 300, changed: 200, isTold: true),
    Again(
      testDescription: "much shorter, changed", first: 1400, again: 40, changed: 9, isTold: true),
    // Of what stands behind the last place that is kept nothing is known.
    Again(testDescription: "shorter, behind", first: 1400, again: 300, changed: 299, isTold: false),
  ]

  @Test(arguments: cases)
  func whatIsSentAgain(_ again: Again) {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    let start = Self.asked(wire)
    let first = Self.answer("404 Not Found", again.first)
    wire.send(first, toServer: false)
    var second = Array(first.prefix(again.again))
    second += [UInt8](repeating: 0x41, count: max(0, again.again - first.count))
    if let place = again.changed { second[place] ^= 1 }
    wire.segment(second, toServer: false, flags: TCPFlags.ack, sequence: start)
    wire.close()
    bed.finish()
    #expect(Self.events(bed).contains(Self.event) == again.isTold)
    #expect(bed.counters[.streamOverlapDiffers] == (again.isTold ? 1 : 0))
    // What came first was looked at, and holds.
    let http = bed.records("http").first?["http"] as? [String: Any]
    #expect(http?["status"] as? Int == 404)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  /// A forged answer was quicker, and ended the connection's direction: the real one comes behind it.
  @Test func anAnswerBehindAForgedOneThatSaidItWasTheLast() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    let start = Self.asked(wire)
    wire.segment(
      Self.answer("302 Found", 200), toServer: false, flags: TCPFlags.ack | TCPFlags.fin)
    wire.segment(
      Self.answer("200 OK", 1400), toServer: false, flags: TCPFlags.ack, sequence: start)
    bed.finish()
    #expect(Self.events(bed) == [Self.event])
    let http = bed.records("http").first?["http"] as? [String: Any]
    #expect(http?["status"] as? Int == 302)
  }

  /// One segment for two, and a keep-alive with a byte of its own.
  @Test func whatWasCutOtherwise() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    let start = Self.asked(wire)
    let answer = Self.answer("404 Not Found", 600)
    wire.send(answer, toServer: false, size: 300)
    wire.segment(answer, toServer: false, sequence: start)
    wire.segment([0x58], toServer: false, sequence: wire.serverSequence &- 1)
    #expect(bed.counters[.streamOverlapDiffers] == 0)
    var changed = answer
    changed[400] ^= 1
    wire.segment(changed, toServer: false, sequence: start)
    bed.finish()
    #expect(bed.counters[.streamOverlapDiffers] == 1)
  }

  /// What begins within a segment is compared with its last bytes.
  @Test func whatBeginsWithinASegment() {
    for (again, isTold) in [
      ("OOD", false), ("XXX", true), ("OOX", true), ("OX", true), ("O", false),
    ] {
      let bed = DissectionBed()
      let wire = Wire(on: bed, to: 4001)
      wire.handshake()
      let start = wire.clientSequence
      wire.send("GOOD", toServer: true)
      wire.segment(Array(again.utf8), toServer: true, sequence: start &+ 1)
      bed.finish()
      #expect(bed.counters[.streamOverlapDiffers] == (isTold ? 1 : 0), "\(again)")
    }
  }

  /// Bytes that nobody looked at are not compared.
  @Test func aBodyThatIsSkipped() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    _ = Self.asked(wire)
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", toServer: false)
    wire.send([UInt8](repeating: 0x61, count: 1400), toServer: false)
    let start = wire.serverSequence
    wire.send([UInt8](repeating: 0x61, count: 1400), toServer: false)
    wire.segment([UInt8](repeating: 0x62, count: 1400), toServer: false, sequence: start)
    bed.finish()
    #expect(bed.counters[.streamOverlapDiffers] == 0)
  }
}
