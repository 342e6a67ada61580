internal import Foundation
internal import Glibc

/// A file that is being written: `NAME.part`, which gets its name when it is finished.
///
/// It is locked while it is open, so that no other forwarder takes it for one that a crash has left.
final class OutputFile {
  static let partSuffix = ".part"

  /// What it will be called.
  let path: String
  private(set) var bytes = 0
  private var descriptor: Int32

  var partPath: String { path + Self.partSuffix }

  /// Begins a file; of a name that is taken a number is put behind the first part: `flows-1.ndjson`.
  init(path: String) throws(TargetFault) {
    let folder = (path as NSString).deletingLastPathComponent
    if !folder.isEmpty {
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw TargetFault("\(folder) cannot be made: \(error.localizedDescription)")
      }
    }
    for number in 0..<100_000 {
      let candidate = number == 0 ? path : Self.numbered(path, number)
      if access(candidate, F_OK) == 0 { continue }
      let opened = open(
        candidate + Self.partSuffix, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o640)
      if opened < 0, errno == EEXIST { continue }
      guard opened >= 0 else { throw Self.fault(candidate + Self.partSuffix) }
      guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
        Glibc.close(opened)
        continue
      }
      self.path = candidate
      descriptor = opened
      return
    }
    throw TargetFault("\(path): 100,000 files of this name are there")
  }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  static func numbered(_ path: String, _ number: Int) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    let name = (path as NSString).lastPathComponent
    // All that follows the first point: `.ndjson.zst`.
    let point = name.dropFirst().firstIndex(of: ".") ?? name.endIndex
    let numbered = "\(name[..<point])-\(number)\(name[point...])"
    return folder.isEmpty ? numbered : (folder as NSString).appendingPathComponent(numbered)
  }

  /// Appends all of it or, where that fails, nothing.
  func append(_ data: [UInt8]) throws(TargetFault) {
    var written = 0
    while written < data.count {
      let count = data.withUnsafeBytes { buffer in
        write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        let fault = Self.fault(partPath)
        // A half line behind whole ones would spoil the next.
        if ftruncate(descriptor, off_t(bytes)) != 0 {
          throw TargetFault("\(fault); and what was written of it cannot be taken back")
        }
        throw fault
      }
      written += count
    }
    bytes += data.count
  }

  /// Waits until all of it is on the disk.
  func sync() throws(TargetFault) {
    guard fsync(descriptor) == 0 else { throw Self.fault(partPath) }
  }

  /// Closes it and gives it its name.
  func finish() throws(TargetFault) {
    guard descriptor >= 0 else { return }
    try sync()
    try Self.publish(partPath, as: path)
    Glibc.close(descriptor)
    descriptor = -1
  }

  /// Gives a part its name, at once and over nothing that is there.
  private static func publish(_ part: String, as path: String) throws(TargetFault) {
    for number in 0..<100_000 {
      let candidate = number == 0 ? path : numbered(path, number)
      if link(part, candidate) == 0 {
        guard unlink(part) == 0 else { throw fault(part) }
        return
      }
      switch errno {
      case EEXIST: continue
      case EPERM, EOPNOTSUPP, EMLINK:
        // A file system without hard links: nothing of this name is there just now.
        if access(candidate, F_OK) == 0 { continue }
        guard rename(part, candidate) == 0 else { throw fault(part) }
        return
      default: throw fault(part)
      }
    }
    throw TargetFault("\(path): 100,000 files of this name are there")
  }

  // MARK: After a crash

  /// Finishes the parts in a folder that no forwarder is writing any more, with what is torn at
  /// their ends cut off. Returns what was done, for the log.
  static func recover(_ folder: String, _ compression: FileTargetSettings.Compression)
    throws(TargetFault) -> [String]
  {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var done: [String] = []
    for name in names.sorted() where name.hasSuffix(compression.suffix + partSuffix) {
      let part = (folder as NSString).appendingPathComponent(name)
      if let text = try recover(part: part, compression) { done.append(text) }
    }
    return done
  }

  private static func recover(part: String, _ compression: FileTargetSettings.Compression)
    throws(TargetFault) -> String?
  {
    let descriptor = open(part, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { Glibc.close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return nil }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    let size = Int(info.st_size)
    var whole = 0
    if size > 0 {
      guard let map = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), map != MAP_FAILED
      else { throw fault(part) }
      defer { munmap(map, size) }
      whole = FrameCompressor.wholeLength(
        UnsafeRawBufferPointer(start: map, count: size), compression)
    }
    guard whole > 0 else {
      guard unlink(part) == 0 else { throw fault(part) }
      return "\(part): nothing whole was in it; removed"
    }
    guard ftruncate(descriptor, off_t(whole)) == 0, fsync(descriptor) == 0 else {
      throw fault(part)
    }
    try publish(part, as: String(part.dropLast(partSuffix.count)))
    return "\(part): finished; \(size - whole) torn bytes cut off"
  }

  private static func fault(_ path: String) -> TargetFault {
    TargetFault("\(path): \(String(cString: strerror(errno)))")
  }
}
