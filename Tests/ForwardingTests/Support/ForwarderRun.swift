import Forwarding
import Foundation
import Sinks
import Synchronization

/// A forwarder in threads of the test's own; ends with the last reference.
final class ForwarderRun: @unchecked Sendable {
  let forwarder: Forwarder
  let target: ObedientTarget
  private let messages: Lines
  private let ended = DispatchSemaphore(value: 0)
  private let outcome = Mutex<TargetFault?>(nil)
  private let hasEnded = Atomic(false)

  final class Lines: Sendable {
    let lines = Mutex<[String]>([])
  }

  init(
    _ redis: StreamRedis, target: ObedientTarget = ObedientTarget(), group: String = "siem",
    consumer: String = "host-1", transform: (any RecordTransform)? = nil,
    _ change: (inout ForwardSettings) -> Void = { _ in }
  ) throws {
    var settings = try ForwardSettings(
      redis: RedisURL(redis.url), group: group, consumer: consumer)
    settings.lingerSeconds = 0.02
    settings.discoverySeconds = 0.3
    settings.lagSeconds = 0.1
    change(&settings)
    let messages = Lines()
    self.messages = messages
    self.target = target
    forwarder = Forwarder(
      settings: settings,
      log: ForwardLog { level, text in
        messages.lines.withLock { $0.append("\(level.rawValue): \(text)") }
      })
    Thread.detachNewThread { [self] in
      do throws(TargetFault) {
        try forwarder.run(target: target, transform: transform)
      } catch {
        outcome.withLock { $0 = error }
      }
      hasEnded.store(true, ordering: .sequentiallyConsistent)
      ended.signal()
    }
  }

  var current: ForwardCounters { forwarder.current }
  var log: [String] { messages.lines.withLock { $0 } }
  var isRunning: Bool { !hasEnded.load(ordering: .sequentiallyConsistent) }

  /// Stops it, and waits for the end.
  @discardableResult func stop() throws -> ForwardCounters {
    forwarder.stop()
    return try wait()
  }

  /// Waits for it to end by itself.
  @discardableResult func wait(seconds: Double = 30) throws -> ForwardCounters {
    guard ended.wait(timeout: .now() + seconds) == .success else {
      forwarder.stopNow()
      throw StreamTestError("the forwarder had not ended after \(seconds) s: \(log)")
    }
    ended.signal()
    if let fault = outcome.withLock({ $0 }) { throw fault }
    return current
  }
}
