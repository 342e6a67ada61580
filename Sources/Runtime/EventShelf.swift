import Foundation

/// Protocol records of flows of which nobody can say yet whether they are wanted, in the order in which each
/// flow's were made.
///
/// The first ``memoryLimit`` bytes stand in memory, what comes beyond them in a file without a name, which is
/// emptied whenever nothing in it is waited for. Where no file can be had, memory is taken instead: nothing
/// is lost.
struct EventShelf: ~Copyable {
  /// A flow by its first packet, as its records know it.
  struct FlowName: Hashable {
    var firstSeen: Int64
    var ordinal: UInt64
  }

  private struct Waiting {
    /// Messages, each behind its length in four bytes.
    var bytes: [UInt8] = []
    /// What came after those, in the file; once there is some, all that follows goes there.
    var onDisk: [(offset: Int64, length: Int)] = []
  }

  private var flows: [FlowName: Waiting] = [:]
  private let memoryLimit: Int
  private let folder: String
  private let fileLimit: Int64
  /// -1 before it is needed, and where there is none.
  private var file: Int32 = -1
  private var isWithoutFile = false
  private var fileEnd: Int64 = 0
  private(set) var bytesInMemory = 0
  private(set) var bytesOnDisk = 0

  /// - Parameters:
  ///   - folder: where the file is made; it has no name there once it is open.
  ///   - fileLimit: bytes of the file, as if the disk were full then.
  init(
    memoryLimit: Int = 64 << 20, folder: String = NSTemporaryDirectory(), fileLimit: Int64 = .max
  ) {
    self.memoryLimit = memoryLimit
    self.folder = folder
    self.fileLimit = fileLimit
  }

  deinit {
    if file >= 0 { close(file) }
  }

  var isEmpty: Bool { flows.isEmpty }

  mutating func put(_ message: UnsafeRawBufferPointer, of flow: FlowName) {
    var waiting = flows.removeValue(forKey: flow) ?? Waiting()
    let goesToDisk = !waiting.onDisk.isEmpty || bytesInMemory + message.count > memoryLimit
    if goesToDisk && write(message) {
      waiting.onDisk.append((fileEnd - Int64(message.count), message.count))
      bytesOnDisk += message.count
    } else {
      // Where the disk is full, what this flow has there comes back, so that order holds.
      var back = 0
      var bytes = waiting.bytes
      waiting.bytes = []
      forEachOnDisk(waiting) { message in
        Self.append(message, to: &bytes)
        back += message.count
      }
      Self.append(message, to: &bytes)
      bytesOnDisk -= back
      bytesInMemory += back + message.count
      waiting = Waiting(bytes: bytes)
    }
    flows[flow] = waiting
  }

  private static func append(_ message: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: UInt32(message.count)) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: message)
  }

  /// Shows `body` what waits for this flow, if it is wanted, and forgets it.
  mutating func take(_ flow: FlowName, isWanted: Bool, _ body: (UnsafeRawBufferPointer) -> Void) {
    guard let waiting = flows.removeValue(forKey: flow) else { return }
    var inMemory = 0
    waiting.bytes.withUnsafeBytes { bytes in
      var at = 0
      while at < bytes.count {
        let length = Int(bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        let message = UnsafeRawBufferPointer(rebasing: bytes[(at + 4)..<(at + 4 + length)])
        if isWanted { body(message) }
        inMemory += length
        at += 4 + length
      }
    }
    bytesInMemory -= inMemory
    if isWanted { forEachOnDisk(waiting, body) }
    bytesOnDisk -= waiting.onDisk.reduce(0) { $0 + $1.length }
    if bytesOnDisk == 0 && fileEnd > 0 {
      _ = ftruncate(file, 0)
      fileEnd = 0
    }
  }

  private func forEachOnDisk(_ waiting: Waiting, _ body: (UnsafeRawBufferPointer) -> Void) {
    var buffer: [UInt8] = []
    for (offset, length) in waiting.onDisk {
      if buffer.count < length { buffer = [UInt8](repeating: 0, count: length) }
      buffer.withUnsafeMutableBytes { bytes in
        var done = 0
        while done < length {
          let got = pread(
            file, bytes.baseAddress! + done, length - done, off_t(offset) + off_t(done))
          // Without a name nobody else can cut the file: what is left is a broken disk.
          if got < 0 && errno == EINTR { continue }
          guard got > 0 else { return }
          done += got
        }
        body(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
      }
    }
  }

  /// Writes at the file's end; false where that cannot be.
  private mutating func write(_ message: UnsafeRawBufferPointer) -> Bool {
    if file < 0 {
      if isWithoutFile { return false }
      var template = Array((folder + "/martlet-records-XXXXXX").utf8CString)
      file = mkstemp(&template)
      guard file >= 0 else {
        isWithoutFile = true
        return false
      }
      unlink(template)
    }
    guard fileEnd + Int64(message.count) <= fileLimit else { return false }
    var done = 0
    while done < message.count {
      let put = pwrite(
        file, message.baseAddress! + done, message.count - done, off_t(fileEnd) + off_t(done))
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else { return false }
      done += put
    }
    fileEnd += Int64(message.count)
    return true
  }
}
