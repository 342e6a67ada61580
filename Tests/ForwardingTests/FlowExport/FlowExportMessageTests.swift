import Testing

@testable import Forwarding

@Suite("Flow export: messages")
struct FlowExportMessageTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var exportProtocol: FlowExportProtocol
    var isBiflow = false
    var messageBytes = 1420

    var testDescription: String {
      "\(exportProtocol)\(isBiflow ? ", biflow" : ""), \(messageBytes) bytes"
    }
  }

  static let cases = [
    Case(exportProtocol: .netflow9), Case(exportProtocol: .ipfix),
    Case(exportProtocol: .ipfix, isBiflow: true),
    Case(exportProtocol: .netflow9, messageBytes: 576),
    Case(exportProtocol: .ipfix, isBiflow: true, messageBytes: 576),
  ]

  @Test("what is decoded by the RFCs is what the records say", arguments: cases)
  func roundTrip(_ kind: Case) throws {
    let receiver = try DatagramReceiver()
    var settings = FlowExportSettings(kind.exportProtocol, host: "127.0.0.1", port: receiver.port)
    settings.isBiflow = kind.isBiflow
    settings.messageBytes = kind.messageBytes
    settings.sendsOptions = true
    settings.enterpriseNumber = kind.exportProtocol == .ipfix ? 64_999 : nil
    let target = FlowExportTarget(settings)
    try target.open()
    var decoder = ExportDecoder(isIPFIX: kind.exportProtocol == .ipfix)
    var random = ExportRandom(7)
    var expected: [ExpectedRecord] = []
    for batch in 0..<8 {
      let samples = (0..<100).map { index in
        ExportSample.random(UInt64(batch * 100 + index + 1), now: ExportClock.now, &random)
      }
      let records = try samples.enumerated().map { index, sample in
        try sample.record(sensor: index % 3 == 0 ? "edge2" : "edge1", entry: UInt64(index))
      }
      let outcomes = try target.deliver(records, interruption: Interruption())
      #expect(outcomes.allSatisfy { $0 == .delivered })
      expected += samples.flatMap { ExpectedRecord.of($0) }
      for message in receiver.messages() { try decoder.decode(message) }
    }
    #expect(decoder.longestMessage <= kind.messageBytes)
    #expect(Set(decoder.records.map(\.domain)).count == 2)
    var got = decoder.flows.compactMap { ExpectedRecord($0) }
    #expect(got.count == decoder.flows.count)
    if kind.isBiflow {
      got += decoder.flows.compactMap { Self.reverse($0) }
      // The end of the reverse direction is the flow's, and its start is not told.
      expected = expected.map { Self.withoutTimes($0) }
      got = got.map { Self.withoutTimes($0) }
    }
    #expect(Set(got) == Set(expected))
    #expect(got.count == expected.count)
    #expect(Int(target.counters.dataRecords) == decoder.flows.count)
    #expect(target.counters.clamped == 0)
    if kind.exportProtocol == .netflow9 {
      #expect(target.counters.absoluteTimes > 100)
      #expect(decoder.flows.contains { $0.number(22) != nil })
    } else {
      #expect(decoder.flows.allSatisfy { $0.text(3, 64_999) == "1:x/y=" })
      #expect(
        decoder.flows.allSatisfy { $0.text(1, 64_999) == "SF" && $0.text(2, 64_999) == "ShADadFf" })
    }
    try names(decoder)
  }

  /// Each interface's number has its name, and each IPFIX domain its sensor's.
  private func names(_ decoder: ExportDecoder) throws {
    let options = decoder.records.filter(\.isOptions)
    for domain in Set(decoder.records.map(\.domain)) {
      let told = options.filter { $0.domain == domain && $0.bytes(82) != nil }
      let numbers = Set(told.compactMap { $0.number(decoder.isIPFIX ? 10 : 2) })
      let texts = Set(told.compactMap { $0.text(82)?.replacing("\0", with: "") })
      #expect(texts == ["eth0", "eth1", "0000:3b:00.0"])
      #expect(numbers.count == 3)
      let used = decoder.flows.filter { $0.domain == domain }.compactMap { $0.number(10) }
      #expect(Set(used) == numbers)
    }
    if decoder.isIPFIX { #expect(Set(options.compactMap { $0.text(300) }) == ["edge1", "edge2"]) }
  }

  private static func reverse(_ record: ExportDecoder.Record) -> ExpectedRecord? {
    let pen: UInt32 = 29_305
    guard var turned = ExpectedRecord(record), let packets = record.number(2, pen),
      let octets = record.number(1, pen), let service = record.number(5, pen),
      record.number(239) == 1
    else { return nil }
    swap(&turned.source, &turned.destination)
    swap(&turned.sourcePort, &turned.destinationPort)
    turned.packets = packets
    turned.octets = octets
    turned.typeOfService = UInt8(service)
    turned.flags = UInt8(record.number(6, pen) ?? 0)
    return turned
  }

  private static func withoutTimes(_ record: ExpectedRecord) -> ExpectedRecord {
    var record = record
    record.start = 0
    record.end = 0
    return record
  }

  @Test("templates come again after messages and on a new tick after the time")
  func templatesAgain() throws {
    let receiver = try DatagramReceiver()
    var settings = FlowExportSettings(.ipfix, host: "127.0.0.1", port: receiver.port)
    settings.sendsOptions = true
    settings.templateMessages = 3
    let target = FlowExportTarget(settings)
    try target.open()
    var decoder = ExportDecoder(isIPFIX: true)
    for entry in 1...9 {
      _ = try target.deliver(
        [try ExportSample().record(entry: UInt64(entry))], interruption: Interruption())
    }
    for message in receiver.messages() { try decoder.decode(message) }
    // One of flows and two of options, then two messages with none.
    #expect(decoder.templateCounts == [3, 0, 0, 3, 0, 0, 3, 0, 0])
    // Three messages have gone out since.
    try target.tick()
    try target.tick()
    for message in receiver.messages() { try decoder.decode(message) }
    #expect(decoder.templateCounts == [3, 0, 0, 3, 0, 0, 3, 0, 0, 3])
  }

  @Test("types, ICMP and control bits stand where their elements are")
  func elements() throws {
    let receiver = try DatagramReceiver()
    var settings = FlowExportSettings(.ipfix, host: "127.0.0.1", port: receiver.port)
    settings.timeUnit = .nanoseconds
    settings.sendsOptions = true
    settings.domain = 42
    let target = FlowExportTarget(settings)
    try target.open()
    var sample = ExportSample()
    sample.source = "2001:db8::1"
    sample.destination = "2001:db8::2"
    sample.proto = "IPv6-ICMP"
    sample.ports = nil
    sample.icmp = (128, 0, 129)
    sample.macs = ("02:00:00:00:00:0a", "02:00:00:00:00:0b")
    sample.application = "failed"
    sample.endReason = "lack_of_resources"
    _ = try target.deliver([try sample.record()], interruption: Interruption())
    var decoder = ExportDecoder(isIPFIX: true)
    for message in receiver.messages() { try decoder.decode(message) }
    #expect(decoder.flows.count == 2)
    let request = try #require(decoder.flows.first { $0.number(139) == 128 << 8 })
    let reply = try #require(decoder.flows.first { $0.number(139) == 129 << 8 })
    #expect(request.domain == 42)
    #expect(request.bytes(56) == [2, 0, 0, 0, 0, 10] && request.bytes(80) == [2, 0, 0, 0, 0, 11])
    #expect(reply.bytes(56) == [2, 0, 0, 0, 0, 11] && reply.bytes(80) == [2, 0, 0, 0, 0, 10])
    #expect(request.number(192) == 64 && reply.number(192) == 250)
    #expect(request.number(136) == 5)
    #expect(request.number(352) == 570)
    #expect(request.text(96) == "failed")
    #expect(request.number(6) == nil)
    // NTP: seconds since 1900, 2^-32 seconds; read back to the nanosecond.
    let start = try #require(request.number(156))
    #expect(start >> 32 == 1_763_700_000 + 2_208_988_800)
    #expect(((start & 0xffff_ffff) * 1_000_000_000) >> 32 == 123_456_789)
    let options = decoder.records.filter(\.isOptions)
    #expect(options.compactMap { $0.text(300) } == [""])
  }
}
