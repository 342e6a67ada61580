import Glibc

/// A file of payload under way. What is small stays in memory until it is named; what grows lies in a
/// temporary file of its folder, and is renamed. Any place may be written, in any order; places that nobody
/// writes are holes, and read as zeros.
final class PayloadFile {
  private let pool: PayloadFilePool
  /// Of its temporary file; 0 while all of it is in memory.
  private var number: UInt64
  fileprivate(set) var descriptor: Int32 = -1
  /// Not written yet, and where it belongs.
  private var bytes: [UInt8] = []
  private var start: UInt64 = 0
  /// One behind the last byte, holes included.
  private(set) var size: UInt64
  /// It has reached what the file system, or a limit on the process, allows a file to have: nothing is
  /// added any more, and `size` is what is there.
  private(set) var isFull = false

  /// What is held back before it is written.
  private static let pieceBytes = 64 << 10

  /// `number` and `size`: of one that was parked.
  init(_ pool: PayloadFilePool, number: UInt64 = 0, size: UInt64 = 0) {
    self.pool = pool
    self.number = number
    self.size = size
  }

  fileprivate var temporaryPath: String? { number == 0 ? nil : pool.path(number) }

  /// Nothing of it is left.
  func discard() {
    pool.forget(self)
    letBytesGo()
    pool.close(self)
    if let temporaryPath { unlink(temporaryPath) }
    number = 0
  }

  func write(_ more: UnsafeRawBufferPointer, at place: UInt64) {
    guard more.count > 0, pool.error == nil, !isFull else { return }
    let end = start + UInt64(bytes.count)
    size = max(size, place + UInt64(more.count))
    if !bytes.isEmpty && place >= start && place < end && place + UInt64(more.count) <= end {
      let offset = Int(place - start)
      bytes.withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[offset..<offset + more.count]).copyMemory(
          from: more)
      }
      return
    }
    if !bytes.isEmpty && place != end {
      flush()
      if isFull { return }
    }
    if bytes.isEmpty { start = place }
    bytes.append(contentsOf: more)
    pool.held += more.count
    if bytes.count >= Self.pieceBytes { flush() }
  }

  /// The file ends here at the least.
  func extend(to end: UInt64) { if !isFull { size = max(size, end) } }

  /// Nothing of it stands behind `end`.
  func truncate(to end: UInt64) {
    guard size > end else { return }
    flush()
    guard size > end else { return }
    size = end
    if number != 0, pool.open(self), ftruncate(descriptor, off_t(clamping: end)) != 0 {
      pool.fail(temporaryPath ?? pool.folder, errno)
    }
  }

  /// Whether these bytes stand at `place`, which has been written.
  func holds(_ other: UnsafeRawBufferPointer, at place: UInt64) -> Bool {
    guard other.count > 0, pool.error == nil, !isFull else { return true }
    let end = start + UInt64(bytes.count)
    if place >= start && place + UInt64(other.count) <= end {
      let offset = Int(place - start)
      return bytes.withUnsafeBytes {
        memcmp($0.baseAddress! + offset, other.baseAddress!, other.count) == 0
      }
    }
    flush()
    guard !isFull, pool.open(self) else { return true }
    return withUnsafeTemporaryAllocation(byteCount: other.count, alignment: 1) { memory in
      var done = 0
      while done < memory.count {
        let count = pread(
          descriptor, memory.baseAddress! + done, memory.count - done, off_t(place) + off_t(done))
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return true }
        done += count
      }
      return memcmp(memory.baseAddress!, other.baseAddress!, other.count) == 0
    }
  }

  /// Brings to disk what is in memory.
  func flush() {
    guard !bytes.isEmpty else { return }
    defer { letBytesGo() }
    if number == 0 { number = pool.nextNumber() }
    guard pool.open(self) else { return }
    put()
  }

  /// Brings all of it to disk, where the pool knows it by the number that is returned; 0 where it has no
  /// byte. This object is done with.
  func park() -> UInt64 {
    pool.forget(self)
    flush()
    guard number != 0, pool.open(self) else { return 0 }
    close(pool.path(number))
    defer { number = 0 }
    return number
  }

  private func put() {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        // `done` is below `count`.
        pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(start) + off_t(done))
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EFBIG { return fill() }
      if count < 0 { return pool.fail(temporaryPath ?? pool.folder, errno) }
      done += count
    }
  }

  private func fill() {
    isFull = true
    var status = stat()
    size = fstat(descriptor, &status) == 0 ? UInt64(max(status.st_size, 0)) : 0
  }

  private func letBytesGo() {
    pool.held -= bytes.count
    // Small files are many: none keeps room that it does not need.
    bytes = []
  }

  /// It is complete, and gets its name. False where there was a file of that name (which has the same
  /// content), or where it could not be written.
  @discardableResult
  func finish(as path: String) -> Bool {
    pool.forget(self)
    if number == 0 {
      // Never needed a name before.
      descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
      if descriptor < 0 {
        letBytesGo()
        if errno != EEXIST { pool.fail(path, errno) }
        return false
      }
      put()
      letBytesGo()
      close(path)
      if pool.error != nil { unlink(path) }
      return pool.error == nil
    }
    flush()
    if pool.open(self) { close(path) }
    guard pool.error == nil, let temporaryPath, access(path, F_OK) != 0 else {
      discard()
      return false
    }
    if rename(temporaryPath, path) != 0 { pool.fail(path, errno) }
    number = 0
    return pool.error == nil
  }

  /// A hole at the end is part of the file, too.
  private func close(_ path: String) {
    var status = stat()
    if fstat(descriptor, &status) == 0, UInt64(max(status.st_size, 0)) < size,
      ftruncate(descriptor, off_t(clamping: size)) != 0
    {
      if errno == EFBIG { fill() } else { pool.fail(path, errno) }
    }
    pool.close(self)
  }
}

/// Files under way: any number of them, of which a few hundred are open at a time, and what they hold back is
/// bounded.
final class PayloadFilePool {
  let folder: String
  private let parts: String
  /// Open, the longest unused first.
  private var opened: [PayloadFile] = []
  /// All that are under way.
  private var known: [ObjectIdentifier: PayloadFile] = [:]
  private var made: UInt64 = 0
  private var folders: Set<String> = []
  private(set) var error: OutputError?
  /// Bytes held back in memory.
  var held = 0

  static let partsName = ".unfinished"
  static let openLimit = 256
  static let heldLimit = 64 << 20

  /// `folder` must be there.
  init(folder: String) throws(OutputError) {
    self.folder = folder
    parts = "\(folder)/\(Self.partsName)"
    if mkdir(parts, 0o750) != 0 { throw OutputError(parts, errno) }
  }

  func make() -> PayloadFile {
    let file = PayloadFile(self)
    known[ObjectIdentifier(file)] = file
    return file
  }

  /// One that was parked.
  func unpark(_ number: UInt64, size: UInt64) -> PayloadFile {
    let file = PayloadFile(self, number: number, size: size)
    known[ObjectIdentifier(file)] = file
    return file
  }

  fileprivate func forget(_ file: PayloadFile) { known[ObjectIdentifier(file)] = nil }

  fileprivate func nextNumber() -> UInt64 {
    made += 1
    return made
  }

  fileprivate func path(_ number: UInt64) -> String { "\(parts)/\(number)" }

  /// A file of the folder's own that has no name any more. -1 where there is none.
  func namelessFile() -> Int32 {
    let path = path(nextNumber())
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor < 0 { fail(path, errno) }
    unlink(path)
    return descriptor
  }

  /// The first thing that goes wrong ends it all.
  func fail(_ path: String, _ code: Int32) {
    if error == nil { error = OutputError(path, code) }
  }

  fileprivate func open(_ file: PayloadFile) -> Bool {
    guard error == nil else { return false }
    if file.descriptor >= 0 {
      if opened.last !== file, let place = opened.firstIndex(where: { $0 === file }) {
        opened.append(opened.remove(at: place))
      }
      return true
    }
    guard let path = file.temporaryPath else { return false }
    if opened.count == Self.openLimit { close(opened[0]) }
    file.descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard file.descriptor >= 0 else {
      fail(path, errno)
      return false
    }
    opened.append(file)
    return true
  }

  fileprivate func close(_ file: PayloadFile) {
    guard file.descriptor >= 0 else { return }
    if let place = opened.firstIndex(where: { $0 === file }) { opened.remove(at: place) }
    // Some file systems first tell of a full disk here.
    if Glibc.close(file.descriptor) != 0 { fail(file.temporaryPath ?? folder, errno) }
    file.descriptor = -1
  }

  /// Called now and then: what is held back by all files together goes to disk.
  func watchMemory() {
    guard held > Self.heldLimit else { return }
    for file in known.values { file.flush() }
  }

  /// Makes a folder within where it is not there yet.
  func makeSubfolder(_ name: String) {
    let path = "\(folder)/\(name)"
    if folders.insert(name).inserted && mkdir(path, 0o755) != 0 && errno != EEXIST {
      fail(path, errno)
    }
  }

  func finish() {
    for file in known.values { file.discard() }
    // What is parked.
    for name in ExtractFolder.names(in: parts) ?? [] { unlink("\(parts)/\(name)") }
    if rmdir(parts) != 0 && error == nil { fail(parts, errno) }
  }
}
