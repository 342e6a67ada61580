internal import Sinks

/// Delivers what the reader hands over, batch by batch, and sees to what becomes of each record:
///
///     delivered → acknowledged
///     refused   → dead letters
///     again     → the same record later, behind what goes well
///     a fault   → the same batch, in the same order, until it arrives
///
/// Runs on one thread, the only one that uses the target.
final class Delivery {
  private let settings: ForwardSettings
  private let target: any ForwardTarget
  private let hand: Hand
  private let counters: CounterBook
  private let log: ForwardLog
  private let settler: Settler
  private let interruption: Interruption
  private let limits: BatchLimits

  /// The batch that is being filled or delivered; records and origins at the same index.
  private var records: [ForwardRecord] = []
  private var origins: [ForwardOrigin] = []
  private var batchBytes = 0
  private var batchDue = Double.infinity
  /// What the reader gave and the batch had no room for.
  private var supply: PreparedBatch?
  private var supplyIndex = 0
  private var putOff: [PutOff] = []
  private var isReadingOver = false
  private var isRetry = false
  private var backoff = Backoff()
  private var report: FaultReport
  private var tickDue = 0.0

  /// A record that the target wants later.
  private struct PutOff {
    var record: ForwardRecord
    var origin: ForwardOrigin
    var due: Double
  }

  init(
    settings: ForwardSettings, target: any ForwardTarget, hand: Hand, counters: CounterBook,
    log: ForwardLog, interruption: Interruption
  ) {
    self.settings = settings
    self.target = target
    self.hand = hand
    self.counters = counters
    self.log = log
    self.interruption = interruption
    settler = Settler(
      settings: settings, target: target.name, hand: hand, counters: counters, log: log)
    limits = BatchLimits(
      records: max(1, min(target.limits.records, settings.batchRecords ?? .max)),
      bytes: max(1, target.limits.bytes))
    report = FaultReport("\(target.name) at \(target.destination)")
  }

  func run() {
    while !hand.isStopping {
      tick()
      // A batch that failed comes again as it was.
      if !isRetry { fill() }
      guard !records.isEmpty else {
        settler.flush()
        settler.collect()
        if isReadingOver, supply == nil, putOff.isEmpty {
          if settler.isClean { break }
          hand.pause(seconds: settler.waitSeconds + 0.01)
        } else if isReadingOver, let due = putOff.map(\.due).min() {
          hand.pause(seconds: min(due, tickDue) - monotonicSeconds())
        }
        continue
      }
      deliver()
    }
    // What was delivered is said, also when the end has been asked for; once, for Redis may be away.
    settler.flush()
    settler.collect()
    target.close()
    askTarget()
  }

  /// What it has counted, and what it has to say.
  private func askTarget() {
    let figures = target.figures
    if !figures.isEmpty { counters.update { $0.target = figures } }
    for note in target.takeNotes() { log.warning("\(target.name): \(note)") }
  }

  private func tick() {
    let now = monotonicSeconds()
    guard now >= tickDue else { return }
    tickDue = now + 1
    do throws(TargetFault) {
      try target.tick()
    } catch {
      failed(error)
    }
    askTarget()
  }

  // MARK: Filling a batch

  private func isFull(with bytes: Int) -> Bool {
    records.count >= limits.records || (!records.isEmpty && batchBytes + bytes > limits.bytes)
  }

  private func add(_ record: ForwardRecord, _ origin: ForwardOrigin) {
    if records.isEmpty { batchDue = monotonicSeconds() + settings.lingerSeconds }
    records.append(record)
    origins.append(origin)
    batchBytes += record.document.bytes.count
  }

  /// Until the batch is full, has waited long enough, or something else is due.
  private func fill() {
    addPutOff()
    while true {
      if !addSupply() { return }
      if isReadingOver { return }
      let now = monotonicSeconds()
      if !records.isEmpty, now >= batchDue { return }
      // While the rest is waited for, Redis hears of what is done.
      settler.flush()
      let deadline = min(batchDue, tickDue, putOff.map(\.due).min() ?? .infinity)
      if putOff.count >= settings.inHandRecords / 2 {
        hand.pause(seconds: deadline - now)
        return
      }
      switch hand.take(untilSeconds: deadline) {
      case .batch(let batch): accept(batch)
      case .end: isReadingOver = true
      case nil:
        settler.collect()
        if records.isEmpty || hand.isStopping || monotonicSeconds() >= batchDue { return }
        tick()
      }
    }
  }

  private func accept(_ batch: PreparedBatch) {
    settler.acknowledge(batch.stream, batch.settled, bytes: batch.settledBytes)
    for poison in batch.poison {
      settler.bury(
        poison.record, poison.entry, from: batch.stream,
        bytes: poison.entry.byteCount + EntryPreparer.overheadBytes, reason: poison.reason)
    }
    supply = batch
    supplyIndex = 0
  }

  /// False where the batch is full.
  private func addSupply() -> Bool {
    guard let batch = supply else { return true }
    while supplyIndex < batch.records.count {
      let record = batch.records[supplyIndex]
      if isFull(with: record.document.bytes.count) { return false }
      add(record, batch.origins[supplyIndex])
      supplyIndex += 1
    }
    supply = nil
    return !isFull(with: 0)
  }

  private func addPutOff() {
    guard !putOff.isEmpty else { return }
    let now = monotonicSeconds()
    var later: [PutOff] = []
    for item in putOff {
      if item.due <= now, !isFull(with: item.record.document.bytes.count) {
        add(item.record, item.origin)
      } else {
        later.append(item)
      }
    }
    putOff = later
  }

  // MARK: Delivering it

  private func deliver() {
    let outcomes: [DeliveryOutcome]
    do throws(TargetFault) {
      outcomes = try target.deliver(records, interruption: interruption)
      guard outcomes.count == records.count else {
        throw TargetFault("answered for \(outcomes.count) of \(records.count) records")
      }
    } catch {
      isRetry = true
      failed(error)
      waitForTarget(seconds: backoff.next(askedSeconds: error.retryAfterSeconds))
      return
    }
    isRetry = false
    let sorted = sort(outcomes)
    records.removeAll(keepingCapacity: true)
    origins.removeAll(keepingCapacity: true)
    batchBytes = 0
    batchDue = .infinity
    settler.flush()
    if let reason = sorted.putOff {
      if let text = report.failed(reason, now: monotonicSeconds()) { log.warning(text) }
    } else if putOff.isEmpty, let text = report.worked(now: monotonicSeconds()) {
      log.info(text)
    }
    // A target that puts everything off is as good as away.
    if sorted.arrived { backoff.reset() } else { waitForTarget(seconds: backoff.next()) }
  }

  /// - Returns: whether any record was not put off, and why the first that was.
  private func sort(_ outcomes: [DeliveryOutcome]) -> (arrived: Bool, putOff: String?) {
    var delivered = 0
    var bytes = 0
    var putOffCount = 0
    var lastError: String?
    var firstPutOff: String?
    for (index, outcome) in outcomes.enumerated() {
      switch outcome {
      case .delivered:
        settler.acknowledge(origins[index])
        delivered += 1
        bytes += records[index].document.bytes.count
      case .refused(let reason):
        let origin = origins[index]
        let record = records[index]
        settler.bury(
          RecordIdentity(stream: record.stream, entry: record.entry), origin.entry,
          from: origin.stream, bytes: origin.bytes, reason: reason)
        lastError = "\(record.identifier) refused: \(reason)"
      case .again(let reason):
        var origin = origins[index]
        let wait = Backoff.seconds(attempt: origin.attempts, first: 0.2, limit: 30)
        origin.attempts += 1
        putOff.append(
          PutOff(record: records[index], origin: origin, due: monotonicSeconds() + wait))
        putOffCount += 1
        firstPutOff = firstPutOff ?? reason
        lastError = "\(records[index].identifier) put off: \(reason)"
      }
    }
    counters.update {
      $0.batches += 1
      $0.delivered += UInt64(delivered)
      $0.deliveredBytes += UInt64(bytes)
      $0.again += UInt64(putOffCount)
      if let lastError { $0.lastError = lastError }
    }
    return (putOffCount < outcomes.count, firstPutOff)
  }

  private func failed(_ fault: TargetFault) {
    // What the end of the forwarder cuts off is no fault of the target's.
    if interruption.isSet { return }
    counters.update {
      $0.targetFaults += 1
      $0.lastError = fault.description
    }
    if let text = report.failed(fault.description, now: monotonicSeconds()) { log.warning(text) }
  }

  /// The target is left alone; Redis is not.
  private func waitForTarget(seconds: Double) {
    let end = monotonicSeconds() + seconds
    while !hand.isStopping {
      let now = monotonicSeconds()
      if now >= end { return }
      tick()
      settler.flush()
      settler.collect()
      hand.pause(seconds: min(1, end - now))
    }
  }
}
