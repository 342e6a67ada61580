import ControlAPI
import Logging
import Runtime
import Testing

@Suite struct SinkWatchTests {
  private func sink(_ change: (inout SinkStats) -> Void = { _ in }) -> SinkStats {
    var sink = SinkStats()
    sink.name = "redis"
    sink.spoolLimitBytes = 100 << 20
    change(&sink)
    return sink
  }

  @Test func aHealthySinkIsNotMentioned() {
    var watch = SinkWatch()
    for second in 0..<100 {
      #expect(watch.look(at: [sink { $0.lagSeconds = 0.05 }], seconds: Double(second)).isEmpty)
    }
  }

  @Test func failingAndDeliveringAgainAreSaidOnce() {
    var watch = SinkWatch()
    let away = sink {
      $0.isHealthy = false
      $0.lastError = "connection lost"
      $0.backlog = 7
    }
    #expect(
      watch.look(at: [away], seconds: 1) == [
        SinkWatch.Line(level: .warning, text: "sink redis: connection lost")
      ])
    #expect(watch.look(at: [away], seconds: 2).isEmpty)
    #expect(
      watch.look(at: [sink { $0.backlog = 7 }], seconds: 3) == [
        SinkWatch.Line(level: .notice, text: "sink redis: delivers again; 7 records wait")
      ])
  }

  /// Each threshold once on the way up, and again only when it had fallen well below.
  @Test func lagAndAFillingSpoolAreSaidAtThresholds() {
    var watch = SinkWatch()
    var said: [String] = []
    let lags = [5.0, 11, 12, 59, 61, 120, 700, 650, 40, 9, 4, 11]
    for (second, lag) in lags.enumerated() {
      said += watch.look(at: [sink { $0.lagSeconds = lag }], seconds: Double(second)).map(\.text)
    }
    #expect(said.map { $0.contains("has waited for") } == [true, true, true, true])
    #expect(said.first?.contains("waited for 10 s") == true, "\(said)")
    #expect(said.dropFirst(2).first?.contains("waited for 600 s") == true, "\(said)")
    said = []
    for (second, megabytes) in [10, 49, 51, 60, 89, 91, 95, 60, 44, 20, 55].enumerated() {
      let bytes = UInt64(megabytes) << 20
      said += watch.look(at: [sink { $0.spooledBytes = bytes }], seconds: Double(second)).map(
        \.text)
    }
    #expect(said.count == 3 && said.allSatisfy { $0.contains("spool is filled") }, "\(said)")
  }

  /// At once, with causes, and while it goes on not more than once a minute.
  @Test func lossesAreSaidWithTheirCauses() {
    var watch = SinkWatch()
    var said: [SinkWatch.Line] = []
    for second in 0..<130 {
      let lossy = sink {
        $0.droppedSpoolFull = UInt64(second * 10)
        $0.lostByRedis = 5
      }
      said += watch.look(at: [lossy], seconds: Double(second))
    }
    #expect(said.count == 3 && said.allSatisfy { $0.level == .error }, "\(said)")
    #expect(said.last?.text.contains("600 records lost") == true, "\(said)")
    #expect(said.last?.text.contains("the spool was full 1200, lost by Redis 5") == true, "\(said)")
  }
}
