import Glibc

/// Protocol records of flows of which nobody can say yet whether they are wanted, in the order in which each
/// flow's were made.
///
/// The first ``memoryLimit`` bytes stand in memory, what comes beyond them in a ``TemporaryFile``: each flow
/// has pages of its own there, which the next flow takes when it has gone. Where the file fails,
/// ``errorCode`` says so, and whoever asks ends the run.
struct EventShelf: ~Copyable {
  /// A flow by its first packet, as its records know it.
  struct FlowName: Hashable {
    var firstSeen: Int64
    var ordinal: UInt64
  }

  /// A flow's messages, each behind its length in four bytes: one after the other in `bytes`, and from there
  /// on in the pages.
  private struct Waiting {
    var bytes: [UInt8] = []
    var pages: [UInt32] = []
    var onPages = 0
  }

  static let pageBytes = 4096

  private var flows: [FlowName: Waiting] = [:]
  private let memoryLimit: Int
  private let folder: String
  /// -1 before it is needed.
  private var file: Int32 = -1
  private var pageCount: UInt32 = 0
  private var freePages: [UInt32] = []
  private(set) var bytesInMemory = 0
  /// 0, or why the file failed (errno): records have been lost then.
  private(set) var errorCode: Int32 = 0

  /// - Parameter folder: where the file is made; it has no name there once it is open.
  init(memoryLimit: Int = 64 << 20, folder: String = TemporaryFile.folder) {
    self.memoryLimit = memoryLimit
    self.folder = folder
  }

  deinit {
    if file >= 0 { close(file) }
  }

  var isEmpty: Bool { flows.isEmpty && bytesInMemory == 0 && freePages.count == Int(pageCount) }

  /// Length of the file: as many pages as were in use at a time.
  var fileBytes: Int { Int(pageCount) * Self.pageBytes }

  mutating func put(_ message: UnsafeRawBufferPointer, of flow: FlowName) {
    var waiting = flows.removeValue(forKey: flow) ?? Waiting()
    withUnsafeBytes(of: UInt32(message.count)) { length in
      if waiting.pages.isEmpty && bytesInMemory + 4 + message.count <= memoryLimit {
        waiting.bytes.append(contentsOf: length)
        waiting.bytes.append(contentsOf: message)
        bytesInMemory += 4 + message.count
      } else {
        append(length, to: &waiting)
        append(message, to: &waiting)
      }
    }
    flows[flow] = waiting
  }

  /// Shows `body` what waits for this flow, if it is wanted, and forgets it.
  mutating func take(_ flow: FlowName, isWanted: Bool, _ body: (UnsafeRawBufferPointer) -> Void) {
    guard let waiting = flows.removeValue(forKey: flow) else { return }
    if isWanted {
      waiting.bytes.withUnsafeBytes { Self.forEach($0, body) }
      if !waiting.pages.isEmpty {
        readBack(waiting).withUnsafeBytes { Self.forEach($0, body) }
      }
    }
    bytesInMemory -= waiting.bytes.count
    freePages += waiting.pages
  }

  private static func forEach(
    _ messages: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    var at = 0
    while at + 4 <= messages.count {
      let end = at + 4 + Int(messages.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      guard end <= messages.count else { return }
      body(UnsafeRawBufferPointer(rebasing: messages[(at + 4)..<end]))
      at = end
    }
  }

  // MARK: The file

  private mutating func append(_ bytes: UnsafeRawBufferPointer, to waiting: inout Waiting) {
    var done = 0
    while done < bytes.count {
      let inPage = waiting.onPages % Self.pageBytes
      if inPage == 0 { waiting.pages.append(freePage()) }
      let piece = min(bytes.count - done, Self.pageBytes - inPage)
      write(
        UnsafeRawBufferPointer(rebasing: bytes[done..<done + piece]),
        at: Int(waiting.pages[waiting.pages.count - 1]) * Self.pageBytes + inPage)
      waiting.onPages += piece
      done += piece
    }
  }

  private mutating func freePage() -> UInt32 {
    if let page = freePages.popLast() { return page }
    pageCount += 1
    return pageCount - 1
  }

  private mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    if file < 0 {
      guard errorCode == 0 else { return }
      do throws(TemporaryFile.Failure) {
        file = try TemporaryFile.open(in: folder)
      } catch {
        errorCode = error.code
        return
      }
    }
    var done = 0
    while done < bytes.count {
      let put = pwrite(
        file, bytes.baseAddress.unsafelyUnwrapped + done, bytes.count - done, off_t(offset + done))
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else {
        errorCode = put < 0 ? errno : EIO
        return
      }
      done += put
    }
  }

  /// What a flow has in the file; shorter where that cannot be read.
  private mutating func readBack(_ waiting: Waiting) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: waiting.onPages) { buffer, count in
      count = 0
      while count < waiting.onPages {
        let inPage = count % Self.pageBytes
        let got = pread(
          file, buffer.baseAddress.unsafelyUnwrapped + count,
          min(Self.pageBytes - inPage, waiting.onPages - count),
          off_t(Int(waiting.pages[count / Self.pageBytes]) * Self.pageBytes + inPage))
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else {
          failure = got < 0 ? errno : EIO
          return
        }
        count += got
      }
    }
    if failure != 0 { errorCode = failure }
    return bytes
  }
}
