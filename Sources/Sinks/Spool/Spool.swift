internal import Glibc

/// Records that wait on disk until their receiver is there again: first in, first out, bounded, and
/// there after a crash.
///
///     directory/
///       lock                          whose spool it is, while a process has it
///       00000000000000000007.spool    read and settled entry by entry, removed when all are
///       00000000000000000008.spool    written at its end
///
/// Belongs to one thread. An entry is *read* once a process and *settled* when it has been delivered
/// or given up on; a segment whose entries are all settled is removed. What a crash leaves is all
/// segments with an unsettled entry, so the next process reads entries again that were settled: who
/// reads must find out by their IDs.
package final class Spool {
  package let directory: String
  private let maxBytes: Int
  private let segmentBytes: Int
  private let synchronizes: Bool
  private var lock: Int32 = -1

  /// In the order of their numbers; the last is being written where `isWriting` says so.
  private var segments: [SpoolSegment] = []
  private var isWriting = false
  private var nextNumber: UInt64 = 1
  private var reader: SpoolReader?
  private var readOrdinal: UInt32 = 0
  private var renumbered: [SpoolPosition: StreamID] = [:]
  /// The highest position of which an earlier process has said that it may have been sent.
  private var sentBefore = SpoolPosition(segment: 0, ordinal: 0)
  private var hasSentBefore = false
  /// The highest position that this process has said it of.
  private var marked: SpoolPosition?
  /// Entries that were counted and cannot be read any more.
  private var missing = 0

  /// Entries that have not been read yet.
  package private(set) var unread = 0
  /// Bytes of all segments.
  package private(set) var bytes = 0

  // What was found at the start.
  /// Entries left by an earlier process.
  package private(set) var recovered = 0
  /// Bytes of frames that a crash had torn, and that were cut off.
  package private(set) var tornBytes = 0
  /// How many ends were torn: one record each, as far as can be told.
  package private(set) var torn = 0
  /// Frames, or whole files, that were not what they should be.
  package private(set) var damaged = 0

  /// Takes the directory, which is made where it is not there, and looks through what it holds.
  ///
  /// - Parameters:
  ///   - maxBytes: of all segments together.
  ///   - synchronizes: whether each write is waited for down to the disk (`fdatasync`).
  package init(directory: String, maxBytes: Int, synchronizes: Bool) throws(SpoolFault) {
    self.directory = directory
    self.maxBytes = maxBytes
    self.synchronizes = synchronizes
    segmentBytes = min(max(maxBytes / 16, 1 << 20), 64 << 20)
    try makeDirectory()
    try takeLock()
    try recover()
  }

  deinit { if lock >= 0 { close(lock) } }

  private func makeDirectory() throws(SpoolFault) {
    var path = ""
    for part in directory.split(separator: "/", omittingEmptySubsequences: false) {
      path += part
      if !path.isEmpty && mkdir(path, 0o750) != 0 && errno != EEXIST && errno != EROFS
        && errno != EACCES
      {
        throw SpoolFault(path, errno)
      }
      path += "/"
    }
    guard access(directory, R_OK | W_OK | X_OK) == 0 else { throw SpoolFault(directory, errno) }
  }

  private func takeLock() throws(SpoolFault) {
    let path = "\(directory)/lock"
    lock = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard lock >= 0 else { throw SpoolFault(path, errno) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let error = errno
      var fault = SpoolFault(path, error)
      if error == EWOULDBLOCK {
        fault.description =
          "spool \(directory): another process uses it; each Redis sink needs a spoolDirectory and"
          + " sensor of its own"
      }
      close(lock)
      lock = -1
      throw fault
    }
  }

  // MARK: What an earlier process left

  private func recover() throws(SpoolFault) {
    guard let listing = opendir(directory) else { return }
    var numbers: [UInt64] = []
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = SpoolSegment.number(ofFile: name) { numbers.append(number) }
    }
    closedir(listing)
    for number in numbers.sorted() {
      nextNumber = max(nextNumber, number + 1)
      guard let segment = try SpoolSegment(reading: number, in: directory) else {
        setAside(number)
        continue
      }
      scan(segment)
      if segment.entries == 0 && segments.isEmpty {
        segment.remove()
      } else {
        segments.append(segment)
        bytes += segment.size
        unread += Int(segment.entries)
      }
    }
    recovered = unread
    reader = segments.first.map { SpoolReader($0) }
  }

  /// A file that is no segment, though it is named as one: a head that a crash has torn is nothing,
  /// anything else is kept for people.
  private func setAside(_ number: UInt64) {
    let path = SpoolSegment.path(of: number, in: directory)
    var status = stat()
    if stat(path, &status) == 0 && status.st_size < SpoolSegment.headBytes {
      unlink(path)
    } else {
      damaged += 1
      rename(path, path + ".damaged")
    }
  }

  private func scan(_ segment: SpoolSegment) {
    var reader = SpoolReader(segment)
    while true {
      switch reader.next() {
      case .frame(.entry):
        segment.entries += 1
        segment.unsettled += 1
      case .frame(.renumbering(let renumbering)): note(renumbering)
      case .frame(.sent(let position)):
        sentBefore = hasSentBefore ? max(sentBefore, position) : position
        hasSentBefore = true
      case .damaged: damaged += 1
      case .failed:
        damaged += 1
        return
      case .end:
        if reader.offset < segment.size {
          torn += 1
          tornBytes += segment.size - reader.offset
          segment.cut(to: reader.offset)
        }
        return
      }
    }
  }

  private func note(_ renumbering: SpoolRenumbering) {
    for (index, position) in renumbering.positions.enumerated() {
      renumbered[position] = StreamID(
        milliseconds: renumbering.first.milliseconds,
        sequence: renumbering.first.sequence &+ UInt64(index))
    }
  }

  // MARK: Writing

  /// Appends entries in their order; returns where each stands. All of them, or, where there is no
  /// room, none.
  package func append(_ entries: [SpoolEntry]) throws(SpoolFault) -> [SpoolPosition] {
    var frames: [UInt8] = []
    frames.reserveCapacity(entries.reduce(0) { $0 + SpoolFrame.size(of: $1) })
    for entry in entries { SpoolFrame.append(entry, to: &frames) }
    guard bytes + frames.count + SpoolSegment.headBytes <= maxBytes else {
      throw SpoolFault(full: maxBytes)
    }
    let segment = try segmentToWrite(frames.count)
    try write(frames, to: segment)
    let first = segment.entries
    segment.entries += UInt32(entries.count)
    segment.unsettled += entries.count
    unread += entries.count
    if reader == nil {
      reader = SpoolReader(segment)
      readOrdinal = 0
    }
    return (0..<UInt32(entries.count)).map {
      SpoolPosition(segment: segment.number, ordinal: first + $0)
    }
  }

  /// Says that entries go under other IDs from now on. To be called before they are sent.
  package func renumber(_ positions: [SpoolPosition], first: StreamID) throws(SpoolFault) {
    let renumbering = SpoolRenumbering(positions: positions, first: first)
    var frames: [UInt8] = []
    SpoolFrame.append(renumbering, to: &frames)
    try write(frames, to: segmentToWrite(frames.count))
    note(renumbering)
  }

  /// Says that the entries up to a position may be sent from now on. To be called before they are.
  package func markSent(_ position: SpoolPosition) throws(SpoolFault) {
    if let marked, position <= marked { return }
    var frames: [UInt8] = []
    SpoolFrame.append(sent: position, to: &frames)
    try write(frames, to: segmentToWrite(frames.count))
    marked = position
  }

  /// Whether an earlier process may have sent an entry that it left here.
  package func mayHaveBeenSent(_ position: SpoolPosition) -> Bool {
    hasSentBefore && position <= sentBefore
  }

  /// All of them, down to the disk where that is asked for, or none.
  private func write(_ frames: [UInt8], to segment: SpoolSegment) throws(SpoolFault) {
    let before = segment.size
    try segment.append(frames)
    if synchronizes {
      do throws(SpoolFault) {
        try segment.synchronize()
      } catch {
        // What the disk has of it nobody knows, so it counts as not written; and since the kernel
        // forgets such a fault once it is told, nothing more goes into this file.
        segment.cut(to: before)
        isWriting = false
        throw error
      }
    }
    bytes += frames.count
  }

  private func segmentToWrite(_ count: Int) throws(SpoolFault) -> SpoolSegment {
    if isWriting, let last = segments.last,
      last.size == SpoolSegment.headBytes || last.size + count <= segmentBytes
    {
      return last
    }
    let segment = try SpoolSegment(creating: nextNumber, in: directory)
    nextNumber += 1
    if synchronizes { synchronizeDirectory() }
    segments.append(segment)
    bytes += segment.size
    isWriting = true
    return segment
  }

  /// A file that was synchronised is of no use while its name is not.
  private func synchronizeDirectory() {
    let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  // MARK: Reading

  /// The oldest entry that has not been read, under the ID that it has now; nil where all have been.
  package func next() -> (entry: SpoolEntry, position: SpoolPosition)? {
    while unread > 0, reader != nil {
      let segment = reader!.segment
      switch reader!.next() {
      case .frame(.entry(var entry)):
        let position = SpoolPosition(segment: segment.number, ordinal: readOrdinal)
        readOrdinal += 1
        unread -= 1
        if let id = renumbered[position] { entry.id = id }
        return (entry, position)
      case .frame(.renumbering), .frame(.sent), .damaged: continue
      case .end, .failed:
        // Entries that were counted and are not there any more: somebody has cut the file, or the
        // disk has lost it.
        let gone = Int(segment.entries) - Int(readOrdinal)
        if gone > 0 {
          unread -= gone
          missing += gone
          segment.unsettled -= gone
          readOrdinal = segment.entries
        }
        let hasMore = advance(from: segment)
        removeDone()
        if !hasMore { return nil }
      }
    }
    return nil
  }

  /// How many entries turned out to be unreadable since this was last asked.
  package func takeMissing() -> Int {
    defer { missing = 0 }
    return missing
  }

  /// Passes entries over that the caller has still in memory.
  package func skip(_ count: Int) {
    for _ in 0..<count { _ = next() }
  }

  /// Goes on to the next segment; false where there is none.
  private func advance(from segment: SpoolSegment) -> Bool {
    guard let index = segments.firstIndex(where: { $0 === segment }), index + 1 < segments.count
    else { return false }
    reader = SpoolReader(segments[index + 1])
    readOrdinal = 0
    return true
  }

  /// An entry has been delivered, or given up on.
  package func settle(_ position: SpoolPosition) {
    guard let segment = segments.first(where: { $0.number == position.segment }) else { return }
    segment.unsettled -= 1
    if !renumbered.isEmpty { renumbered[position] = nil }
    removeDone()
  }

  /// Removes segments that are done, the oldest first and none before an older one: a renumbering
  /// stands behind the entries that it is about.
  private func removeDone() {
    while let segment = segments.first, segment.unsettled == 0 {
      if reader?.segment === segment {
        guard readOrdinal == segment.entries else { return }
        reader = segments.count > 1 ? SpoolReader(segments[1]) : nil
        readOrdinal = 0
      }
      if segments.count == 1 { isWriting = false }
      bytes -= segment.size
      segments.removeFirst()
      segment.remove()
    }
  }
}
