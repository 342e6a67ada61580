import ControlAPI
import Synchronization

/// Named points in time that counters can be read from: `stats.reset` makes one, and the engine's own
/// counters know nothing of it.
///
/// All clients share them. There are so many at the most; where one more is wanted, one that nobody
/// has read for an hour gives way.
final class StatsViews: Sendable {
  private struct View {
    var baseline: EngineStats
    var lastUse: ContinuousClock.Instant
  }

  private let views = Mutex<[String: View]>([:])
  private let limit: Int
  private let unusedSeconds: Double

  init(limit: Int, unusedSeconds: Double = 3600) {
    self.limit = limit
    self.unusedSeconds = unusedSeconds
  }

  /// - Throws: ``RPCError`` where the name cannot be one, or there are too many views.
  func reset(_ name: String, to stats: EngineStats) throws(RPCError) -> StatsResetAnswer {
    guard Self.isName(name) else {
      throw RPCError(
        .invalidParams,
        "view is \"\(name)\"; 1 to 64 letters, digits, `.`, `_` and `-` would be right",
        data: ["parameter": "view", "expected": "[A-Za-z0-9._-]{1,64}"])
    }
    let now = ContinuousClock.now
    try views.withLock { views throws(RPCError) in
      if views[name] == nil && views.count >= limit {
        let unused = views.filter { now - $0.value.lastUse > .seconds(unusedSeconds) }
        guard let oldest = unused.min(by: { $0.value.lastUse < $1.value.lastUse }) else {
          throw RPCError(
            .limitExceeded,
            "there are \(limit) views, and all are in use; reset one of them, or wait until one was"
              + " not read for an hour",
            data: [
              "limit": "views", "maximum": .number(String(limit)),
              "allowed": .array(views.keys.sorted().map { .string($0) }),
            ])
        }
        views[oldest.key] = nil
      }
      views[name] = View(baseline: stats.asBaseline, lastUse: now)
    }
    return StatsResetAnswer(view: name, since: stats.timestamp)
  }

  /// - Throws: ``RPCError`` where there is no such view.
  func expect(_ name: String) throws(RPCError) {
    try views.withLock { views throws(RPCError) in
      guard views[name] == nil else { return }
      throw RPCError(
        .invalidParams, "there is no view \"\(name)\"; stats.reset makes it",
        data: [
          "parameter": "view", "allowed": .array(views.keys.sorted().map { .string($0) }),
        ])
    }
  }

  /// What a view shows of the engine's counters; nil for the view: all of it.
  func stats(of name: String?, from stats: EngineStats) throws(RPCError) -> EngineStats {
    guard let name else { return stats }
    try expect(name)
    let baseline = views.withLock { views in
      views[name]?.lastUse = ContinuousClock.now
      return views[name]?.baseline
    }
    return baseline.map(stats.since) ?? stats
  }

  private static func isName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
