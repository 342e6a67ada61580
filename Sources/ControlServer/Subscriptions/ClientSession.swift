import ControlAPI
import Synchronization

/// What a client wants to be told, and how often.
struct Subscription: Sendable {
  var periodSeconds: Double
  var view: String?
}

/// What belongs to one connection: handlers use it on the engine's threads, the socket's side on the
/// event loop.
final class ClientSession: Sendable {
  private struct State {
    var nextNumber: UInt64 = 1
    var subscriptions: [UInt64: Subscription] = [:]
    var hasChanged = false
  }

  private let state = Mutex(State())
  private let gone = Atomic(false)

  /// The client is no longer there: what only it wanted to know need not be found out.
  var isGone: Bool { gone.load(ordering: .relaxed) }

  func end() { gone.store(true, ordering: .relaxed) }

  /// The number of the new subscription.
  func subscribe(_ subscription: Subscription, limit: Int) throws(RPCError) -> UInt64 {
    try state.withLock { state throws(RPCError) in
      guard state.subscriptions.count < limit else {
        throw RPCError(
          .limitExceeded,
          "this client has \(limit) subscriptions, and no more are taken; end one of them",
          data: ["limit": "subscriptionsPerClient", "maximum": .number(String(limit))])
      }
      let number = state.nextNumber
      state.nextNumber += 1
      state.subscriptions[number] = subscription
      state.hasChanged = true
      return number
    }
  }

  func unsubscribe(_ number: UInt64) throws(RPCError) {
    try state.withLock { state throws(RPCError) in
      guard state.subscriptions.removeValue(forKey: number) != nil else {
        let numbers = state.subscriptions.keys.sorted()
        throw RPCError(
          .invalidParams, "this connection has no subscription \(number)",
          data: [
            "parameter": "subscription", "allowed": .array(numbers.map { .number(String($0)) }),
          ])
      }
      state.hasChanged = true
    }
  }

  /// The subscriptions, where they are others than when this was asked last; else nil.
  func takeChange() -> [UInt64: Subscription]? {
    state.withLock { state in
      guard state.hasChanged else { return nil }
      state.hasChanged = false
      return state.subscriptions
    }
  }
}
