import FlowEngine
import Foundation
import Synchronization

/// Asks the workers for their flows, on behalf of everybody who wants to look through them.
///
/// One scan at a time goes through all workers' tables, and serves all questions that waited when it
/// began: whoever comes first conducts it, and who comes meanwhile waits for the next one. So a worker
/// gives its flows at most once at a time, however many ask.
final class FlowScanner: Sendable {
  /// How a scan ended.
  struct Outcome: Sendable {
    /// A worker has not given all its flows.
    var isPartial = false
  }

  /// Since when flows are measured.
  private struct Interval {
    /// Monotonic; nil where no scan has noted totals yet.
    var began: Int64?
  }

  private final class Ticket: Sendable {
    let query: any FlowQuery
    let turn = DispatchSemaphore(value: 0)
    /// Nil when its turn has come without one: then it conducts the next scan.
    let outcome = Mutex<Outcome?>(nil)

    init(_ query: any FlowQuery) { self.query = query }
  }

  private struct Waiting {
    var tickets: [Ticket] = []
    var isConducted = false
  }

  /// The longest that a scan, and the ends that it led to, may take: a client waits 10 s.
  private static let longestScan: Int64 = 6_000_000_000
  private static let longestKill: Int64 = 3_000_000_000
  /// The interval that rates are over is begun anew when it is as old as this, so that those who ask every
  /// second each get about that, however many they are.
  private static let interval: Int64 = 900_000_000
  /// Rates over less than this say little, and what is older than this does not say how it is now.
  private static let shortestInterval: Int64 = 200_000_000
  private static let longestInterval: Int64 = 10_000_000_000
  /// Beyond this the 32 bits that a total is remembered by may have gone round.
  private static let useless: UInt64 = 60_000_000_000
  /// Flows taken from one worker before the next one's turn.
  private static let turn = 256

  private let pages: [ScanPage]
  private let open = Atomic<Bool>(false)
  private let waiting = Mutex(Waiting())
  private let interval = Mutex(Interval())
  /// Whoever conducts counts requests.
  private let request = Mutex<UInt64>(0)

  init(_ pages: [ScanPage]) { self.pages = pages }

  /// Workers answer; where they do not, nobody is to ask.
  var isOpen: Bool {
    get { open.load(ordering: .relaxed) }
    set { open.store(newValue, ordering: .relaxed) }
  }

  // MARK: Questions

  /// Shows all live flows to `query`, on this thread or another, and returns when it has seen them.
  func run(_ query: any FlowQuery) -> Outcome {
    let ticket = Ticket(query)
    let isConductor = waiting.withLock { waiting in
      waiting.tickets.append(ticket)
      defer { waiting.isConducted = true }
      return !waiting.isConducted
    }
    if !isConductor {
      ticket.turn.wait()
      if let outcome = ticket.outcome.withLock({ $0 }) { return outcome }
    }
    let tickets = waiting.withLock { waiting in
      defer { waiting.tickets = [] }
      return waiting.tickets
    }
    var outcome = scan(tickets.map(\.query))
    for other in tickets where other !== ticket && other.query.kills.isEmpty {
      other.outcome.withLock { $0 = outcome }
      other.turn.signal()
    }
    for other in tickets where !other.query.kills.isEmpty {
      var killed = outcome
      kill(other.query, &killed)
      if other === ticket {
        outcome = killed
      } else {
        other.outcome.withLock { $0 = killed }
        other.turn.signal()
      }
    }
    let next = waiting.withLock { waiting in
      if waiting.tickets.isEmpty { waiting.isConducted = false }
      return waiting.tickets.first
    }
    next?.turn.signal()
    return outcome
  }

  /// The same, for a query that goes by rates: where the interval that they would be over is too short that
  /// is waited for, and where it is too long another is begun first.
  func runWithRates(_ query: any FlowQuery) -> Outcome {
    if let age = intervalAge, age <= Self.longestInterval {
      if age < Self.shortestInterval { usleep(UInt32((Self.shortestInterval - age) / 1000)) }
    } else {
      let first = run(NoQuery())
      if first.isPartial { return first }
      usleep(UInt32(Self.shortestInterval / 1000))
    }
    return run(query)
  }

  private var intervalAge: Int64? {
    interval.withLock { $0.began }.map { EngineClock.monotonicNanoseconds - $0 }
  }

  // MARK: A scan

  private func scan(_ queries: [any FlowQuery]) -> Outcome {
    let began = EngineClock.monotonicNanoseconds
    var options: ScanOptions = [.flows]
    if queries.contains(where: \.wantsRates) {
      options.insert(.rates)
      if intervalAge.map({ $0 >= Self.interval }) ?? true { options.insert(.newInterval) }
    }
    let number = nextRequest()
    for page in pages { page.ask(number, options) }
    var unfinished = Array(pages.indices)
    var isIdle = false
    while !unfinished.isEmpty && !queries.allSatisfy(\.isSatisfied) {
      if isIdle {
        if !isOpen || EngineClock.monotonicNanoseconds - began > Self.longestScan { break }
        usleep(50)
      }
      isIdle = true
      unfinished.removeAll { worker in
        // Read before the ring is found empty: then nothing more is on its way.
        let isAnswered = pages[worker].isAnswered(number)
        let count = take(worker, number, queries)
        if count > 0 { isIdle = false }
        return isAnswered && count == 0
      }
      // A worker whose flows never end must not hold everybody up.
      if !isIdle, EngineClock.monotonicNanoseconds - began > Self.longestScan { break }
    }
    if unfinished.isEmpty {
      if options.contains(.newInterval) { interval.withLock { $0.began = began } }
      return Outcome()
    }
    let end = nextRequest()
    for page in pages { page.ask(end, []) }
    return Outcome(isPartial: !queries.allSatisfy(\.isSatisfied))
  }

  private func nextRequest() -> UInt64 {
    request.withLock { request in
      request += 1
      return request
    }
  }

  /// Takes what a worker has given so far, at most one turn's worth. Returns how many flows that were.
  private func take(_ worker: Int, _ number: UInt64, _ queries: [any FlowQuery]) -> Int {
    let ring = pages[worker].flows
    let count = ring.available(limit: Self.turn)
    guard count > 0 else { return 0 }
    let interval = pages[worker].intervalNanoseconds
    let nanoseconds = interval > Self.useless ? 0 : interval
    for i in 0..<count {
      let flow = ring.peek(i)
      guard flow.pointee.request == UInt32(truncatingIfNeeded: number) else { continue }
      let seen = SeenFlow(flow: UnsafePointer(flow), interval: Double(nanoseconds) / 1e9)
      for query in queries { query.take(seen) }
    }
    ring.release(count)
    return count
  }

  // MARK: Ends

  /// Has a query's flows ended, and counts those that were still there.
  private func kill(_ query: any FlowQuery, _ outcome: inout Outcome) {
    let deadline = EngineClock.monotonicNanoseconds + Self.longestKill
    let before = pages.map(\.flowsKilled)
    var next = [Int](repeating: 0, count: pages.count)
    let kills = pages.indices.map { query.kills[$0] ?? [] }
    while true {
      var isDone = true
      for worker in pages.indices {
        let page = pages[worker]
        while next[worker] < kills[worker].count, page.kill(kills[worker][next[worker]]) {
          next[worker] += 1
        }
        page.startKills()
        if next[worker] < kills[worker].count || page.killsDone != page.killsAsked {
          isDone = false
        }
      }
      if isDone { break }
      if !isOpen || EngineClock.monotonicNanoseconds > deadline {
        outcome.isPartial = true
        break
      }
      usleep(50)
    }
    query.noteKilled(zip(pages, before).reduce(0) { $0 + $1.0.flowsKilled - $1.1 })
  }
}
