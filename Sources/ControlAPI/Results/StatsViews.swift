/// Parameters of `stats.get`.
package struct StatsGetParameters: ControlParameters, Equatable {
  package static let names = ["view"]
  /// Counters since this view was reset; since the engine's start unless given.
  package var view: String?

  package init(view: String? = nil) { self.view = view }
}

/// Parameters of `stats.reset`.
package struct StatsResetParameters: ControlParameters, Equatable {
  package static let names = ["view"]
  /// A name of the caller's choice, `[A-Za-z0-9._-]+`; all clients share it.
  package var view: String

  package init(view: String) { self.view = view }
}

/// Answer of `stats.reset`.
package struct StatsResetAnswer: Codable, Equatable, Sendable {
  package var view: String
  /// Wall clock, ``ControlTime``: from when on the view counts.
  package var since: String

  package init(view: String, since: String) {
    self.view = view
    self.since = since
  }
}

/// Parameters of `stats.subscribe`.
package struct StatsSubscribeParameters: ControlParameters, Equatable {
  package static let names = ["periodSeconds", "view"]
  package static let periodRange = 0.1...3600.0
  /// ``periodRange``; 1 unless given.
  package var periodSeconds: Double
  /// Counters since this view was reset; since the engine's start unless given.
  package var view: String?

  package init(periodSeconds: Double = 1, view: String? = nil) {
    self.periodSeconds = periodSeconds
    self.view = view
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    periodSeconds = try container.decodeIfPresent(Double.self, forKey: .periodSeconds) ?? 1
    try ParameterCheck.range(periodSeconds, Self.periodRange, "periodSeconds")
    view = try container.decodeIfPresent(String.self, forKey: .view)
  }
}

/// Parameters of `stats.unsubscribe`.
package struct UnsubscribeParameters: ControlParameters, Equatable {
  package static let names = ["subscription"]
  /// Its number, as `stats.subscribe` answered it.
  package var subscription: UInt64

  package init(subscription: UInt64) { self.subscription = subscription }
}

/// Answer of `stats.subscribe` and `stats.unsubscribe`.
package struct SubscriptionAnswer: Codable, Equatable, Sendable {
  /// Within this connection.
  package var subscription: UInt64

  package init(subscription: UInt64) { self.subscription = subscription }
}

/// Parameters of the notification `stats.update` that the server sends.
package struct StatsNotification: Codable, Equatable, Sendable {
  package static let method = "stats.update"
  package var subscription: UInt64
  /// From 1; those that were left out because the client did not read count, too.
  package var sequence: UInt64
  /// How many have been left out so far.
  package var lost: UInt64
  package var stats: EngineStats

  package init(subscription: UInt64, sequence: UInt64, lost: UInt64, stats: EngineStats) {
    self.subscription = subscription
    self.sequence = sequence
    self.lost = lost
    self.stats = stats
  }
}

/// Parameters of `rpc.version`.
package struct VersionParameters: ControlParameters, Equatable {
  package static let names = ["api"]
  /// What the client was made for, `1.2`; where the server cannot serve it the answer is an error that
  /// says what it can.
  package var api: String?

  package init(api: String? = nil) { self.api = api }
}
