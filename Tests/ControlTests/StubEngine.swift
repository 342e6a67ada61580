import ControlAPI
import Foundation
import Synchronization

/// An engine that answers from fixed data.
final class StubEngine: SampleEngine {
  struct Failure: Error {}

  let controls = SampleControls()
  let sampleUptimeSeconds: Double = 3725

  private let shutdowns = Mutex(0)
  private let asked = Mutex<[FlowsTopParameters]>([])
  /// How long each answer takes.
  let delaySeconds: Double
  /// Whether `stats` throws something that is no ``RPCError``.
  let statsFail: Bool

  init(delaySeconds: Double = 0, statsFail: Bool = false) {
    self.delaySeconds = delaySeconds
    self.statsFail = statsFail
  }

  var shutdownsRequested: Int { shutdowns.withLock { $0 } }
  var topFlowsAsked: [FlowsTopParameters] { asked.withLock { $0 } }

  func status() throws -> EngineStatus {
    if delaySeconds > 0 { Thread.sleep(forTimeInterval: delaySeconds) }
    return SampleData.status()
  }

  func stats() throws -> EngineStats {
    if statsFail { throw Failure() }
    return SampleData.stats(uptimeSeconds: sampleUptimeSeconds)
  }

  func topFlows(_ parameters: FlowsTopParameters) throws -> FlowsTop {
    asked.withLock { $0.append(parameters) }
    return try sampleTop(parameters)
  }

  func tunables(_ parameters: TuningGetParameters) throws -> TuningList {
    if let key = parameters.key, key != SampleData.polling.key {
      throw RPCError(.invalidParams, "there is no tunable \"\(key)\"")
    }
    return TuningList([SampleData.polling])
  }

  func tune(_ parameters: TuningSetParameters) throws -> TuningChange {
    tuned.withLock { $0.append(parameters) }
    return TuningChange(
      key: parameters.key, before: SampleData.polling.value, after: parameters.value, unit: "")
  }

  private let tuned = Mutex<[TuningSetParameters]>([])
  var tuningAsked: [TuningSetParameters] { tuned.withLock { $0 } }

  func requestShutdown() throws { shutdowns.withLock { $0 += 1 } }
}

/// An engine whose numbers move, to look at the command line with.
final class LiveStubEngine: SampleEngine {
  let controls = SampleControls()
  private let start = ContinuousClock.now
  private let stopping = Atomic(false)
  private let startedAt = Date()

  var isStopping: Bool { stopping.load(ordering: .relaxed) }

  var sampleUptimeSeconds: Double {
    let elapsed = ContinuousClock.now - start
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
  }

  func status() throws -> EngineStatus {
    var status = SampleData.status()
    status.pid = getpid()
    status.uptimeSeconds = sampleUptimeSeconds
    status.startTime = ControlTime.text(
      nanoseconds: Int64(startedAt.timeIntervalSince1970 * 1e9))
    return status
  }

  func stats() throws -> EngineStats {
    var stats = SampleData.stats(uptimeSeconds: sampleUptimeSeconds)
    stats.timestamp = ControlTime.text(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
    return stats
  }

  func topFlows(_ parameters: FlowsTopParameters) throws -> FlowsTop {
    try sampleTop(parameters)
  }

  func tunables(_ parameters: TuningGetParameters) throws -> TuningList {
    TuningList([SampleData.polling])
  }

  func tune(_ parameters: TuningSetParameters) throws -> TuningChange {
    throw RPCError(.wrongState, "an engine of samples has nothing to tune")
  }

  func requestShutdown() throws { stopping.store(true, ordering: .relaxed) }
}
