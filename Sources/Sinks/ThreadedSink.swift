internal import Glibc
package import Records

/// What all sinks share: a queue, a named thread, and an end that keeps its deadline.
///
/// A subclass gives ``prepare()``, ``run()`` and, where its thread can hang in a system call,
/// ``interrupt()``. Its other state belongs to the thread alone once that has begun, which is what
/// makes the class `Sendable`: the queue has a lock of its own.
package class ThreadedSink: RecordSink, @unchecked Sendable {
  package let name: String
  package let target: String
  package let format: RecordFormat
  package let types: Set<EventType>
  let queue: SinkQueue

  /// After the deadline the thread gets this long to notice; then it is left behind.
  private static let graceSeconds = 0.25

  init(
    name: String, target: String, queue: SinkQueue, format: RecordFormat, types: Set<EventType>
  ) {
    self.name = name
    self.target = target
    self.format = format
    self.types = types
    self.queue = queue
  }

  init(
    name: String, target: String, format: RecordFormat, types: Set<EventType>, queueBytes: Int
  ) {
    self.name = name
    self.target = target
    self.format = format
    self.types = types
    queue = SinkQueue(maxBytes: queueBytes, types: types, format: format)
  }

  /// Opens what the sink needs, on the caller's thread, before ``run()`` begins.
  func prepare() throws {}

  /// The sink's thread: takes and settles batches until the queue is empty and finishing, or sealed.
  func run() {}

  /// Called from another thread after the deadline: ends whatever ``run()`` may be waiting in.
  func interrupt() {}

  package var counters: SinkCounters { queue.counters }

  package var maximumMemoryBytes: Int { queue.maxBytes }

  package var tunables: [String: Int] { [:] }
  package func tune(_ name: String, to value: Int) {}

  package var hasRoom: Bool { queue.hasRoom }

  @discardableResult package func offer(_ batch: RecordBatch) -> Bool { queue.offer(batch) }

  package func start() throws {
    // A reader that went away is an error to report, not a reason to die.
    signal(SIGPIPE, SIG_IGN)
    try prepare()
    queue.workerBegins()

    // The process's signals are for its main thread: this one starts with all of them blocked.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let error = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        let sink = Unmanaged<ThreadedSink>.fromOpaque(raw).takeRetainedValue()
        nameThisThread("sink-\(sink.name)")
        sink.run()
        sink.queue.workerEnds()
        return nil
      }, context.toOpaque())
    guard error == 0 else {
      context.release()
      queue.workerEnds()
      throw SinkError("sink \(name): no thread to run on: \(systemErrorText(error))")
    }
    pthread_detach(thread)
  }

  package func finish(withinSeconds: Double) {
    let deadline = monotonicDeadline(afterSeconds: withinSeconds)
    queue.beginFinish(untilNanoseconds: deadline)
    if !queue.waitForWorker(untilNanoseconds: deadline) {
      queue.seal()
      interrupt()
      _ = queue.waitForWorker(
        untilNanoseconds: monotonicDeadline(afterSeconds: Self.graceSeconds))
    }
    queue.seal()
  }
}

/// Names the calling thread for top and perf; Linux takes at most 15 bytes.
///
/// By /proc, since Swift's Glibc has no pthread_setname_np (it asks for _GNU_SOURCE) and no
/// prctl (it is variadic). Where /proc is read-only the thread merely keeps its old name.
private func nameThisThread(_ name: String) {
  let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  let bytes = Array(name.utf8.prefix(15))
  _ = write(descriptor, bytes, bytes.count)
  close(descriptor)
}

/// strerror(3) as a String, with the number for those who search for it.
func systemErrorText(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 128)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "errno \(code)" }
  let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  return "\(String(decoding: text, as: UTF8.self)) (errno \(code))"
}

/// Takes everything and keeps nothing: for measuring what comes before a sink.
package final class NullSink: ThreadedSink, @unchecked Sendable {
  package init(
    format: RecordFormat = .eve, types: Set<EventType> = [], queueBytes: Int = 64 << 20
  ) {
    super.init(name: "null", target: "null", format: format, types: types, queueBytes: queueBytes)
  }

  override func run() {
    while let batch = queue.take(untilNanoseconds: nil) {
      queue.settle(
        delivered: batch.entries.count, bytes: batch.entries.reduce(0) { $0 + $1.length })
    }
  }
}
