import FlowEngine
import Testing

@testable import Dissection

/// What one flow may take of the memory that all share.
@Suite struct StreamLimitTests {
  private static let full = [UInt8](repeating: 0x61, count: 1460)

  /// Records under way, more and larger than one flow may have.
  @Test func recordsUnderWayHaveALimitPerFlow() throws {
    let bed = DissectionBed()
    let core = withUnsafeMutablePointer(to: &bed.dissection.pointee.core) { $0 }
    let number = core.pointee.states.take()
    let d = Delivery(
      core: core, flow: core.pointee.states.at(number), isToServer: true, time: 0, ordinal: 0)
    let text = [UInt8](repeating: 0x61, count: 16_000)
    var drafts = [EventDraft](repeating: EventDraft(), count: 200)
    for round in 0..<3 {
      for place in drafts.indices {
        var w = d.event()
        text.withUnsafeBufferPointer {
          w.string(HTTPFields.url, Bytes($0.baseAddress!, $0.count))
        }
        d.keep(w, in: &drafts[place])
        #expect(bed.buffersInUse <= 600 << 10, "round \(round), \(place)")
      }
    }
    #expect(drafts.contains { $0.isTruncated } && drafts.contains { !$0.isEmpty })
    #expect(core.pointee.noted != 0)
    for place in drafts.indices { d.drop(&drafts[place]) }
    #expect(bed.buffersInUse == 0)
    // It may have as much again.
    var draft = EventDraft()
    var w = d.event()
    text.withUnsafeBufferPointer { w.string(HTTPFields.url, Bytes($0.baseAddress!, $0.count)) }
    d.keep(w, in: &draft)
    #expect(!draft.isTruncated)
    d.drop(&draft)
    core.pointee.states.giveBack(number)
    #expect(bed.buffersInUse == 0)
  }

  /// What may wait behind a hole is what is configured, and not less.
  @Test(arguments: [64, 256, 1024, 4096])
  func aHoleMayBeWaitedForAsLongAsConfigured(kilobytes: Int) {
    var settings = DissectionSettings()
    settings.heldBytesPerDirection = kilobytes << 10
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", toServer: true)
    let head = Array("HTTP/1.1 200 OK\r\n\r\n".utf8)
    let start = wire.serverSequence
    wire.lose(head.count, toServer: false)
    // A quarter less, for what blocks have no use for.
    let count = kilobytes * 768 / Self.full.count
    for _ in 0..<count { wire.send(Self.full, toServer: false) }
    #expect(bed.buffersInUse <= (kilobytes + 64) << 10)
    wire.segment(head, toServer: false, sequence: start)
    wire.close()
    bed.finish()
    #expect(bed.counters[.streamHeldTooMuch] == 0)
    #expect(bed.counters[.streamGaps] == 0)
    let http = bed.records("http").first?["http"] as? [String: Any]
    #expect(http?["length"] as? Int == count * Self.full.count)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  /// 64 holes at a time, however many blocks wait behind each.
  @Test func sixtyFourHolesMayBeOpen() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", toServer: true)
    let head = Array("HTTP/1.1 200 OK\r\n\r\n".utf8)
    wire.send(head, toServer: false)
    let start = wire.serverSequence
    let piece = [UInt8](repeating: 0x61, count: 700)
    for hole in 0..<64 {
      // Two pieces that fit no block together, behind a hole of one.
      for half in 0..<2 {
        wire.segment(
          piece, toServer: false, sequence: start &+ UInt32(hole * 1401 + 1 + half * 700))
      }
    }
    #expect(bed.counters[.streamHeldTooMuch] == 0)
    for hole in (0..<64).reversed() {
      wire.segment([0x62], toServer: false, sequence: start &+ UInt32(hole * 1401))
    }
    wire.serverSequence = start &+ 64 * 1401
    wire.close()
    bed.finish()
    #expect(bed.counters[.streamGaps] == 0)
    let http = bed.records("http").first?["http"] as? [String: Any]
    #expect(http?["length"] as? Int == 64 * 1401)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  /// Pieces in any order, again and again, and what waits never lacks a byte nor has one twice.
  @Test(arguments: [OverlapPolicy.first, .linux])
  func piecesInAnyOrder(_ policy: OverlapPolicy) {
    var settings = DissectionSettings()
    settings.overlapPolicy = policy
    settings.heldBytesPerDirection = 4 << 20
    var generator = SplitMix(state: 5)
    for round in 0..<30 {
      let bed = DissectionBed(settings)
      let wire = Wire(on: bed, to: 80, serverStart: 0xffff_8000)
      wire.handshake()
      wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", toServer: true)
      let body = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 >> 8) }
      let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n".utf8) + body
      let start = wire.serverSequence
      var pieces: [Range<Int>] = []
      var place = 0
      while place < answer.count {
        let count = min(Int.random(in: 1...2000, using: &generator), answer.count - place)
        pieces.append(place..<place + count)
        if Bool.random(using: &generator) { pieces.append(max(0, place - 300)..<place + count) }
        place += count
      }
      // Near enough that no more than 64 holes are open.
      var order = pieces
      for at in order.indices {
        order.swapAt(
          at, Int.random(in: at..<min(at + 20, order.count), using: &generator))
      }
      for piece in order {
        wire.segment(
          Array(answer[piece]), toServer: false, sequence: start &+ UInt32(piece.lowerBound))
      }
      wire.serverSequence = start &+ UInt32(answer.count)
      wire.close()
      bed.finish()
      #expect(bed.counters[.streamGaps] == 0, "round \(round)")
      #expect(bed.counters[.streamOverlapDiffers] == 0, "round \(round)")
      let http = bed.records("http").first?["http"] as? [String: Any]
      #expect(http?["length"] as? Int == 30_000, "round \(round)")
      #expect(bed.buffersInUse == 0 && bed.statesInUse == 0, "round \(round)")
    }
  }

  /// A length that is announced is believed when the bytes are there.
  @Test func whatIsAnnouncedTakesNoMemory() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 53)
    wire.handshake()
    wire.send(DNSBuild.framed(DNSBuild.query("a.example")), toServer: true)
    let query = DNSBuild.query("b.example")
    wire.send(Wire.be16(60_000) + query, toServer: true)
    #expect(bed.buffersInUse <= 1 << 10)
    for _ in 0..<10 { wire.send([UInt8](repeating: 0, count: 100), toServer: true) }
    #expect(bed.buffersInUse <= 4 << 10)
    bed.finish()
    #expect(bed.buffersInUse == 0)
  }

  /// A side that said so much that nobody waits for what it is: what comes behind that is not taken for its
  /// beginning.
  @Test func whatWasNotWaitedForIsAHole() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 4000)
    wire.handshake()
    for _ in 0..<3 { wire.send([UInt8](repeating: 0xa5, count: 1000), toServer: false) }
    wire.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", toServer: true)
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", toServer: false)
    wire.close()
    bed.finish()
    #expect(bed.counters[.streamGaps] == 1)
    #expect(bed.counters[.streamGapBytes] == 3000)
    #expect(bed.records("flow").first?["app_proto"] as? String == "http")
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }
}
