/// How long a new connection must last before records are entrusted to it.
///
/// A connection that comes about says little: a balancer accepts it and has nobody behind it, and a
/// receiver in TLS 1.3 that does not like the client's certificate says so only after the client
/// has begun to send. Their kernels acknowledge all the same. So nothing new is sent for a second,
/// and for twice as long after each connection that did not last.
struct SyslogProbation {
  private let firstSeconds: Double
  private var seconds: Double
  private var began: ContinuousClock.Instant?

  static let longestSeconds: Double = 16
  /// A connection that was lost later than this was a good one.
  static let goodSeconds: Double = 60

  init(firstSeconds: Double) {
    self.firstSeconds = firstSeconds
    seconds = firstSeconds
  }

  mutating func began(at now: ContinuousClock.Instant) { began = now }

  mutating func lost(at now: ContinuousClock.Instant) {
    guard let began else { return }
    let wasGood = now - began > .seconds(Self.goodSeconds)
    seconds = wasGood ? firstSeconds : min(seconds * 2, Self.longestSeconds)
  }

  func isOn(at now: ContinuousClock.Instant) -> Bool {
    began.map { now - $0 < .seconds(seconds) } ?? false
  }

  /// How long to wait before the connection is looked at again: a fifth of a second at the most.
  func pauseMilliseconds(at now: ContinuousClock.Instant) -> Int {
    guard let began else { return 0 }
    let left = (Duration.seconds(seconds) - (now - began)) / .milliseconds(1)
    return min(max(Int(left.rounded(.up)), 1), 200)
  }
}
