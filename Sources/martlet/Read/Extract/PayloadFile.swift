import Glibc

/// A file of payload under way. What is small stays in memory until it is named; what grows lies in a
/// temporary file of its folder, and is renamed. Any place may be written, in any order; places that nobody
/// writes are holes, and read as zeros.
final class PayloadFile {
  private let pool: PayloadFilePool
  /// Of its temporary file; nil while all of it is in memory.
  private(set) var temporaryPath: String?
  fileprivate(set) var descriptor: Int32 = -1
  /// Not written yet, and where it belongs.
  private var bytes: [UInt8] = []
  private var start: UInt64 = 0
  /// One behind the last byte, holes included.
  private(set) var size: UInt64 = 0

  /// What is held back before it is written.
  private static let pieceBytes = 64 << 10

  init(_ pool: PayloadFilePool) { self.pool = pool }

  /// Nothing of it is left.
  func discard() {
    pool.forget(self)
    letBytesGo()
    pool.close(self)
    if let temporaryPath { unlink(temporaryPath) }
    temporaryPath = nil
  }

  func write(_ more: UnsafeRawBufferPointer, at place: UInt64) {
    guard more.count > 0, pool.error == nil else { return }
    size = max(size, place + UInt64(more.count))
    let end = start + UInt64(bytes.count)
    if !bytes.isEmpty && place >= start && place < end && place + UInt64(more.count) <= end {
      let offset = Int(place - start)
      bytes.withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[offset..<offset + more.count]).copyMemory(
          from: more)
      }
      return
    }
    if !bytes.isEmpty && place != end { flush() }
    if bytes.isEmpty { start = place }
    bytes.append(contentsOf: more)
    pool.held += more.count
    if bytes.count >= Self.pieceBytes { flush() }
  }

  /// The file ends here at the least.
  func extend(to end: UInt64) { size = max(size, end) }

  /// Whether these bytes stand at `place`, which has been written.
  func holds(_ other: UnsafeRawBufferPointer, at place: UInt64) -> Bool {
    guard other.count > 0, pool.error == nil else { return true }
    let end = start + UInt64(bytes.count)
    if place >= start && place + UInt64(other.count) <= end {
      let offset = Int(place - start)
      return bytes.withUnsafeBytes {
        memcmp($0.baseAddress! + offset, other.baseAddress!, other.count) == 0
      }
    }
    flush()
    guard pool.open(self) else { return true }
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
    if temporaryPath == nil { temporaryPath = pool.temporaryPath() }
    guard pool.open(self) else { return }
    put()
  }

  private func put() {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        // `done` is below `count`.
        pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(start) + off_t(done))
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return pool.fail(temporaryPath ?? pool.folder, errno) }
      done += count
    }
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
    if temporaryPath == nil {
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
    self.temporaryPath = nil
    return pool.error == nil
  }

  /// A hole at the end is part of the file, too.
  private func close(_ path: String) {
    var status = stat()
    if fstat(descriptor, &status) == 0, UInt64(max(status.st_size, 0)) < size,
      ftruncate(descriptor, off_t(clamping: size)) != 0
    {
      pool.fail(path, errno)
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
  private var made = 0
  private var folders: Set<String> = []
  private(set) var error: OutputError?
  /// Bytes held back in memory.
  var held = 0

  static let openLimit = 256
  static let heldLimit = 64 << 20

  /// `folder` must be there.
  init(folder: String) throws(OutputError) {
    self.folder = folder
    parts = "\(folder)/.unfinished"
    if mkdir(parts, 0o750) != 0 { throw OutputError(parts, errno) }
  }

  func make() -> PayloadFile {
    let file = PayloadFile(self)
    known[ObjectIdentifier(file)] = file
    return file
  }

  fileprivate func forget(_ file: PayloadFile) { known[ObjectIdentifier(file)] = nil }

  fileprivate func temporaryPath() -> String {
    made += 1
    return "\(parts)/\(made)"
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

  /// A folder within, made where it is not there yet.
  func subfolder(_ name: String) -> String {
    let path = "\(folder)/\(name)"
    if folders.insert(name).inserted && mkdir(path, 0o755) != 0 && errno != EEXIST {
      fail(path, errno)
    }
    return path
  }

  func finish() {
    for file in known.values { file.discard() }
    if rmdir(parts) != 0 && error == nil { fail(parts, errno) }
  }
}
