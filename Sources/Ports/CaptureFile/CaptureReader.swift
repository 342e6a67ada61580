import CBurst
import Glibc

/// One capture file, packet by packet.
final class CaptureReader {
  /// What was handed out of a reader's memory and may be forgotten once nobody looks at it any more.
  enum Spent {
    case mapped(CaptureReader, from: Int, to: Int)
    case buffer(StreamedBytes, StreamedBytes.Buffer)
    /// Holds the reader until its last packet has been looked at.
    case reader(CaptureReader)
  }

  enum Fill {
    case packets(Int)
    /// Nothing just now: a pipe or a file that grows, or all buffers are out.
    case idle
    case end
  }

  private enum Bytes {
    case mapped(MappedBytes)
    case streamed(StreamedBytes)
  }

  private enum Parser {
    case unknown
    case pcap(PcapParser)
    case pcapng(PcapngParser)
  }

  let name: String
  /// Number of the input.
  let number: UInt32
  /// Bytes of the file on disk; nil for a pipe.
  let fileBytes: UInt64?
  private let bytes: Bytes
  private var window = CaptureWindow.empty
  private var parser = Parser.unknown
  private var isAtEnd = false
  /// The buffer that the window is in.
  private var buffer: StreamedBytes.Buffer?
  /// Packets in it have been handed out.
  private var isBufferSeen = false
  /// Up to here the mapping has been given to ``spent``.
  private var spentOffset = 0
  /// What may be forgotten, in order: of a mapping only up to where, so that this does not hold itself.
  private var spent: [Kept] = []

  private enum Kept {
    case mapped(from: Int, to: Int)
    case buffer(StreamedBytes, StreamedBytes.Buffer)
  }

  private(set) var problem: CaptureProblem?
  private(set) var packets: UInt64 = 0

  /// A mapping is forgotten in pieces of this size.
  private static let spentStep = 8 << 20

  /// Opens `path`, or takes `descriptor` as it is. Throws a ``CaptureProblem``.
  init(
    path: String, number: UInt32, descriptor given: Int32? = nil, follows: Bool = false
  ) throws(CaptureProblem) {
    name = path
    self.number = number
    // A named pipe is opened without waiting for who writes into it; then it is waited for like any.
    let descriptor = given ?? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Self.unreadable(path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      close(descriptor)
      throw Self.unreadable(path)
    }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    if status.st_mode & S_IFMT == S_IFDIR {
      close(descriptor)
      throw CaptureProblem(.unreadable, file: path, "is a folder")
    }
    fileBytes = isRegular ? UInt64(status.st_size) : nil
    // A descriptor that has been read from goes on from there.
    if isRegular && !follows && lseek(descriptor, 0, SEEK_CUR) == 0 {
      var magic = [UInt8](repeating: 0, count: CaptureFormat.magicLength)
      let got = pread(descriptor, &magic, magic.count, 0)
      guard got >= 0 else {
        close(descriptor)
        throw Self.unreadable(path)
      }
      let format = magic.withUnsafeBytes {
        let bytes = UnsafeRawBufferPointer(rebasing: $0[..<got])
        return (CaptureFormat.detect(bytes), CaptureFormat.describeOther(bytes))
      }
      guard let known = format.0 else {
        close(descriptor)
        throw CaptureProblem(.notACapture, file: path, format.1)
      }
      if known == .pcap || known == .pcapng,
        let mapped = MappedBytes(descriptor: descriptor, path: path, status: status)
      {
        close(descriptor)
        bytes = .mapped(mapped)
        window = CaptureWindow(
          base: UnsafePointer(mapped.base.assumingMemoryBound(to: UInt8.self)), offset: 0,
          end: mapped.length, isLast: true, fileOffset: 0)
        return
      }
    }
    let streamed = StreamedBytes(descriptor: descriptor, name: path, follows: follows)
    bytes = .streamed(streamed)
    streamed.start()
  }

  deinit { if case .streamed(let streamed) = bytes { streamed.abandon() } }

  private static func unreadable(_ path: String) -> CaptureProblem {
    CaptureProblem(.unreadable, file: path, String(cString: strerror(errno)))
  }

  /// Of the file as it lies on disk, as far as it has been read.
  var rawBytesRead: UInt64 {
    switch bytes {
    case .mapped: window.position
    case .streamed(let streamed): streamed.rawBytesRead
    }
  }

  /// Its time stamps are finer than microseconds.
  var hasNanoseconds: Bool {
    switch parser {
    case .pcap(let parser): parser.nanoseconds
    case .pcapng(let parser): parser.hasNanoseconds
    case .unknown: false
    }
  }

  /// Packets that the capturing program says it lost (pcapng's interface statistics).
  var reportedDrops: UInt64 {
    guard case .pcapng(let parser) = parser else { return 0 }
    return parser.reportedDrops
  }

  /// Where a packet that was just handed out stands in the file.
  func offset(of packet: UnsafePointer<UInt8>) -> UInt64 {
    window.fileOffset + UInt64(packet - window.base)
  }

  // MARK: Packets

  /// Fills `out` with packets that are not later than `until`. Their bytes stay where they are until
  /// what ``takeSpent()`` gave at or after this call is forgotten.
  func fill(
    _ out: UnsafeMutablePointer<martlet_packet>, capacity: Int, until: UInt64,
    waitMilliseconds: Int
  ) -> Fill {
    var count = 0
    while true {
      if isAtEnd { return .end }
      if case .mapped(let mapped) = bytes { mapped.reached(window.offset) }
      let stop = parse(out, capacity, until, &count)
      if case .mapped(let mapped) = bytes {
        if mapped.isCut || Self.looksCut(stop, count == 0 ? nil : out + (count - 1)),
          mapped.validLength < mapped.length
        {
          return endShortened(mapped, out, count)
        }
        if window.offset &- spentOffset >= Self.spentStep { spend(mapped) }
      }
      switch stop {
      case .full: return done(count)
      case .damaged(let text):
        return end(
          CaptureProblem(
            .damaged, file: name, byteOffset: window.position,
            "\(text), behind packet \(packets + UInt64(count)),"), count)
      case .needs(let wanted):
        // The packets stand in this buffer: the next one is fetched when they have been taken.
        if count > 0 { return done(count) }
        switch advance(wanted, waitMilliseconds) {
        case .bytes: continue
        case .idle: return .idle
        case .end(let problem):
          return end(problem ?? cutProblem(), 0)
        }
      }
    }
  }

  enum NextTime {
    case time(UInt64)
    case idle
    case end
  }

  /// The next packet's time; the packet stays.
  func nextTime(waitMilliseconds: Int) -> NextTime {
    var time: UInt64 = 0
    var none = 0
    while !isAtEnd {
      var unused = martlet_packet()
      let stop = parse(&unused, 1, .max, &none, peek: &time)
      if isAtEnd { break }
      if case .mapped(let mapped) = bytes, mapped.isCut {
        _ = endShortened(mapped, &unused, 0)
        break
      }
      switch stop {
      case .full: return .time(time)
      case .damaged(let text):
        _ = end(
          CaptureProblem(
            .damaged, file: name, byteOffset: window.position,
            "\(text), behind packet \(packets),"), 0)
      case .needs(let wanted):
        switch advance(wanted, waitMilliseconds) {
        case .bytes: continue
        case .idle: return .idle
        case .end(let problem): _ = end(problem ?? cutProblem(), 0)
        }
      }
    }
    return .end
  }

  /// Zeros where a file has become shorter: empty packets of 1970, or no block at all.
  private static func looksCut(
    _ stop: ParseStop, _ last: UnsafePointer<martlet_packet>?
  ) -> Bool {
    if case .damaged = stop { return true }
    guard let last else { return false }
    return last.pointee.captured_length == 0
  }

  /// The file became shorter while it was read: what was just parsed counts as far as the file holds it.
  private func endShortened(
    _ mapped: MappedBytes, _ out: UnsafePointer<martlet_packet>, _ count: Int
  ) -> Fill {
    let valid = mapped.validLength
    var kept = 0
    while kept < count,
      (out[kept].data - window.base) + Int(out[kept].captured_length) <= valid
    {
      kept += 1
    }
    return end(
      CaptureProblem(
        .cut, file: name, byteOffset: UInt64(valid), "became shorter while it was read, and ends"),
      kept)
  }

  private func done(_ count: Int) -> Fill {
    if count > 0 { isBufferSeen = true }
    packets &+= UInt64(count)
    return .packets(count)
  }

  private func end(_ problem: CaptureProblem?, _ count: Int) -> Fill {
    isAtEnd = true
    self.problem = self.problem ?? problem
    if case .mapped(let mapped) = bytes {
      window.offset = min(window.offset, mapped.length)
      spend(mapped)
    }
    return count > 0 ? done(count) : .end
  }

  private func parse(
    _ out: UnsafeMutablePointer<martlet_packet>, _ capacity: Int, _ until: UInt64,
    _ count: inout Int, peek: UnsafeMutablePointer<UInt64>? = nil
  ) -> ParseStop {
    switch parser {
    case .pcap(let pcap):
      if let peek { return pcap.peek(window, peek) }
      return pcap.parse(&window, out, capacity: capacity, until: until, count: &count)
    case .pcapng(var pcapng):
      parser = .unknown
      defer { parser = .pcapng(pcapng) }
      return pcapng.parse(
        &window, out, capacity: capacity, until: until, count: &count, peek: peek)
    case .unknown:
      guard window.available >= 12 else { return .needs(12) }
      let head = UnsafeRawBufferPointer(
        start: window.base + window.offset, count: window.available)
      switch CaptureFormat.detect(head) {
      case .pcap:
        guard window.available >= PcapParser.headerLength else {
          return .needs(PcapParser.headerLength)
        }
        parser = .pcap(PcapParser(header: &window))
      case .pcapng: parser = .pcapng(PcapngParser())
      case .compressed, nil:
        problem = CaptureProblem(
          .notACapture, file: name, CaptureFormat.describeOther(head))
        isAtEnd = true
      }
      return isAtEnd ? .full : parse(out, capacity, until, &count, peek: peek)
    }
  }

  private func cutProblem() -> CaptureProblem? {
    if case .unknown = parser {
      let head = UnsafeRawBufferPointer(
        start: window.base + window.offset, count: window.available)
      switch CaptureFormat.detect(head) {
      case .pcap, .pcapng:
        return CaptureProblem(
          .cut, file: name, byteOffset: UInt64(window.available), "ends within its header,")
      case .compressed, nil:
        return CaptureProblem(.notACapture, file: name, CaptureFormat.describeOther(head))
      }
    }
    guard window.available > 0 || isWithinBlock else { return nil }
    let what =
      if case .pcapng = parser { "a block behind packet \(packets)" } else {
        "packet \(packets + 1)"
      }
    return CaptureProblem(
      .cut, file: name, byteOffset: window.position, "ends within \(what), which begins")
  }

  private var isWithinBlock: Bool {
    guard case .pcapng(let parser) = parser else { return false }
    return parser.isWithinBlock
  }

  // MARK: Memory

  /// What has been handed out since the last call and may be forgotten after it.
  func takeSpent() -> [Spent] {
    defer { spent.removeAll(keepingCapacity: true) }
    return spent.map {
      switch $0 {
      case .mapped(let from, let to): .mapped(self, from: from, to: to)
      case .buffer(let streamed, let buffer): .buffer(streamed, buffer)
      }
    }
  }

  var hasSpent: Bool { !spent.isEmpty }

  private func spend(_ mapped: MappedBytes) {
    if window.offset > spentOffset {
      spent.append(.mapped(from: spentOffset, to: window.offset))
    }
    spentOffset = window.offset
  }

  func forget(from: Int, to: Int) {
    if case .mapped(let mapped) = bytes { mapped.forget(from: from, to: to) }
  }

  /// Makes at least `wanted` bytes available from the window's offset on.
  private func advance(_ wanted: Int, _ waitMilliseconds: Int) -> Advance {
    guard case .streamed(let streamed) = bytes else { return .end(nil) }
    var waited = waitMilliseconds
    while window.available < wanted {
      switch streamed.next(waitMilliseconds: waited) {
      case .bytes(let next): append(next, wanted, streamed)
      case .idle: return .idle
      case .end(let problem): return .end(problem)
      }
      waited = 0
    }
    return .bytes
  }

  private enum Advance {
    case bytes, idle
    case end(CaptureProblem?)
  }

  /// Puts `next` behind what is left of the window.
  private func append(_ next: StreamedBytes.Buffer, _ wanted: Int, _ streamed: StreamedBytes) {
    let headRoom = StreamedBytes.Buffer.headRoom
    let rest = window.available
    let bytes = UnsafePointer(next.memory + headRoom)
    if rest <= headRoom {
      let start = next.memory + (headRoom - rest)
      start.update(from: window.base + window.offset, count: rest)
      move(to: next, start, count: rest + next.count, streamed)
      return
    }
    // A record longer than the head room: memory of its own, which takes piece after piece. What has
    // been handed out of it stands before the window's end.
    if let buffer, buffer.capacity > StreamedBytes.bufferBytes {
      let end = UnsafeMutablePointer(mutating: window.base + window.end)
      if end + next.count <= buffer.memory + (headRoom + buffer.capacity) {
        end.update(from: bytes, count: next.count)
        window.end += next.count
        streamed.giveBack(next)
        return
      }
    }
    let own = StreamedBytes.Buffer(
      capacity: max(wanted, rest + next.count) + StreamedBytes.bufferBytes)
    let start = own.memory + headRoom
    start.update(from: window.base + window.offset, count: rest)
    (start + rest).update(from: bytes, count: next.count)
    move(to: own, start, count: rest + next.count, streamed)
    streamed.giveBack(next)
  }

  private func move(
    to next: StreamedBytes.Buffer, _ start: UnsafeMutablePointer<UInt8>, count: Int,
    _ streamed: StreamedBytes
  ) {
    if let buffer {
      if isBufferSeen { spent.append(.buffer(streamed, buffer)) } else { streamed.giveBack(buffer) }
    }
    buffer = next
    isBufferSeen = false
    window = CaptureWindow(
      base: UnsafePointer(start), offset: 0, end: count, isLast: false, fileOffset: window.position)
  }
}
