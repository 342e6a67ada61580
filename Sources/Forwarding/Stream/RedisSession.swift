internal import Sinks

/// A connection to Redis that comes back: attempts are spaced, and what is wrong is said once and then
/// each minute. Used by one thread.
final class RedisSession {
  private let url: RedisURL
  private let log: ForwardLog
  private let counters: CounterBook
  private var client: RedisClient?
  private var backoff = Backoff()
  private var report: FaultReport
  private var notBefore = 0.0

  /// For connecting and for each answer: longer than any XREADGROUP blocks.
  static let timeoutSeconds = 10.0

  init(url: RedisURL, log: ForwardLog, counters: CounterBook) {
    self.url = url
    self.log = log
    self.counters = counters
    report = FaultReport(url.target)
  }

  /// Seconds until the next attempt to connect is due.
  var waitSeconds: Double { max(0, notBefore - monotonicSeconds()) }

  /// Whether there is a connection, as far as is known.
  var isConnected: Bool { client != nil }

  /// The connection; a new one where it was lost and an attempt is due, else nil.
  func connected() -> RedisClient? {
    if let client { return client }
    guard monotonicSeconds() >= notBefore else { return nil }
    do {
      let client = try RedisClient(url, timeoutSeconds: Self.timeoutSeconds)
      self.client = client
      return client
    } catch {
      failed(error)
      return nil
    }
  }

  /// Redis has done what it was asked for.
  func worked() {
    backoff.reset()
    if let text = report.worked(now: monotonicSeconds()) { log.info(text) }
  }

  /// The connection is given up: whatever was under way on it may or may not have been done.
  func failed(_ fault: RedisFault) {
    client = nil
    let now = monotonicSeconds()
    notBefore = now + backoff.next()
    counters.update {
      $0.redisFaults += 1
      $0.lastError = fault.description
    }
    if let text = report.failed(fault.description, now: now) { log.warning(text) }
  }
}
