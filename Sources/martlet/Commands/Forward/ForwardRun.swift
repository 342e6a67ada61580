import ArgumentParser
import ControlAPI
import Forwarding
import Foundation
import Sinks
import Synchronization

/// One run of a forwarder: signals, messages, figures. The forwarder has a thread of its own; this one
/// waits for signals and shows how far it is.
final class ForwardRun {
  private let options: ForwardOptions
  private let target: any ForwardTarget
  private let console = ForwardConsole()
  private let began = Date()
  /// For what waits for an answer to notice that nobody waits any more.
  private static let abandonSeconds = 1.0

  init(_ options: ForwardOptions, _ target: any ForwardTarget) {
    self.options = options
    self.target = target
  }

  func run() throws -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)
    // What is wrong with the words is said before anything is tried.
    let transform = try options.transform()
    let group = options.group ?? target.name
    let url = try options.redisOptions.url()
    // What is to end when all is done must not wait for what may never come.
    if options.once { _ = try options.redisOptions.connect() }
    let consumer: ConsumerName
    do throws(TargetFault) {
      consumer = try ConsumerName(options.consumer, group: group, redis: url.target)
    } catch {
      throw ForwardTrouble(error.description)
    }
    // Signals are waited for by this thread; threads that begin from here on leave them alone.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    defer { pthread_sigmask(SIG_UNBLOCK, &signals, nil) }

    let forwarder = Forwarder(
      settings: options.settings(url: url, group: group, consumer: consumer.name),
      log: ForwardLog { [console] in console.log($0, $1) })
    console.log(
      .info,
      "\(url.target) to \(target.name) at \(target.destination), as \(consumer.name) of group"
        + " \(group)")
    let work = ForwardWork(target: target, transform: transform)
    Thread.detachNewThread { work.run(forwarder) }
    let ending = watch(forwarder, work, signals)
    console.clear()
    if let fault = work.fault { throw ForwardTrouble(fault.description) }
    let figures = ForwardFigures(
      forwarder.current, seconds: Date().timeIntervalSince(began), group: group,
      consumer: consumer.name, target: target.name)
    console.log(.info, figures.line)
    if options.json { Output.write(figures.json) }
    return ending == SIGINT ? .interrupted : .success
  }

  /// Until the forwarder has ended.
  ///
  /// - Returns: the signal that asked for it, if one did.
  private func watch(
    _ forwarder: Forwarder, _ work: ForwardWork, _ signals: sigset_t
  ) -> Int32? {
    var signals = signals
    var asked: Int32?
    var giveUpAt: Date?
    var abandonAt: Date?
    var meter = ForwardMeter()
    var lineDue = Date().addingTimeInterval(options.statusEvery)
    while !work.hasEnded {
      var time = timespec(tv_sec: 0, tv_nsec: 100_000_000)
      switch sigtimedwait(&signals, nil, &time) {
      case SIGHUP: forwarder.reload()
      case let number where number > 0:
        if asked != nil {
          forwarder.stopNow()
          abandonAt = Date().addingTimeInterval(Self.abandonSeconds)
        } else {
          forwarder.stop()
          giveUpAt = Date().addingTimeInterval(options.finishWithin)
          console.log(.info, "ending: the batch in hand is finished first")
        }
        asked = asked ?? number
      default: break
      }
      if let limit = giveUpAt, Date() > limit {
        giveUpAt = nil
        forwarder.stopNow()
        abandonAt = Date().addingTimeInterval(Self.abandonSeconds)
      }
      // Redis or the target do not answer: what is not acknowledged comes again.
      if let limit = abandonAt, Date() > limit { return asked }
      let current = forwarder.current
      meter.update(current)
      if console.isTerminal {
        console.show(meter.line(current, name: target.name))
      } else if options.statusEvery > 0, Date() >= lineDue {
        lineDue = Date().addingTimeInterval(options.statusEvery)
        console.log(.info, meter.line(current, name: target.name).plainText)
      }
    }
    return asked
  }
}

/// The settings of a target or a forwarder cannot work.
struct ForwardTrouble: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What the forwarder's thread does. Target and transform are that thread's alone once it runs, and
/// the main thread asks the target no more than its name.
private final class ForwardWork: @unchecked Sendable {
  private let target: any ForwardTarget
  private let transform: (any RecordTransform)?
  private let outcome = Mutex<TargetFault?>(nil)
  private let isOver = Atomic(false)

  init(target: any ForwardTarget, transform: (any RecordTransform)?) {
    self.target = target
    self.transform = transform
  }

  var hasEnded: Bool { isOver.load(ordering: .acquiring) }
  var fault: TargetFault? { outcome.withLock { $0 } }

  func run(_ forwarder: Forwarder) {
    do throws(TargetFault) {
      try forwarder.run(target: target, transform: transform)
    } catch {
      outcome.withLock { $0 = error }
    }
    isOver.store(true, ordering: .releasing)
  }
}
