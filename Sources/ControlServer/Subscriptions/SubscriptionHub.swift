import ControlAPI
import NIOCore

/// Someone who can be sent a line, or is too slow for it.
protocol NotificationTarget: AnyObject {
  /// Sends a line, or gives false where an earlier one has not left yet: then this one is lost.
  func offer(_ line: () -> [UInt8]) -> Bool
}

/// Sends the counters to those who want them, each at its own period.
///
/// Subscriptions that are due within a few milliseconds share one reading of the engine, and those of
/// the same view one encoding of it: a hundred clients cost the engine as much as one. Lives on the
/// server's event loop; the engine is read on its own thread, and at most once at a time. Where that
/// takes longer than a period, the period's notification is left out for all, and not counted as lost:
/// nobody was too slow to read it.
final class SubscriptionHub {
  /// Reads the engine off the event loop, and completes on it: a view's counters as JSON, by view.
  typealias Reader = (_ views: Set<String?>) -> EventLoopFuture<[String?: [UInt8]]>

  private struct Entry {
    var number: UInt64
    var subscription: Subscription
    var due: NIODeadline
    var sequence: UInt64 = 0
    var lost: UInt64 = 0
  }

  private struct Subscriber {
    var target: any NotificationTarget
    var entries: [Entry]
  }

  /// What is due by so much later is served with what is due now.
  private static let together = TimeAmount.milliseconds(10)

  private let eventLoop: any EventLoop
  private let read: Reader
  private var subscribers: [ObjectIdentifier: Subscriber] = [:]
  private var timer: Scheduled<Void>?
  private var isReading = false

  init(eventLoop: any EventLoop, read: @escaping Reader) {
    self.eventLoop = eventLoop
    self.read = read
  }

  /// These are the target's subscriptions from now on; new ones are served at once.
  func set(_ subscriptions: [UInt64: Subscription], of target: any NotificationTarget) {
    let now = NIODeadline.now()
    let known = subscribers[ObjectIdentifier(target)]?.entries ?? []
    let entries = subscriptions.sorted { $0.key < $1.key }.map { number, subscription in
      known.first { $0.number == number }
        ?? Entry(number: number, subscription: subscription, due: now)
    }
    subscribers[ObjectIdentifier(target)] =
      entries.isEmpty ? nil : Subscriber(target: target, entries: entries)
    schedule()
  }

  func remove(_ target: any NotificationTarget) {
    guard subscribers.removeValue(forKey: ObjectIdentifier(target)) != nil else { return }
    schedule()
  }

  /// The server stops.
  func stop() {
    subscribers = [:]
    timer?.cancel()
    timer = nil
  }

  private func schedule() {
    timer?.cancel()
    timer = nil
    guard !isReading,
      let next = subscribers.values.lazy.flatMap({ $0.entries }).map(\.due).min()
    else { return }
    timer = eventLoop.assumeIsolated().scheduleTask(deadline: next) { self.serve() }
  }

  private func serve() {
    let horizon = NIODeadline.now() + Self.together
    let due = subscribers.values.flatMap { $0.entries.filter { $0.due <= horizon } }
    guard !due.isEmpty else { return schedule() }
    isReading = true
    read(Set(due.map(\.subscription.view))).assumeIsolated().whenComplete { result in
      self.isReading = false
      self.send((try? result.get()) ?? [:], dueBy: horizon)
      self.schedule()
    }
  }

  private func send(_ stats: [String?: [UInt8]], dueBy horizon: NIODeadline) {
    let now = NIODeadline.now()
    for key in subscribers.keys {
      guard var subscriber = subscribers[key] else { continue }
      for index in subscriber.entries.indices where subscriber.entries[index].due <= horizon {
        var entry = subscriber.entries[index]
        entry.due = Self.next(after: entry.due, period: entry.subscription.periodSeconds, now: now)
        if let stats = stats[entry.subscription.view] {
          entry.sequence += 1
          if !subscriber.target.offer({ Self.line(entry, stats) }) { entry.lost += 1 }
        }
        subscriber.entries[index] = entry
      }
      subscribers[key] = subscriber
    }
  }

  /// The first multiple of the period behind `due` that is still to come.
  private static func next(
    after due: NIODeadline, period seconds: Double, now: NIODeadline
  ) -> NIODeadline {
    let period = Int64(seconds * 1e9)
    let late = max(0, (now - due).nanoseconds)
    return due + .nanoseconds((late / period + 1) * period)
  }

  /// ``StatsNotification`` without encoding its counters once more.
  private static func line(_ entry: Entry, _ stats: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(stats.count + 160)
    bytes.append(
      contentsOf: #"{"jsonrpc":"2.0","method":"\#(StatsNotification.method)","params":{"lost":"#
        .utf8)
    bytes.append(contentsOf: String(entry.lost).utf8)
    bytes.append(contentsOf: #","sequence":"#.utf8)
    bytes.append(contentsOf: String(entry.sequence).utf8)
    bytes.append(contentsOf: #","stats":"#.utf8)
    bytes.append(contentsOf: stats)
    bytes.append(contentsOf: #","subscription":"#.utf8)
    bytes.append(contentsOf: String(entry.number).utf8)
    bytes.append(contentsOf: "}}".utf8)
    return bytes
  }
}
