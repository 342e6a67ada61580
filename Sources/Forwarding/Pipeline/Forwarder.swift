/// Carries records from streams to a target, at least once: an entry is acknowledged when the target
/// has it, or when it lies in the dead letters, and not before.
///
///     Redis ──XREADGROUP──▶ reader ──▶ hand (bounded) ──▶ delivery ──▶ target
///       ▲                  document, transform              │
///       └──────────── XACK, dead letters ◀── settler ◀──────┘
///
/// Two threads, the caller's and the reader's: while one batch is delivered the next is read.
package final class Forwarder: Sendable {
  private let settings: ForwardSettings
  private let hand: Hand
  private let counters = CounterBook()
  private let interruption = Interruption()
  private let log: ForwardLog

  package init(settings: ForwardSettings, log: ForwardLog) {
    self.settings = settings
    self.log = log
    hand = Hand(maxRecords: settings.inHandRecords, maxBytes: settings.inHandBytes)
  }

  /// At this moment.
  package var current: ForwardCounters {
    var counters = counters.current
    counters.inHand = UInt64(hand.records)
    return counters
  }

  /// Reads no more, finishes the batch in hand, and ends; what else was read stays pending for the
  /// next member. From any thread; not from a signal handler.
  package func stop() { hand.stop() }

  /// Has the files behind the transform (a table of networks) read again. From any thread.
  package func reload() { hand.askForReload() }

  /// Waits for nothing any more. Batches that the target had and did not confirm come again.
  package func stopNow() {
    interruption.set()
    hand.stop()
  }

  /// Forwards until it is stopped, or with ``ForwardSettings/isOnce`` until everything is delivered.
  ///
  /// - Parameters:
  ///   - target: used by the calling thread alone.
  ///   - transform: used by the reader's thread.
  /// - Throws: what the target says of settings that cannot work.
  package func run(
    target: any ForwardTarget, transform: (any RecordTransform)? = nil
  ) throws(TargetFault) {
    let reader = GroupReader(
      settings: settings, hand: hand, counters: counters, log: log, transform: transform)
    let delivery = Delivery(
      settings: settings, target: target, hand: hand, counters: counters, log: log,
      interruption: interruption)
    do throws(TargetFault) {
      try target.open()
    } catch {
      if error.isFinal { throw error }
      log.warning("\(target.name) at \(target.destination): \(error.description); it may come")
    }
    // The reader belongs to its thread from here on until that has ended.
    let handover = Handover(reader)
    let readerThread = try PipelineThread { handover.value.run() }
    delivery.run()
    hand.stop()
    readerThread.join()
  }
}

/// Carries an object to the one thread that uses it.
private struct Handover<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
