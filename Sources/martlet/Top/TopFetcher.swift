import ControlAPI
import Foundation

/// Asks the engine on a thread of its own, so that keys are answered while an answer is on its way.
final class TopFetcher: @unchecked Sendable {
  struct Request: Equatable, Sendable {
    var count: Int
    var order: FlowOrder
    var key: FlowKeyKind
    /// Empty: all flows.
    var expression: String
  }

  enum Outcome: Sendable {
    case answer(EngineStatus, EngineStats, FlowsTop)
    /// The expression is wrong; the rest was not asked for.
    case wrongExpression(String)
    /// The daemon cannot be asked just now, and why.
    case unreachable(String)
  }

  private let socketPath: String
  /// Belongs to whoever runs ``ask(_:)``: the thread, once it is started.
  private var client: ControlClient?
  // Under `condition`'s lock.
  private let condition = NSCondition()
  private var wanted: Request?
  private var outcomes: [(Request, Outcome)] = []
  private var isBusy = false
  private var busySince = Date.distantPast

  init(socketPath: String) { self.socketPath = socketPath }

  /// The first answer, on the caller's thread.
  ///
  /// - Throws: What a daemon that cannot be asked at all is the cause of.
  func first(_ request: Request) throws -> Outcome {
    client = try ControlClient(socketPath: socketPath, timeoutSeconds: Self.patience)
    return try ask(request)
  }

  /// From now on ``request(_:)`` is answered; `notify` is called on another thread when it is.
  func start(notify: @escaping @Sendable () -> Void) {
    Thread.detachNewThread { [self] in
      while true {
        let request = next()
        let outcome = attempt(request)
        condition.lock()
        outcomes.append((request, outcome))
        isBusy = false
        condition.unlock()
        notify()
      }
    }
  }

  /// Asks; a request that is not begun yet gives way to this one.
  func request(_ request: Request) {
    condition.lock()
    wanted = request
    condition.signal()
    condition.unlock()
  }

  /// What has been answered since the last time, the oldest first.
  func takeOutcomes() -> [(request: Request, outcome: Outcome)] {
    condition.lock()
    defer { condition.unlock() }
    let taken = outcomes
    outcomes = []
    return taken.map { ($0.0, $0.1) }
  }

  /// How long the present request has been on its way; 0 where there is none.
  var waitingSeconds: Double {
    condition.lock()
    defer { condition.unlock() }
    return isBusy ? max(0, Date().timeIntervalSince(busySince)) : 0
  }

  /// Seconds: the engine may have to look through ten millions of flows.
  private static let patience = 10.0

  private func next() -> Request {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let request = wanted {
        wanted = nil
        isBusy = true
        busySince = Date()
        return request
      }
      condition.wait()
    }
  }

  private func attempt(_ request: Request) -> Outcome {
    do {
      if client == nil {
        client = try ControlClient(socketPath: socketPath, timeoutSeconds: Self.patience)
      }
      return try ask(request)
    } catch let error as RPCError {
      if error.code == .tooManyClients || error.code == .timedOut { client = nil }
      return .unreachable(error.explanation)
    } catch {
      client = nil
      return .unreachable("\(error)")
    }
  }

  private func ask(_ request: Request) throws -> Outcome {
    guard let client else { return .unreachable("not connected") }
    let flows: FlowsTop
    do {
      flows = try client.call(
        .flowsTop,
        FlowsTopParameters(
          count: request.count, by: request.order, key: request.key,
          where: request.expression.isEmpty ? nil : request.expression), as: FlowsTop.self)
    } catch let error as RPCError
      where error.code == .invalidParams && !request.expression.isEmpty
    {
      return .wrongExpression(error.explanation)
    }
    let status = try client.call(.engineStatus, as: EngineStatus.self)
    let stats = try client.call(.statsGet, as: EngineStats.self)
    return .answer(status, stats, flows)
  }
}
