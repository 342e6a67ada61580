/// What one client, and all of them together, may take of the server. The most memory it can need
/// for clients is `clients × (messageBytes + readBytes + responseBytes)`, and one notification each.
package struct ControlServerLimits: Sendable {
  /// The longest line that is read.
  package var messageBytes = 256 << 10
  /// How deep arrays and objects may be nested in it.
  package var depth = 32
  /// The largest batch.
  package var requestsPerBatch = 64
  /// Once the answers to a batch are this long, the rest of it is refused.
  package var responseBytes = 4 << 20
  /// Connected at the same time.
  package var clients = 64
  /// Without a whole message for this long, a client is told so and closed.
  package var idleSeconds: Double = 300
  /// A client that has not read its answer by then is closed.
  package var writeSeconds: Double = 30

  /// Subscriptions of one client.
  package var subscriptionsPerClient = 8
  /// Views of the counters, all clients together.
  package var views = 32

  /// What is read from a socket at once.
  static let readBytes = 16 << 10

  package init() {}
}
