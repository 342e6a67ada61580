import Foundation
import Testing

@testable import Forwarding

@Suite("Flow export: IPFIX over TCP")
struct FlowExportTCPTests {
  private static func settings(_ port: UInt16) -> FlowExportSettings {
    var settings = FlowExportSettings(.ipfix, host: "127.0.0.1", port: port)
    settings.transport = .tcp
    return settings
  }

  private static func batch(_ number: Int, _ random: inout ExportRandom) throws -> (
    records: [ForwardRecord], samples: [ExportSample]
  ) {
    let samples = (1...200).map { index in
      ExportSample.random(UInt64(number * 200 + index), now: ExportClock.now, &random)
    }
    return (try samples.map { try $0.record() }, samples)
  }

  @Test("a connection that is cut is made again, with templates, and nothing is missing")
  func cut() throws {
    let collector = try StreamCollector(cuts: [3, 1, 40, 7])
    defer { collector.stop() }
    let target = FlowExportTarget(Self.settings(collector.port))
    try target.open()
    var random = ExportRandom(23)
    var expected: [ExpectedRecord] = []
    var faults = 0
    for number in 0..<10 {
      let (records, samples) = try Self.batch(number, &random)
      expected += samples.flatMap { ExpectedRecord.of($0) }
      var isDelivered = false
      while !isDelivered {
        do throws(TargetFault) {
          let outcomes = try target.deliver(records, interruption: Interruption())
          isDelivered = outcomes.allSatisfy { $0 == .delivered }
        } catch {
          faults += 1
          try #require(faults < 100)
        }
      }
    }
    target.close()
    let due = Set(expected)
    try awaitExport("all records are there") {
      Set(collector.decoded.flatMap(\.flows).compactMap { ExpectedRecord($0) }) == due
        || !collector.malformed.isEmpty
    }
    #expect(collector.malformed.isEmpty, "\(collector.malformed)")
    #expect(collector.decoded.count == 5)
    #expect(faults >= 1)
    #expect(Int(target.counters.connections) == collector.decoded.count)
    // Over TCP a template goes out once a connection.
    #expect(collector.decoded.allSatisfy { $0.templatesAgain == 0 })
  }

  @Test("nobody there, then somebody")
  func later() throws {
    let port = try DatagramReceiver.freePort()
    let target = FlowExportTarget(Self.settings(port))
    let fault = #expect(throws: TargetFault.self) { try target.open() }
    #expect(fault?.isFinal == false)
    #expect(fault?.description.contains("127.0.0.1:\(port)") == true)
  }

  @Test(
    "a collector that takes nothing is a fault after the time-out, and an interruption ends the wait"
  )
  func stuck() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(listener) }
    // Small buffers, so that they are full soon.
    var size: Int32 = 4096
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, 4)
    let port = try bindLoopback(listener)
    try #require(listen(listener, 1) == 0)
    var settings = Self.settings(port)
    settings.timeoutSeconds = 0.3
    let target = FlowExportTarget(settings)
    try target.open()
    var random = ExportRandom(4)
    let (records, _) = try Self.batch(0, &random)
    let many = Array(repeating: records, count: 200).flatMap { $0 }
    let fault = #expect(throws: TargetFault.self) {
      try target.deliver(many, interruption: Interruption())
    }
    #expect(fault?.description.contains("take") == true, "\(fault?.description ?? "")")
    let interruption = Interruption()
    interruption.set()
    settings.timeoutSeconds = 600
    let patient = FlowExportTarget(settings)
    let second = #expect(throws: TargetFault.self) {
      try patient.deliver(many, interruption: interruption)
    }
    #expect(second?.description == "interrupted")
  }

  @Test(
    "settings that cannot work are said at once, and finally",
    arguments: [
      (0, "HOST:PORT"), (1, "port 0"), (2, "over TCP there is IPFIX"), (3, "biflows are IPFIX's"),
      (4, "576"), (5, "IANA's own"), (6, "more than 0 seconds"),
    ])
  func settings(_ index: Int, _ reason: String) throws {
    var settings = FlowExportSettings(.netflow9, host: "127.0.0.1", port: 2055)
    switch index {
    case 0: settings.host = ""
    case 1: settings.port = 0
    case 2: settings.transport = .tcp
    case 3: settings.isBiflow = true
    case 4: settings.messageBytes = 100
    case 5:
      settings.exportProtocol = .ipfix
      settings.enterpriseNumber = 29_305
    default: settings.timeoutSeconds = 0
    }
    let fault = #expect(throws: TargetFault.self) { try FlowExportTarget(settings).open() }
    #expect(fault?.isFinal == true)
    #expect(fault?.description.contains(reason) == true, "\(fault?.description ?? "")")
  }
}
