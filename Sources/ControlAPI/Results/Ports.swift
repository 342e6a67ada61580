/// Answer of `ports.list`.
package struct PortList: Codable, Equatable, Sendable {
  package var ports: [PortState] = []

  package init() {}
}

/// A port, as it is now.
package struct PortState: Codable, Equatable, Sendable {
  package var status = PortStatus()
  /// Whether it takes packets: it does from the start on, until `ports.stop`.
  package var isStarted = true
  package var stats = PortStats()

  package init() {}
}

/// Parameters of `ports.start` and `ports.stop`.
package struct PortParameters: ControlParameters, Equatable {
  package static let names = ["port"]
  /// Its name in the configuration.
  package var port: String

  package init(port: String) { self.port = port }
}

/// Answer of `ports.start` and `ports.stop`.
package struct PortChange: Codable, Equatable, Sendable {
  package var port: String
  /// Whether it was started before, and is now.
  package var before: Bool
  package var after: Bool
  package var notes: [String]

  package init(port: String, before: Bool, after: Bool, notes: [String] = []) {
    self.port = port
    self.before = before
    self.after = after
    self.notes = notes
  }
}
