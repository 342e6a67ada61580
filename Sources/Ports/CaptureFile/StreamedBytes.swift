import Glibc
import Synchronization

/// A pipe, a compressed file, or a file that is still being written: a thread of its own reads and
/// decompresses ahead into a few buffers.
///
///     | head room | bytes … |      what the last buffer left over is copied into the head room, so
///                                  that each packet stands in one piece
final class StreamedBytes: @unchecked Sendable {
  /// Memory of one piece; given back through ``StreamedBytes/giveBack(_:)``.
  final class Buffer: @unchecked Sendable {
    static let headRoom = 320 << 10
    let memory: UnsafeMutablePointer<UInt8>
    let capacity: Int
    /// Bytes in it, from `headRoom` on.
    var count = 0

    init(capacity: Int) {
      self.capacity = capacity
      memory = .allocate(capacity: Self.headRoom + capacity)
      StreamedBytes.buffersInUse.wrappingAdd(1, ordering: .relaxed)
    }

    deinit {
      memory.deallocate()
      StreamedBytes.buffersInUse.wrappingSubtract(1, ordering: .relaxed)
    }
  }

  enum Piece {
    case bytes(Buffer)
    /// Nothing just now.
    case idle
    case end(CaptureProblem?)
  }

  private struct State {
    var filled: [Buffer] = []
    var spare: [Buffer] = []
    var made = 0
    var isEnded = false
    var problem: CaptureProblem?
    var isAbandoned = false
  }

  static let bufferBytes = 1 << 20
  private static let bufferCount = 8
  /// With hundreds of inputs at a time each reads less far ahead: so many buffers in all, and then no
  /// more than a few for each.
  private static let buffersAtEase = 96
  private static let fewestBuffers = 3
  private static let buffersInUse = Atomic<Int>(0)
  /// The first piece of a compressed file is small: often only its first packet's time is asked for.
  private static let firstPieceBytes = 64 << 10

  private let descriptor: Int32
  private let name: String
  /// At its end, more is waited for.
  private let follows: Bool
  private let condition = Condition()
  private var state = State()
  /// Of the file itself, compressed as it is.
  private let rawBytes = Atomic<UInt64>(0)
  private var thread: PosixThread?
  /// Why reading failed; the thread's own.
  private var failure: Int32 = 0

  /// Takes over the descriptor.
  init(descriptor: Int32, name: String, follows: Bool) {
    self.descriptor = descriptor
    self.name = name
    self.follows = follows
  }

  func start() {
    thread = PosixThread(name: "reader") { [self] in run() }
  }

  var rawBytesRead: UInt64 { rawBytes.load(ordering: .relaxed) }

  /// The next piece, waited for at the most `milliseconds`.
  func next(waitMilliseconds: Int) -> Piece {
    condition.lock()
    defer { condition.unlock() }
    if state.filled.isEmpty && !state.isEnded && waitMilliseconds > 0 {
      condition.wait(milliseconds: waitMilliseconds)
    }
    if !state.filled.isEmpty { return .bytes(state.filled.removeFirst()) }
    return state.isEnded ? .end(state.problem) : .idle
  }

  func giveBack(_ buffer: Buffer) {
    condition.lock()
    // Larger ones were made for one record each.
    if buffer.capacity == Self.bufferBytes { state.spare.append(buffer) }
    condition.signal()
    condition.unlock()
  }

  /// Ends the thread, wherever it is.
  func abandon() {
    condition.lock()
    state.isAbandoned = true
    condition.signal()
    condition.unlock()
    thread?.join()
    thread = nil
  }

  // MARK: The thread

  private var isAbandoned: Bool {
    condition.lock()
    defer { condition.unlock() }
    return state.isAbandoned
  }

  private func takeSpare() -> Buffer? {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if state.isAbandoned { return nil }
      if let buffer = state.spare.popLast() { return buffer }
      if state.made < Self.fewestBuffers
        || (state.made < Self.bufferCount
          && Self.buffersInUse.load(ordering: .relaxed) < Self.buffersAtEase)
      {
        state.made += 1
        return Buffer(capacity: Self.bufferBytes)
      }
      condition.wait(milliseconds: 1000)
    }
  }

  private func hand(_ buffer: Buffer) {
    condition.lock()
    state.filled.append(buffer)
    condition.signal()
    condition.unlock()
  }

  private func end(_ problem: CaptureProblem? = nil) {
    condition.lock()
    state.isEnded = true
    state.problem = problem
    condition.signal()
    condition.unlock()
  }

  /// Bytes read, 0 at the end, nil where it failed, was abandoned, or became shorter.
  private func readSome(_ memory: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int? {
    while true {
      // A pipe without a writer's word must not keep an abandoned thread.
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&request, 1, 100)
      if isAbandoned { return nil }
      if ready == 0 { continue }
      let got = ready < 0 ? -1 : read(descriptor, memory, count)
      if got > 0 {
        rawBytes.wrappingAdd(UInt64(got), ordering: .relaxed)
        return got
      }
      if got < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      if got < 0 {
        failure = errno
        return nil
      }
      guard follows else { return 0 }
      var status = stat()
      if fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        && UInt64(status.st_size) < rawBytesRead
      {
        failure = 0
        return nil
      }
      usleep(50_000)
    }
  }

  /// Whether more can be read without waiting.
  private var isReadable: Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&request, 1, 0) > 0
  }

  private func run() {
    defer { close(descriptor) }
    var magic = [UInt8](repeating: 0, count: CaptureFormat.magicLength)
    var have = 0
    while have < magic.count {
      let got = magic.withUnsafeMutableBufferPointer {
        readSome($0.baseAddress! + have, $0.count - have)
      }
      guard let got else { return endUnread() }
      if got == 0 { break }
      have += got
    }
    let format = magic.withUnsafeBytes {
      CaptureFormat.detect(UnsafeRawBufferPointer(rebasing: $0[..<have]))
    }
    if case .compressed(let method) = format {
      decompress(method, first: Array(magic[..<have]))
    } else {
      copy(first: Array(magic[..<have]))
    }
  }

  private func endUnread() {
    if isAbandoned { return end() }
    end(
      failure == 0
        ? CaptureProblem(.cut, file: name, "became shorter while it was followed")
        : CaptureProblem(.unreadable, file: name, String(cString: strerror(failure))))
  }

  private func copy(first: [UInt8]) {
    var pending = first
    while true {
      guard let buffer = takeSpare() else { return }
      let bytes = buffer.memory + Buffer.headRoom
      buffer.count = pending.count
      for (at, byte) in pending.enumerated() { bytes[at] = byte }
      pending = []
      repeat {
        guard let got = readSome(bytes + buffer.count, buffer.capacity - buffer.count) else {
          if buffer.count > 0 { hand(buffer) }
          return endUnread()
        }
        if got == 0 {
          if buffer.count > 0 { hand(buffer) }
          return end()
        }
        buffer.count += got
        // A regular file is always readable: at its end, what there is goes on its way.
      } while buffer.count < buffer.capacity && !follows && isReadable
      hand(buffer)
    }
  }

  private func decompress(_ method: CompressionMethod, first: [UInt8]) {
    let decompressor = Decompressor(method)
    let size = 256 << 10
    let input = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    defer { input.deallocate() }
    input.update(from: first, count: first.count)
    var inputRange = 0..<first.count
    var isLast = false
    var inputOffset: UInt64 = 0
    guard var buffer = takeSpare() else { return }
    buffer.count = 0
    var room = min(Self.firstPieceBytes, buffer.capacity)
    while true {
      var outputRange = buffer.count..<room
      let before = (inputRange.count, outputRange.count)
      let step = decompressor.step(
        input, &inputRange, buffer.memory + Buffer.headRoom, &outputRange, isLast: isLast)
      inputOffset += UInt64(before.0 - inputRange.count)
      buffer.count = outputRange.lowerBound
      if case .failed(let reason) = step {
        hand(buffer)
        return end(
          CaptureProblem(
            .damaged, file: name,
            "damaged \(method.rawValue) data (\(reason)) at byte \(inputOffset) of the compressed file"
          ))
      }
      let isFull = buffer.count == room
      // What a pipe gave goes on its way before more is waited for.
      if isFull || (inputRange.isEmpty && buffer.count > 0 && !isLast && (follows || !isReadable)) {
        hand(buffer)
        guard let next = takeSpare() else { return }
        next.count = 0
        buffer = next
        room = buffer.capacity
        if isFull { continue }
      }
      let moved = before.0 != inputRange.count || before.1 != outputRange.count
      if moved && !inputRange.isEmpty { continue }
      if isLast {
        if moved && !decompressor.isBetweenFrames { continue }
        hand(buffer)
        return end(
          decompressor.isBetweenFrames
            ? nil
            : CaptureProblem(
              .cut, file: name,
              "ends within its \(method.rawValue) data, after \(inputOffset) compressed bytes"))
      }
      if inputRange.isEmpty {
        guard let got = readSome(input, size) else {
          hand(buffer)
          return endUnread()
        }
        inputRange = 0..<got
        isLast = got == 0
      } else if !moved {
        hand(buffer)
        return end(
          CaptureProblem(
            .damaged, file: name,
            "damaged \(method.rawValue) data at byte \(inputOffset) of the compressed file"))
      }
    }
  }
}
