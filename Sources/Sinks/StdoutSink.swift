internal import Glibc
package import Records

/// What the terminal's sink is told.
package struct StdoutSinkSettings: Sendable {
  /// All where empty.
  package var types: Set<EventType>
  package var queueBytes: Int

  package init(types: Set<EventType> = [], queueBytes: Int = 64 << 20) {
    self.types = types
    self.queueBytes = queueBytes
  }
}

/// Writes EVE records to standard output, a line each.
///
/// A reader that has gone away (EPIPE) is an error state: what comes after is counted as dropped.
package final class StdoutSink: ThreadedSink, @unchecked Sendable {
  private let descriptor: Int32
  private var backlog = LineBacklog()

  /// - Parameter descriptor: another than standard output; it is not closed.
  package init(settings: StdoutSinkSettings = StdoutSinkSettings(), descriptor: Int32 = 1) {
    self.descriptor = descriptor
    super.init(
      name: "stdout", target: descriptor == 1 ? "stdout" : "fd:\(descriptor)", format: .eve,
      types: settings.types, queueBytes: settings.queueBytes)
  }

  override func run() {
    var status = stat()
    let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    // poll(2) promises room for PIPE_BUF bytes, so that a write of as many does not block, and
    // the thread can leave when it is told to although the reader sleeps.
    let limit = isRegular ? 1 << 20 : 4096
    while !queue.isSealed {
      if backlog.isEmpty {
        guard let batch = queue.take(untilNanoseconds: nil) else { return }
        backlog.append(batch)
      }
      writeSome(atMost: limit)
    }
  }

  private func writeSome(atMost limit: Int) {
    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    // 100 ms: how long it may take until a seal is noticed.
    guard poll(&wait, 1, 100) > 0 else { return }
    let start = backlog.written
    let count = backlog.bytes.withUnsafeBytes {
      write(descriptor, $0.baseAddress! + start, min(limit, $0.count - start))
    }
    if count >= 0 {
      let done = backlog.advance(by: count)
      queue.settle(delivered: done.records, bytes: done.bytes)
      queue.report(healthy: true)
    } else if errno != EINTR && errno != EAGAIN {
      let reason =
        errno == EPIPE
        ? "sink stdout: its reader has gone away" : "sink stdout: \(systemErrorText(errno))"
      let rest = backlog.dropAll()
      queue.settle(dropped: rest.records, bytes: rest.bytes, because: reason)
      queue.report(healthy: false, error: reason)
      // A full disk may have room again; a reader that has gone does not come back.
      if errno != EPIPE { queue.pause(untilNanoseconds: monotonicDeadline(afterSeconds: 0.1)) }
    }
  }
}
