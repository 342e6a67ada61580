import CBurst
import Foundation
import Testing

@testable import Ports

/// Pipes, files that grow, and files that go wrong while they are read. One after the other: one of them
/// takes all mappings there are.
@Suite(.serialized) struct PipeTests {
  /// What a reader gave so far; asked again and again, as from a file that grows.
  private final class Reading {
    let reader: CaptureReader
    var packets: [ReadPacket] = []
    var isAtEnd = false
    private let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 16)

    init(_ reader: CaptureReader) { self.reader = reader }

    deinit { room.deallocate() }

    func step(waitMilliseconds: Int = 20) {
      let filled = reader.fill(
        room, capacity: 16, until: .max, waitMilliseconds: waitMilliseconds)
      switch filled {
      case .packets(let count):
        for i in 0..<count { packets.append(ReadPacket(room[i], offset: 0)) }
      case .idle: break
      case .end: isAtEnd = true
      }
      CaptureStream.forget(reader.takeSpent())
    }

    /// Until there are so many, or ten seconds are over.
    func take(_ count: Int) {
      let deadline = martlet_monotonic_ns() + 10_000_000_000
      while packets.count < count && !isAtEnd && martlet_monotonic_ns() < deadline { step() }
    }
  }

  private func append(_ bytes: some Collection<UInt8>, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_APPEND)
    try #require(descriptor >= 0)
    let bytes = Array(bytes)
    #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    close(descriptor)
  }

  private static let variant = PcapTests.Variant(magic: 0xa1b2_c3d4, isBigEndian: false)

  /// Each packet is there as soon as its last byte is, though the writer goes on.
  @Test(arguments: [nil, CompressionMethod.gzip, .zstd])
  func aSlowWriter(_ method: CompressionMethod?) throws {
    let (bytes, packets) = PcapTests.sample(Self.variant)
    let sent = try method.map { try CompressionTests.compress(bytes, $0) } ?? bytes
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let reading = Reading(try CaptureReader(path: "pipe", number: 0, descriptor: ends[0]))
    func send(_ part: ArraySlice<UInt8>) {
      #expect(part.withUnsafeBytes { write(ends[1], $0.baseAddress!, $0.count) } == part.count)
    }
    for place in 0..<sent.count - 1 {
      send(sent[place...place])
      if place % 50 == 0 { usleep(100) }
    }
    if method == nil {
      reading.take(packets.count - 1)
      #expect(reading.packets == Array(packets.dropLast()))
    }
    reading.step()
    #expect(!reading.isAtEnd)
    send(sent[(sent.count - 1)...])
    reading.take(packets.count)
    #expect(reading.packets == packets)
    #expect(!reading.isAtEnd)
    close(ends[1])
    reading.take(.max)
    #expect(reading.isAtEnd && reading.reader.problem == nil)
  }

  /// A live capture through gzip gives its packets when they come, not when a megabyte is full.
  @Test func aCompressedPipeDoesNotHoldPacketsBack() throws {
    let (bytes, packets) = PcapTests.sample(Self.variant)
    var members: [UInt8] = []
    for part in [bytes[..<40], bytes[40..<1000], bytes[1000...]] {
      members += try CompressionTests.compress(Array(part), .gzip)
    }
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let reading = Reading(try CaptureReader(path: "pipe", number: 0, descriptor: ends[0]))
    try #require(write(ends[1], members, members.count) == members.count)
    reading.take(packets.count)
    #expect(reading.packets == packets)
    close(ends[1])
  }

  @Test(.timeLimit(.minutes(1)))
  func aNamedPipeWithoutAWriterYet() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("fifo")
    try #require(mkfifo(path, 0o600) == 0)
    let (bytes, packets) = PcapTests.sample(Self.variant)
    let reading = Reading(try CaptureReader(path: path, number: 0))
    #expect(reading.reader.fileBytes == nil)
    for _ in 0..<5 { reading.step(waitMilliseconds: 50) }
    #expect(!reading.isAtEnd && reading.packets.isEmpty)
    try append(bytes, to: path)
    reading.take(.max)
    #expect(reading.isAtEnd)
    #expect(reading.packets == packets)
  }

  /// A reader that nobody needs any more does not wait for its pipe.
  @Test(.timeLimit(.minutes(1)))
  func aReaderLetsGoOfASilentPipe() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    // Other tests start programs, which would keep what they inherit.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let began = martlet_monotonic_ns()
    do { _ = try CaptureReader(path: "pipe", number: 0, descriptor: ends[0]) }
    #expect(martlet_monotonic_ns() - began < 5_000_000_000)
    // Its end has been closed.
    signal(SIGPIPE, SIG_IGN)
    var isClosed = false
    for _ in 0..<200 where !isClosed {
      // One that was started within that moment may hold it a while.
      isClosed = write(ends[1], "x", 1) == -1 && errno == EPIPE
      if !isClosed { usleep(100_000) }
    }
    #expect(isClosed)
    close(ends[1])
  }

  @Test func aDescriptorThatHasBeenReadFrom() throws {
    let (bytes, packets) = PcapTests.sample(Self.variant)
    let file = try MemoryFile([1, 2, 3, 4, 5] + bytes)
    let descriptor = file.take()
    try #require(lseek(descriptor, 5, SEEK_SET) == 5)
    #expect(read("test", descriptor: descriptor).packets == packets)
  }

  // MARK: Following

  @Test(.timeLimit(.minutes(1)), arguments: [false, true])
  func aFileThatGrows(_ isPcapng: Bool) throws {
    let folder = try TemporaryFolder()
    var bytes: [UInt8]
    var packets: [ReadPacket]
    if isPcapng {
      var file = PcapngBuilder()
      file.section()
      file.interface(resolution: 9)
      packets = []
      for number in 0..<5 {
        let data = [UInt8](repeating: UInt8(number), count: 100 * number)
        file.block(0x7777, data)
        file.enhanced(0, UInt64(number), data)
        packets.append(ReadPacket(UInt64(number), data))
      }
      bytes = file.bytes
    } else {
      (bytes, packets) = PcapTests.sample(Self.variant)
    }
    // From nothing, in pieces that end anywhere.
    let path = try folder.write("growing", [])
    let reading = Reading(try CaptureReader(path: path, number: 0, follows: true))
    reading.step()
    #expect(!reading.isAtEnd)
    var written = 0
    for size in [3, 2, 30, 1, 400, 15, .max] {
      let piece = bytes[written..<min(bytes.count, written + min(size, bytes.count))]
      try append(piece, to: path)
      written += piece.count
      for _ in 0..<4 { reading.step(waitMilliseconds: 30) }
      #expect(!reading.isAtEnd)
      #expect(reading.packets == Array(packets.prefix(reading.packets.count)))
    }
    reading.take(packets.count)
    #expect(reading.packets == packets)
    #expect(!reading.isAtEnd)
    // Somebody starts it anew: there is nothing to go on from.
    try #require(truncate(path, 10) == 0)
    reading.take(.max)
    #expect(reading.isAtEnd)
    #expect(reading.reader.problem?.kind == .cut)
    #expect(reading.reader.problem?.text.contains("became shorter") == true)
  }

  // MARK: Files that go wrong

  /// A capture of `packets` packets of 1,000 bytes, all different from zero.
  private func large(_ packets: Int, isPcapng: Bool = false) -> [UInt8] {
    var bytes: [UInt8]
    var one: [UInt8]
    let data = [UInt8](repeating: 0xee, count: 1000)
    if isPcapng {
      var file = PcapngBuilder()
      file.section()
      file.interface()
      bytes = file.bytes
      file.bytes = []
      file.enhanced(0, 1_700_000_000_000_000, data)
      one = file.bytes
    } else {
      var file = PcapBuilder()
      bytes = file.bytes
      file.add(1_700_000_000, 0, data)
      one = Array(file.bytes[24...])
    }
    bytes.reserveCapacity(bytes.count + packets * one.count)
    for _ in 0..<packets { bytes += one }
    return bytes
  }

  @Test(
    arguments: [false, true], [0, 5000, 409_600, 409_700, 1 << 20, 3_000_000])
  func aFileThatBecomesShorterWhileItIsRead(_ isPcapng: Bool, _ length: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", large(5000, isPcapng: isPcapng))
    let reader = try CaptureReader(path: path, number: 0)
    let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 256)
    defer { room.deallocate() }
    guard
      case .packets(let first) = reader.fill(room, capacity: 3, until: .max, waitMilliseconds: 0)
    else {
      Issue.record("no packets")
      return
    }
    #expect(first == 3)
    try #require(truncate(path, off_t(length)) == 0)
    var count = first
    var zeros = 0
    loop: while true {
      switch reader.fill(room, capacity: 256, until: .max, waitMilliseconds: 0) {
      case .packets(let more):
        for i in 0..<more {
          let place = reader.offset(of: room[i].data) + UInt64(room[i].captured_length)
          if place <= UInt64(length) {
            #expect(room[i].captured_length == 1000 && room[i].data[999] == 0xee)
          } else {
            zeros += 1
          }
        }
        count += more
      case .idle: Issue.record("nothing to wait for")
      case .end: break loop
      }
    }
    let each = isPcapng ? 1032 : 1016
    let head = isPcapng ? 48 : 24
    // No packet of zeros, and every one that the file still holds.
    #expect(zeros == 0)
    #expect(count >= max(3, (length - head) / each))
    let problem = try #require(reader.problem)
    #expect(problem.kind == .cut)
    #expect(problem.text.contains("became shorter"))
    #expect(problem.byteOffset == UInt64(length))
    #expect(reader.packets == UInt64(count))
  }

  /// The packets that workers still hold show zeros and harm nobody.
  @Test func packetsOfAShortenedFileCanStillBeLookedAt() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", large(1000))
    let reader = try CaptureReader(path: path, number: 0)
    let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 256)
    defer { room.deallocate() }
    // Not through the pages that are mapped ahead: those are gone as well.
    guard
      case .packets(let count) = reader.fill(
        room, capacity: 256, until: .max, waitMilliseconds: 0)
    else { return }
    try #require(truncate(path, 0) == 0)
    var sum = 0
    for i in 0..<count {
      for at in 0..<Int(room[i].captured_length) { sum += Int(room[i].data[at]) }
    }
    #expect(count == 256 && sum == 0)
    guard case .end = reader.fill(room, capacity: 256, until: .max, waitMilliseconds: 0) else {
      Issue.record("more packets of nothing")
      return
    }
    #expect(reader.problem?.kind == .cut)
  }

  @Test func aFileThatIsDeletedWhileItIsRead() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", large(5000))
    let reader = try CaptureReader(path: path, number: 0)
    try FileManager.default.removeItem(atPath: path)
    var count = 0
    drain(reader) { if $0.data.count == 1000 { count += 1 } }
    #expect(count == 5000)
    #expect(reader.problem == nil)
  }

  @Test func whatIsNoCapture() throws {
    let folder = try TemporaryFolder()
    let other: [([UInt8], String)] = [
      ([], "is empty"), ([0xd4], "neither pcap nor pcapng"),
      (Array("just text, of some length".utf8), "neither pcap nor pcapng"),
      (Array("snoop\0\0\0\0\0\0\u{2}".utf8), "a snoop file; convert it with `editcap"),
      (Array("BZh91AY&SY".utf8), "bzip2"),
      (Array("PK\u{3}\u{4}aaaaaaaaaaaaaa".utf8), "a ZIP archive"),
      (Array("RTSS".utf8), "Network Monitor"), (Array("TRSNIFF data    ".utf8), "Sniffer"),
    ]
    for (bytes, says) in other {
      let path = try folder.write("file", bytes)
      for result in [read(path), try read(bytes, .piped)] {
        let problem = try #require(result.problem)
        #expect(problem.kind == .notACapture && problem.text.contains(says))
        #expect(problem.byteOffset == nil)
      }
      #expect("\(try #require(read(path).problem))".hasPrefix("\(path): is "))
    }
    let folderProblem = try #require(read(folder.path).problem)
    #expect(folderProblem.kind == .unreadable && folderProblem.text == "is a folder")
    let missing = try #require(read(folder.file("missing")).problem)
    #expect(missing.kind == .unreadable && missing.text == "No such file or directory")
    #expect(read("/dev/null").problem?.text == "is empty")
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything"))
  func withoutPermission() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", PcapBuilder().bytes)
    try #require(chmod(path, 0) == 0)
    #expect(read(path).problem?.text == "Permission denied")
  }

  /// More files mapped at a time than can be guarded: the rest is read like a pipe.
  @Test func moreFilesThanMappings() throws {
    let (bytes, packets) = PcapTests.sample(Self.variant)
    let folder = try TemporaryFolder()
    let path = try folder.write("file", bytes)
    var readers: [CaptureReader] = []
    for number in 0..<4200 { readers.append(try CaptureReader(path: path, number: UInt32(number))) }
    for reader in [readers[0], readers[4095], readers[4199]] {
      var got: [ReadPacket] = []
      drain(reader) { got.append($0) }
      #expect(got == packets)
    }
    readers = []
    #expect(read(path).packets == packets)
  }
}
