import FlowEngine
import Testing

@testable import Dissection

@Suite struct DNSStreamTests {
  static let first = DNSBuild.query("one.example", id: 1)
  static let second = DNSBuild.query("two.example", 28, id: 2)
  static let answers =
    DNSBuild.framed(DNSBuild.answer("two.example", 28, id: 2, []))
    + DNSBuild.framed(DNSBuild.answer("one.example", id: 1, [DNSBuild.record(1, [1, 2, 3, 4])]))

  func run(port: Int = 53, _ body: (Wire) -> Void) -> DissectionBed {
    var settings = DissectionSettings()
    settings.wantsHiddenRecords = true
    settings.bufferBytes = 512 << 10
    let bed = DissectionBed(settings, flows: 64)
    let wire = Wire(on: bed, to: port)
    body(wire)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  @Test(arguments: [1, 2, 3, 7, 1460], [53, 5000]) func anyCut(_ size: Int, _ port: Int) {
    let bed = run(port: port) {
      $0.handshake()
      $0.send(
        DNSBuild.framed(Self.first) + DNSBuild.framed(Self.second), toServer: true, size: size)
      $0.send(Self.answers, toServer: false, size: size)
      $0.close()
    }
    let records = DNSDatagramTests.dns(bed)
    #expect(records.map { $0["id"] as? Int } == [1, 2, 2, 1])
    #expect(records.map { $0["tx_id"] as? Int } == [0, 1, nil, nil])
    #expect(records.suffix(2).allSatisfy { $0["rtt"] != nil })
    #expect(bed.hidden.count == 2)
  }

  /// A hole within a message's data: its beginning is told, and the next one is found.
  @Test func aHoleWithinAMessage() {
    let framed = DNSBuild.framed(
      DNSBuild.answer("one.example", id: 1, (0..<8).map { DNSBuild.record(1, [1, 2, 3, $0]) }))
    for lost in stride(from: 40, to: framed.count - 20, by: 7) {
      let bed = run {
        $0.handshake()
        $0.send(DNSBuild.framed(Self.first), toServer: true)
        $0.send(Array(framed.prefix(lost)), toServer: false)
        $0.lose(10, toServer: false)
        $0.send(Array(framed.dropFirst(lost + 10)) + Self.answers, toServer: false)
        $0.close()
      }
      let records = DNSDatagramTests.dns(bed)
      #expect(
        records.filter { $0["type"] as? String == "answer" }.map { $0["id"] as? Int } == [1, 2, 1])
      #expect(records[1]["incomplete"] as? Bool == true)
      #expect(records[1]["missing_bytes"] as? Int == framed.count - lost)
    }
  }

  /// A hole that hides where the next message begins: it is found where a segment begins with it.
  @Test func aHoleAcrossMessages() {
    let bed = run {
      $0.handshake()
      $0.send(DNSBuild.framed(Self.first), toServer: true)
      $0.lose(100, toServer: true)
      $0.send(DNSBuild.framed(Self.second), toServer: true)
      $0.close()
    }
    #expect(DNSDatagramTests.dns(bed).map { $0["id"] as? Int } == [1, 2])
  }

  @Test func anEndWithinAMessage() throws {
    let bed = run {
      $0.handshake()
      $0.send(Array(DNSBuild.framed(Self.first).dropLast(2)), toServer: true)
      $0.close()
    }
    // The question is not whole: there is nothing to tell.
    #expect(DNSDatagramTests.dns(bed).isEmpty)
  }

  @Test func theLongestMessage() {
    var message = DNSBuild.header(flags: 0x8180, 1, 4000) + DNSBuild.question("long.example")
    for _ in 0..<4000 { message += DNSBuild.record(1, [9, 9, 9, 9]) }
    message += [UInt8](repeating: 0, count: 65_535 - message.count)
    let bed = run {
      $0.handshake()
      $0.send(DNSBuild.framed(Self.first), toServer: true)
      $0.send(DNSBuild.framed(message) + Self.answers, toServer: false)
      $0.close()
    }
    #expect(DNSDatagramTests.dns(bed).compactMap { $0["id"] as? Int } == [1, 0x1234, 2, 1])
    #expect(bed.records("dns").contains { $0["truncated"] as? Bool == true })
  }

  @Test func everyEndIsHarmless() {
    let bytes = DNSBuild.framed(Self.first) + DNSBuild.framed(Self.second)
    for length in stride(from: 0, through: bytes.count, by: 3) {
      _ = run {
        $0.handshake()
        $0.send(Array(bytes.prefix(length)), toServer: true)
        $0.close()
      }
    }
  }
}
