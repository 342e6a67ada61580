internal import Glibc
package import Records

/// What the file sink is told.
package struct FileSinkSettings: Sendable {
  /// Rotated files stand beside it as `path.1` (the youngest), `path.2` …
  package var path: String
  /// All where empty.
  package var types: Set<EventType>
  /// Rotate before the file grows beyond this; nil for never.
  package var rotateBytes: Int?
  /// Rotate when the file has been written for this long; nil for never.
  package var rotateSeconds: Int?
  /// How many rotated files are kept beside the one being written.
  package var keepFiles: Int
  package var queueBytes: Int
  /// The file is made with its first record, not at the start: for one of many files, most of which stay
  /// empty.
  package var opensWithFirstRecord = false

  package init(
    path: String, types: Set<EventType> = [], rotateBytes: Int? = nil, rotateSeconds: Int? = nil,
    keepFiles: Int = 10, queueBytes: Int = 64 << 20
  ) {
    self.path = path
    self.types = types
    self.rotateBytes = rotateBytes
    self.rotateSeconds = rotateSeconds
    self.keepFiles = keepFiles
    self.queueBytes = queueBytes
  }
}

/// Appends EVE records to a file, a line each.
///
/// A reader never meets half a line for long: what a full disk or a crash left of one is truncated
/// away. While the disk is full the records wait in the queue, and only a full queue drops.
package final class FileSink: ThreadedSink, @unchecked Sendable {
  private let settings: FileSinkSettings

  // The thread's own, once it runs.
  private var descriptor: Int32 = -1
  private var size = 0
  /// FIFOs and devices can neither be rotated nor truncated.
  private var isRegular = true
  private var openedNanoseconds: UInt64 = 0
  private var lookedNanoseconds: UInt64 = 0
  private var backlog = LineBacklog()

  /// Lines are gathered up to this before they are written.
  private static let chunkBytes = 1 << 20

  package init(settings: FileSinkSettings) {
    self.settings = settings
    // One of many is known by what it takes.
    let type = settings.opensWithFirstRecord ? settings.types.first : nil
    super.init(
      name: type.map { "file \($0.rawValue)" } ?? "file", target: settings.path, format: .eve,
      types: settings.types, queueBytes: settings.queueBytes)
  }

  override func prepare() throws {
    for (value, key) in [
      (settings.rotateBytes, "rotateBytes"), (settings.rotateSeconds, "rotateSeconds"),
    ] where value.map({ $0 <= 0 }) == true {
      throw SinkError("sink file: \(key) must be more than 0, or absent for never")
    }
    guard settings.keepFiles >= 0 else {
      throw SinkError("sink file: keepFiles \(settings.keepFiles) must be 0 or more")
    }
    if settings.opensWithFirstRecord {
      try checkFolder()
    } else {
      try reopen()
    }
  }

  /// What would fail later fails at the start: a folder that is not there, or that nobody may write to.
  private func checkFolder() throws(SinkError) {
    let slash = settings.path.lastIndex(of: "/")
    let folder = slash.map { settings.path[...$0] } ?? "."
    guard access(String(folder), W_OK | X_OK) == 0 else { throw SinkError(explain(errno)) }
  }

  override func run() {
    var failures = 0
    while !queue.isSealed {
      if backlog.isEmpty {
        guard let batch = queue.take(untilNanoseconds: rotationNanoseconds) else {
          if queue.isFinishing { break }
          attempt(&failures) { () throws(SinkError) in try rotateIfDue(adding: 0) }
          continue
        }
        backlog.append(batch)
        while backlog.bytes.count < Self.chunkBytes, let more = queue.take(untilNanoseconds: 0) {
          backlog.append(more)
        }
      }
      attempt(&failures) { () throws(SinkError) in try writeChunk() }
    }
    if descriptor >= 0 {
      truncateTornLine()
      fdatasync(descriptor)
      close(descriptor)
    }
  }

  /// Where the file cannot be written the sink waits, 100 ms doubling to 2 s, and tries again.
  private func attempt(_ failures: inout Int, _ body: () throws(SinkError) -> Void) {
    do throws(SinkError) {
      try body()
      failures = 0
    } catch {
      queue.report(healthy: false, error: error.description)
      let seconds = min(2, 0.1 * Double(1 << min(failures, 10)))
      queue.pause(untilNanoseconds: monotonicDeadline(afterSeconds: seconds))
      failures += 1
    }
  }

  // MARK: Writing

  private func writeChunk() throws(SinkError) {
    try reopenIfMoved()
    let room = settings.rotateBytes.map { max(0, $0 - size) } ?? .max
    let wanted = backlog.chunk(atMost: min(Self.chunkBytes, isRegular ? room : .max))
    try rotateIfDue(adding: wanted)
    let start = backlog.written
    let count = backlog.bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + start, wanted) }
    guard count >= 0 else {
      if errno == EINTR || errno == EAGAIN { return }
      let error = errno
      truncateTornLine()
      throw SinkError(explain(error))
    }
    size += count
    let done = backlog.advance(by: count)
    queue.settle(delivered: done.records, bytes: done.bytes)
    queue.report(healthy: true)
  }

  private func truncateTornLine() {
    let torn = backlog.tornBytes
    guard torn > 0, isRegular, ftruncate(descriptor, size - torn) == 0 else { return }
    size -= torn
    backlog.rewindTornLine()
  }

  private func explain(_ error: Int32) -> String {
    let advice =
      switch error {
      case ENOSPC, EDQUOT: "; records wait in the queue until there is room on its disk"
      case EACCES, EPERM, EROFS: "; the daemon's user must be allowed to write there"
      case ENOENT, ENOTDIR: "; its directory must exist"
      default: ""
      }
    return "sink file: \(settings.path): \(systemErrorText(error))\(advice)"
  }

  // MARK: Opening and rotating

  private func reopen() throws(SinkError) {
    if descriptor >= 0 { close(descriptor) }
    // Swift sees the variadic open(2) with its mode. 0640: records tell who talked to whom.
    descriptor = Glibc.open(settings.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    if descriptor < 0 && errno != ENOENT {  // What can only be written, such as some devices.
      descriptor = Glibc.open(settings.path, O_WRONLY | O_APPEND | O_CLOEXEC)
    }
    guard descriptor >= 0 else { throw SinkError(explain(errno)) }
    var status = stat()
    fstat(descriptor, &status)
    isRegular = status.st_mode & S_IFMT == S_IFREG
    size = isRegular ? Int(status.st_size) : 0
    openedNanoseconds = monotonicNanoseconds()
    lookedNanoseconds = openedNanoseconds
    if isRegular { truncateUnfinishedLine() }
  }

  /// A crash may have left a line without its end: it goes, since its record was never counted.
  private func truncateUnfinishedLine() {
    var window = [UInt8](repeating: 0, count: 64 << 10)
    var end = size
    while end > 0 {
      let start = max(0, end - window.count)
      let count = pread(descriptor, &window, end - start, off_t(start))
      guard count == end - start else { return }
      if let last = window[..<count].lastIndex(of: UInt8(ascii: "\n")) {
        end = start + last + 1
        break
      }
      end = start
    }
    if end < size && ftruncate(descriptor, end) == 0 { size = end }
  }

  /// Once a second: where logrotate or somebody else has moved the file away, a new one is begun.
  private func reopenIfMoved() throws(SinkError) {
    if descriptor < 0 { return try reopen() }
    let now = monotonicNanoseconds()
    guard backlog.tornBytes == 0, now >= lookedNanoseconds + 1_000_000_000 else {
      return
    }
    lookedNanoseconds = now
    var here = stat()
    var there = stat()
    guard fstat(descriptor, &here) == 0 else { return }
    if stat(settings.path, &there) != 0 || here.st_ino != there.st_ino
      || here.st_dev != there.st_dev
    {
      try reopen()
    }
  }

  /// When the file's time is up; nil where it has none.
  private var rotationNanoseconds: UInt64? {
    guard let seconds = settings.rotateSeconds, isRegular, descriptor >= 0 else { return nil }
    return openedNanoseconds + UInt64(seconds) * 1_000_000_000
  }

  private func rotateIfDue(adding bytes: Int) throws(SinkError) {
    guard isRegular, backlog.tornBytes == 0 else { return }
    let isTooBig = settings.rotateBytes.map { size > 0 && size + bytes > $0 } ?? false
    let isTooOld = rotationNanoseconds.map { monotonicNanoseconds() >= $0 } ?? false
    guard isTooBig || isTooOld else { return }
    if size == 0 {  // Nothing to keep: an empty file's time begins anew.
      openedNanoseconds = monotonicNanoseconds()
      return
    }
    let path = settings.path
    if settings.keepFiles == 0 {
      unlink(path)
    } else {
      // From the oldest on, each rename replacing the next; those that do not exist fail unseen.
      for number in stride(from: settings.keepFiles - 1, through: 1, by: -1) {
        rename("\(path).\(number)", "\(path).\(number + 1)")
      }
      guard rename(path, "\(path).1") == 0 else { throw SinkError(explain(errno)) }
    }
    try reopen()
  }
}
