/// Why a client got no answer. An answer that is an error is an ``RPCError`` instead.
package struct ControlClientError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Equatable, Sendable {
    /// Nobody listens there: no socket, or one left behind.
    case unavailable
    /// The socket's mode or the peer's uid forbids it.
    case notPermitted
    /// The daemon went away in the middle.
    case connectionLost
    case timedOut
    /// The path cannot be a socket's.
    case badPath
    /// What came back is not an answer of JSON-RPC 2.0.
    case badAnswer
  }

  package var kind: Kind
  /// What was wrong and what would be right, in one line.
  package var description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
