import ControlAPI
import FlowEngine
import Testing

@testable import martlet

/// What `martlet read` says where a table of the engine was full.
struct ReadLossTests {
  @Test func nothingIsSaidWhereNothingIsLost() {
    #expect(ReadRun.losses(CounterSnapshot(), flows: 1024, dissected: 1024) == [])
  }

  @Test func everyTableThatWasFullIsSaid() throws {
    var counters = CounterSnapshot()
    counters[.evicted] = 1200
    counters[.detailsNotKept] = 7
    counters[.tunnelsNotKept] = 8
    counters[.dissectionNoState] = 34
    counters[.dissectionNoMemory] = 5
    counters[.protocolRecordsDropped] = 6
    let losses = ReadRun.losses(counters, flows: 2048, dissected: 1024)
    try #require(losses.count == 6)
    #expect(losses[0].hasPrefix("1,200 flows ended early") && losses[0].contains("2048"))
    #expect(losses[1].hasPrefix("7 times there was no room") && losses[2].hasPrefix("8 flows"))
    #expect(losses[3].hasPrefix("34 flows were not looked into") && losses[3].contains("1024"))
    #expect(losses[4].hasPrefix("5 times") && losses[5].hasPrefix("6 protocol records"))
  }

  @Test func theSummarySaysSoToo() {
    var summary = ReadSummary()
    summary.input.counters = CounterSnapshot()
    summary.input.counters?[.detailsNotKept] = 8
    summary.input.counters?[.tunnelsNotKept] = 7
    summary.input.counters?[.dissectionNoState] = 34
    summary.input.counters?[.dissectionNoMemory] = 5
    summary.input.counters?[.protocolRecordsDropped] = 6
    #expect(
      summary.findings.map(\.counter)
        == [
          .dissectionNoState, .detailsNotKept, .tunnelsNotKept, .protocolRecordsDropped,
          .dissectionNoMemory,
        ])
    #expect(summary.findings.allSatisfy { $0.kind == .lost })
    #expect(summary.json()["lost"]?["dissection_no_state"] == 34)
    #expect(summary.json()["lost"]?["tunnels_not_kept"] == 7)
  }
}
