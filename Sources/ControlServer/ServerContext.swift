import Logging
import NIOCore
import NIOPosix
import Synchronization

/// What the clients of one server share.
struct ServerContext: Sendable {
  let limits: ControlServerLimits
  let processor: MessageProcessor
  let authorizer: ControlAuthorizer
  /// Where the engine is asked.
  let threads: EngineThreads
  let clients: ClientRegistry
  /// Used on the event loop only; nil once the server stops.
  let hub: NIOLoopBoundBox<SubscriptionHub?>
  let refusals: RefusalLog
  let logger: Logger
}

/// The clients that are connected. Used on the server's event loop only; it says so if not.
final class ClientRegistry: Sendable {
  private let clients: NIOLoopBoundBox<[ObjectIdentifier: ClientHandler]>
  private let leaving: NIOLoopBoundBox<Int>
  private let limit: Int

  init(limit: Int, eventLoop: any EventLoop) {
    clients = .makeBoxSendingValue([:], eventLoop: eventLoop)
    leaving = .makeBoxSendingValue(0, eventLoop: eventLoop)
    self.limit = limit
  }

  /// False where there are too many.
  func add(_ client: ClientHandler) -> Bool {
    guard clients.value.count < limit else { return false }
    clients.value[ObjectIdentifier(client)] = client
    return true
  }

  func remove(_ client: ClientHandler) {
    clients.value[ObjectIdentifier(client)] = nil
  }

  /// Whether one more may take its time to close; those that may are as many as clients.
  func beginLeaving() -> Bool {
    guard leaving.value < limit else { return false }
    leaving.value += 1
    return true
  }

  func endLeaving() { leaving.value -= 1 }

  var isEmpty: Bool { clients.value.isEmpty }

  /// See ``ClientHandler/finish()`` and ``ClientHandler/abort()``.
  func closeAll(waitingForAnswers: Bool) {
    // A copy, because closing takes clients out of the table.
    for client in Array(clients.value.values) {
      if waitingForAnswers { client.finish() } else { client.abort() }
    }
  }
}

/// Logs refused clients, at most one line a second: a stranger must not be able to fill the log.
final class RefusalLog: Sendable {
  private struct State {
    var last: ContinuousClock.Instant?
    var suppressed = 0
  }

  private let state = Mutex(State())
  private let logger: Logger

  init(logger: Logger) { self.logger = logger }

  func note(_ message: Logger.Message, metadata: Logger.Metadata) {
    let now = ContinuousClock.now
    let suppressed: Int? = state.withLock { state in
      if let last = state.last, now - last < .seconds(1) {
        state.suppressed += 1
        return nil
      }
      defer { state = State(last: now) }
      return state.suppressed
    }
    guard let suppressed else { return }
    var metadata = metadata
    if suppressed > 0 { metadata["more_since"] = "\(suppressed)" }
    logger.warning(message, metadata: metadata)
  }
}
