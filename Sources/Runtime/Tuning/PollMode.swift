/// What a worker does when its queues have nothing.
package enum PollMode: UInt64, CaseIterable, Sendable {
  /// Polls on without a pause: the shortest latency, and a whole core whatever the traffic.
  case busy
  /// Polls on for a while, then sleeps between polls, longer and longer up to a bound.
  case adaptive

  package init?(name: String) {
    guard let mode = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = mode
  }

  /// As in the configuration.
  package var name: String {
    switch self {
    case .busy: "busy"
    case .adaptive: "adaptive"
    }
  }
}
