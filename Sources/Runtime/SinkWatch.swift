package import ControlAPI
package import Logging

/// Says what an operator should know of the sinks, once and not each second: that one fails or
/// delivers again, that records have waited for long, that a spool fills, that records are lost.
package struct SinkWatch {
  package struct Line: Equatable, Sendable {
    package var level: Logger.Level
    package var text: String

    package init(level: Logger.Level, text: String) {
      self.level = level
      self.text = text
    }
  }

  /// What has been said of a sink.
  private struct Said {
    var isHealthy = true
    var lagThreshold = 0.0
    var spoolThreshold = 0.0
    var lost: UInt64 = 0
    var lostSeconds = -Double.infinity
    var retransmitted: UInt64 = 0
    var reordered: UInt64 = 0
  }

  /// Seconds that the oldest record has waited, from the lowest on.
  package static let lagThresholds = [10.0, 60, 600, 3600]
  /// Parts of what a spool may hold.
  package static let spoolThresholds = [0.5, 0.9]
  /// Losses that go on are said again after this many seconds.
  package static let lossSeconds = 60.0

  private var said: [Said] = []

  package init() {}

  /// - Parameter seconds: of any clock that only goes forward.
  package mutating func look(at sinks: [SinkStats], seconds: Double) -> [Line] {
    while said.count < sinks.count { said.append(Said()) }
    return sinks.enumerated().flatMap { place, sink in
      Self.look(at: sink, &said[place], seconds).map {
        Line(level: $0.level, text: "sink \(sink.name): \($0.text)")
      }
    }
  }

  private static func look(at sink: SinkStats, _ said: inout Said, _ seconds: Double) -> [Line] {
    var lines: [Line] = []
    if sink.isHealthy != said.isHealthy {
      said.isHealthy = sink.isHealthy
      lines.append(
        sink.isHealthy
          ? Line(level: .notice, text: "delivers again; \(sink.backlog) records wait")
          : Line(level: .warning, text: sink.lastError ?? "does not deliver"))
    }
    let lag = lagThresholds.last { sink.lagSeconds >= $0 } ?? 0
    if lag > said.lagThreshold {
      lines.append(
        Line(
          level: .warning,
          text: "the oldest record has waited for \(Int(lag)) s; \(sink.backlog) wait"
            + (sink.spoolLimitBytes > 0
              ? ", \(sink.spooledBytes >> 20) of \(sink.spoolLimitBytes >> 20) MiB are on disk"
              : "")
        ))
    }
    // Half a threshold below, it is as if it had not been said.
    if lag > said.lagThreshold || sink.lagSeconds < said.lagThreshold / 2 {
      said.lagThreshold = lag
    }
    let filled = Double(sink.spooledBytes) / Double(max(sink.spoolLimitBytes, 1))
    let spool = sink.spoolLimitBytes > 0 ? spoolThresholds.last { filled >= $0 } ?? 0 : 0
    if spool > said.spoolThreshold {
      lines.append(
        Line(
          level: .warning,
          text: "its spool is filled to \(Int(spool * 100)) %;"
            + " what comes when it is full is dropped"))
    }
    if spool > said.spoolThreshold || filled < said.spoolThreshold / 2 {
      said.spoolThreshold = spool
    }
    if sink.retransmitted > said.retransmitted {
      lines.append(
        Line(
          level: .warning,
          text: "\(sink.retransmitted - said.retransmitted) records that Redis had acknowledged and"
            + " lost were sent again"))
      said.retransmitted = sink.retransmitted
    }
    if sink.reordered > said.reordered {
      lines.append(
        Line(
          level: .warning,
          text: "\(sink.reordered - said.reordered) records were sent under new IDs: somebody else"
            + " writes to the stream"))
      said.reordered = sink.reordered
    }
    if sink.lost > said.lost && seconds - said.lostSeconds >= lossSeconds {
      lines.append(
        Line(level: .error, text: "\(sink.lost - said.lost) records lost: \(causes(sink))"))
      said.lost = sink.lost
      said.lostSeconds = seconds
    }
    return lines
  }

  /// All losses so far, by cause.
  private static func causes(_ sink: SinkStats) -> String {
    let causes = [
      ("the queue was full", sink.droppedQueueFull), ("the spool was full", sink.droppedSpoolFull),
      ("refused by the receiver", sink.droppedRefused),
      ("given up on at shutdown", sink.droppedAtShutdown),
      ("lost by Redis", sink.lostByRedis),
    ]
    return causes.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
      + " since the start"
  }
}
