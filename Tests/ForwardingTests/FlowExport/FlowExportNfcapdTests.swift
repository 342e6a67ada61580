import Foundation
import Testing

@testable import Forwarding

/// nfcapd and nfdump are the judges: what they list is what the records say.
@Suite("Flow export: nfcapd", .enabled(if: ExportPrograms.nfdump))
struct FlowExportNfcapdTests {
  @Test(
    "every field of every flow",
    arguments: [
      (FlowExportProtocol.netflow9, false), (FlowExportProtocol.ipfix, false),
      (FlowExportProtocol.ipfix, true),
    ])
  func everyField(_ exportProtocol: FlowExportProtocol, _ isBiflow: Bool) throws {
    var random = ExportRandom(11)
    let samples = (1...900).map { ExportSample.random($0, now: ExportClock.now, &random) }
    let collector = try Nfcapd()
    var settings = FlowExportSettings(exportProtocol, host: "127.0.0.1", port: collector.port)
    settings.isBiflow = isBiflow
    settings.recordsPerSecond = 20_000
    settings.templateMessages = 20
    let target = FlowExportTarget(settings)
    try target.open()
    for start in stride(from: 0, to: samples.count, by: 90) {
      let records = try samples[start..<start + 90].map { try $0.record() }
      _ = try target.deliver(records, interruption: Interruption())
    }
    let (summary, flows, reverse) = try collector.finish()
    #expect(summary.contains("Sequence Errors: 0"), "\(summary)")
    #expect(summary.contains("Bad Packets: 0"), "\(summary)")
    var expected = samples.flatMap { sample in
      let records = ExpectedRecord.of(sample)
      return (isBiflow ? Array(records.prefix(1)) : records).enumerated().map { direction, record in
        Self.asListed(record, sample, direction)
      }
    }
    if !isBiflow {
      #expect(reverse.allSatisfy { $0.packets == 0 && $0.octets == 0 })
    } else {
      #expect(
        Set(reverse)
          == Set(
            samples.map { Nfcapd.ReverseCounts(packets: $0.packets.1, octets: $0.octets.1) }))
    }
    #expect(flows.count == expected.count)
    let missing = Set(expected).subtracting(flows)
    let foreign = Set(flows).subtracting(expected)
    #expect(missing.isEmpty && foreign.isEmpty)
    if let one = missing.first {
      Issue.record("\(missing.count) missing, such as \(one)")
      expected = foreign.filter { $0.source == one.source }
      Issue.record("listed: \(expected)")
    }
  }

  /// nfdump has no flow_id, and ICMP's type and code for the destination's port.
  private static func asListed(_ record: ExpectedRecord, _ sample: ExportSample, _ direction: Int)
    -> ExpectedRecord
  {
    var record = record
    record.id = 0
    if let icmp = sample.icmp {
      record.destinationPort =
        direction == 0 ? UInt16(icmp.0) << 8 | UInt16(icmp.1) : UInt16(icmp.2) << 8
    }
    return record
  }
}
