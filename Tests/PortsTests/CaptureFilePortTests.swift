import CBurst
import FlowEngine
import Foundation
import Synchronization
import Testing

@testable import Ports

/// The dispatcher and its workers' queues, through the calls that a worker makes.
@Suite struct CaptureFilePortTests {
  /// What one worker was given.
  struct Given: Sendable {
    var ordinals: [UInt64] = []
    /// Sums over each packet's bytes, looked at when the burst is worked on.
    var digests: [UInt64] = []
    var clocks: [UInt64] = []
    /// Messages: how many packets came before each, what was reached, and what it is from there on.
    var messages: [(after: Int, reached: UInt64, now: UInt64)] = []
    var addresses: Set<UInt64> = []
  }

  /// Workers on threads of their own, until the port has finished.
  final class Workers: @unchecked Sendable {
    private let given: Mutex<[Given]>
    private var threads: [PosixThread] = []
    private let isOver = Atomic<Bool>(false)

    /// `pauseMicroseconds`: between bursts; worker 0 takes four times as long.
    init(
      _ port: CaptureFilePort, _ count: Int, burst: Int = 64, pauseMicroseconds: UInt32 = 0,
      keeps: Bool = true
    ) {
      given = Mutex([Given](repeating: Given(), count: count))
      for worker in 0..<count {
        threads.append(
          PosixThread(name: "worker") { [self] in
            run(port.queue(worker)!, worker, burst, pauseMicroseconds, keeps)
          })
      }
    }

    private func run(
      _ queue: martlet_rx_queue, _ worker: Int, _ burst: Int, _ pause: UInt32, _ keeps: Bool
    ) {
      let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: burst)
      defer { room.deallocate() }
      var mine = Given()
      while true {
        // Looked at first: what comes afterwards is still taken.
        let isLast = isOver.load(ordering: .acquiring)
        let count = Int(queue.receive(queue.context, room, UInt32(burst)))
        for i in 0..<count {
          let packet = room[i]
          if packet.flags & UInt16(MARTLET_PACKET_CLOCK) != 0 {
            mine.messages.append(
              (mine.ordinals.count, packet.timestamp_ns, packet.clock_ns))
            continue
          }
          var digest: UInt64 = 0
          for at in stride(from: 0, to: Int(packet.captured_length), by: keeps ? 1 : 500) {
            digest = digest &* 31 &+ UInt64(packet.data[at])
          }
          if keeps {
            mine.ordinals.append(packet.ordinal)
            mine.digests.append(digest)
            mine.clocks.append(packet.clock_ns)
          } else {
            mine.ordinals = [packet.ordinal]
          }
        }
        if count > 0 && pause > 0 { usleep(worker == 0 ? 4 * pause : pause) }
        if count == 0 {
          if isLast { break }
          usleep(50)
        }
      }
      given.withLock { [mine] in $0[worker] = mine }
    }

    func finish() -> [Given] {
      isOver.store(true, ordering: .releasing)
      for thread in threads { thread.join() }
      threads = []
      return given.withLock { $0 }
    }
  }

  private func wait(_ port: CaptureFilePort, seconds: Int = 60) {
    let deadline = martlet_monotonic_ns() + Int64(seconds) * 1_000_000_000
    while port.progress()?.isFinished == false && martlet_monotonic_ns() < deadline { usleep(500) }
    #expect(port.progress()?.isFinished == true)
  }

  /// Frames of a few hundred flows in both directions; times that rise, with a leap back in the middle.
  static func capture(_ packets: Int, seed: UInt64 = 1) -> (bytes: [UInt8], digests: [UInt64]) {
    var generator = SeededGenerator(state: seed)
    var file = PcapBuilder()
    var digests: [UInt64] = []
    for number in 0..<packets {
      let flow = UInt8.random(in: 0...255, using: &generator)
      var ends: [[UInt8]] = [[10, 1, flow, 1], [192, 168, flow, flow ^ 0x55]]
      if Bool.random(using: &generator) { ends.reverse() }
      let ip = PacketSpreaderTests.ipv4(
        ends[0], ends[1],
        payload: PacketSpreaderTests.udp(1, 2, Int.random(in: 0..<200, using: &generator)))
      var frame = PacketSpreaderTests.ethernet(0x0800, ip)
      if number % 10 == 0 { frame = PacketSpreaderTests.wrappings(ip)[2].frame }
      // Half an hour, twice.
      let second = number % (packets / 2) * 1800 / (packets / 2)
      file.add(1_700_000_000 + UInt32(second), 0, frame)
      digests.append(frame.reduce(0) { $0 &* 31 &+ UInt64($1) })
    }
    return (file.bytes, digests)
  }

  @Test(arguments: [1, 2, 3, 8], [false, true])
  func everyPacketOnce(_ workers: Int, _ isCompressed: Bool) throws {
    let count = 20_000
    let (bytes, digests) = Self.capture(count)
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "file", isCompressed ? CompressionTests.compress(bytes, .zstd) : bytes)
    var linkTypes: [UInt32] = []
    let port = CaptureFilePort(
      stream: CaptureStream([CaptureInput(path: path)]), workers: workers,
      onLinkType: { linkTypes.append($0) })
    #expect(port.description.queues == workers && port.queue(workers) == nil)
    let bed = Workers(port, workers)
    port.start()
    wait(port)
    let given = bed.finish()
    // Each worker in order, all together each once, with the bytes that the file has.
    var all: [UInt64: UInt64] = [:]
    for one in given {
      #expect(zip(one.ordinals, one.ordinals.dropFirst()).allSatisfy { $0 < $1 })
      for (ordinal, digest) in zip(one.ordinals, one.digests) { all[ordinal] = digest }
    }
    #expect(given.reduce(0) { $0 + $1.ordinals.count } == count)
    #expect(all.count == count)
    #expect((0..<count).allSatisfy { all[UInt64($0)] == digests[$0] })
    if workers > 1 { #expect(given.allSatisfy { $0.ordinals.count > count / workers / 4 }) }
    // The clock is a packet's own, whatever worker it goes to.
    let second = { (ordinal: UInt64) -> UInt64 in
      UInt64(1_700_000_000 + Int(ordinal) % (count / 2) * 1800 / (count / 2)) * 1_000_000_000
    }
    for one in given {
      #expect(zip(one.ordinals, one.clocks).allSatisfy { second($0) == $1 })
      // The beginning, the way back, and the end.
      let last = second(UInt64(count - 1))
      #expect(one.messages.map(\.reached) == [second(0), last, last])
      #expect(one.messages.map(\.now) == [second(0), second(0), last])
      guard one.messages.count == 3 else { continue }
      #expect(one.messages[0].after == 0 && one.messages[2].after == one.ordinals.count)
      // Between the last packet before and the first behind the way back.
      let half = one.ordinals.count { $0 < UInt64(count / 2) }
      #expect(one.messages[1].after == half)
    }
    #expect(port.statistics().packets == UInt64(count) && port.statistics().missed == 0)
    #expect(port.readProgress.packets == UInt64(count))
    #expect(port.readProgress.bytesRead == UInt64(try contents(path).count))
    #expect(linkTypes == [1] && port.linkTypes.map(\.packets) == [UInt64(count)])
  }

  @Test func slowWorkersLoseNothing() throws {
    let count = 30_000
    let folder = try TemporaryFolder()
    let path = try folder.write("file", Self.capture(count).bytes)
    let port = CaptureFilePort(stream: CaptureStream([CaptureInput(path: path)]), workers: 2)
    let bed = Workers(port, 2, burst: 32, pauseMicroseconds: 200)
    port.start()
    wait(port)
    let given = bed.finish()
    #expect(Set(given.flatMap(\.ordinals)) == Set(0..<UInt64(count)))
    #expect(given.reduce(0) { $0 + $1.ordinals.count } == count)
  }

  @Test func filesWithoutPackets() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", PcapBuilder().bytes)
    for inputs in [[], [CaptureInput(path: path)], [CaptureInput(path: folder.file("missing"))]] {
      let port = CaptureFilePort(stream: CaptureStream(inputs), workers: 2)
      let bed = Workers(port, 2)
      port.start()
      wait(port)
      #expect(bed.finish().allSatisfy { $0.ordinals.isEmpty && $0.messages.isEmpty })
    }
  }

  @Test func linkTypesAsTheyAreMet() throws {
    var file = PcapngBuilder()
    file.section()
    for type in [1, 101, 113] as [UInt16] { file.interface(linkType: type, resolution: 9) }
    for number in 0..<100 { file.enhanced(number % 10 == 9 ? 2 : UInt32(number % 2), 0, [1, 2]) }
    let folder = try TemporaryFolder()
    let path = try folder.write("file", file.bytes)
    var met: [UInt32] = []
    let port = CaptureFilePort(
      stream: CaptureStream([CaptureInput(path: path)]), workers: 1, onLinkType: { met.append($0) })
    let bed = Workers(port, 1)
    port.start()
    wait(port)
    _ = bed.finish()
    #expect(met == [1, 101, 113])
    #expect(port.linkTypes.map(\.packets) == [50, 40, 10])
  }

  // MARK: Stopping

  /// What has been handed out is worked through, and no more is read.
  @Test(.timeLimit(.minutes(1)))
  func stoppedInTheMiddle() throws {
    let count = 60_000
    let folder = try TemporaryFolder()
    let path = try folder.write("file", Self.capture(count).bytes)
    let port = CaptureFilePort(stream: CaptureStream([CaptureInput(path: path)]), workers: 3)
    let bed = Workers(port, 3, pauseMicroseconds: 500)
    port.start()
    while port.readProgress.packets < 5000 { usleep(100) }
    port.stop()
    wait(port)
    let given = bed.finish()
    let packets = port.statistics().packets
    #expect(packets < UInt64(count))
    #expect(port.statistics().missed == 0)
    // Without a gap, to the last that was read.
    #expect(given.flatMap(\.ordinals).sorted() == Array(0..<packets))
  }

  /// Workers that are gone: the dispatcher gives up, and says how many packets nobody took.
  @Test(.timeLimit(.minutes(1)))
  func stoppedWithoutWorkers() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", Self.capture(20_000).bytes)
    let port = CaptureFilePort(stream: CaptureStream([CaptureInput(path: path)]), workers: 2)
    port.start()
    usleep(50_000)
    let began = martlet_monotonic_ns()
    port.stop()
    while port.statistics().missed == 0 && martlet_monotonic_ns() - began < 30_000_000_000 {
      usleep(1000)
    }
    #expect(martlet_monotonic_ns() - began < 10_000_000_000)
    #expect(port.statistics().missed > 0)
  }

  /// A port that is stopped before its thread has begun, and let go of at once: its thread ends and
  /// holds it no longer.
  @Test func startedAndDropped() throws {
    struct Dropped {
      weak var port: CaptureFilePort?
    }
    let folder = try TemporaryFolder()
    let path = try folder.write("file", Self.capture(100).bytes)
    var dropped: [Dropped] = []
    for _ in 0..<50 {
      let port = CaptureFilePort(stream: CaptureStream([CaptureInput(path: path)]), workers: 1)
      port.start()
      port.stop()
      dropped.append(Dropped(port: port))
    }
    let began = martlet_monotonic_ns()
    while dropped.contains(where: { $0.port != nil }),
      martlet_monotonic_ns() - began < 30_000_000_000
    {
      usleep(1000)
    }
    #expect(dropped.count { $0.port != nil } == 0)
  }

  /// A pipe that says nothing does not keep the port.
  @Test(.timeLimit(.minutes(1)))
  func stoppedWhileAPipeIsSilent() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let bytes = Self.capture(10).bytes
    try #require(write(ends[1], bytes, bytes.count) == bytes.count)
    let port = CaptureFilePort(
      stream: CaptureStream([CaptureInput(path: "-", descriptor: ends[0])]), workers: 1)
    let bed = Workers(port, 1)
    port.start()
    while port.readProgress.packets < 10 { usleep(1000) }
    usleep(100_000)
    // They have arrived although the pipe is open.
    #expect(port.progress()?.isFinished == false)
    port.stop()
    wait(port)
    #expect(bed.finish()[0].ordinals.count == 10)
    close(ends[1])
  }

  // MARK: Memory

  /// A large file passes through little memory, by whatever way. MARTLET_LARGE_CAPTURE_MB sets its size.
  @Test(.timeLimit(.minutes(3)), arguments: [nil, CompressionMethod.zstd])
  func memoryIsBounded(_ method: CompressionMethod?) throws {
    let variable = ProcessInfo.processInfo.environment["MARTLET_LARGE_CAPTURE_MB"]
    let size = (variable.flatMap(Int.init) ?? 512) << 20
    // Frames of 9,000 bytes, so that the debug build's dispatcher has few of them.
    var one = PcapBuilder()
    for flow in 0..<100 {
      let ip = PacketSpreaderTests.ipv4(
        [10, 0, 0, UInt8(flow)], [10, 0, 1, 1], payload: PacketSpreaderTests.udp(1, 2, 8900))
      one.add(1_700_000_000, 0, PacketSpreaderTests.ethernet(0x0800, ip))
    }
    let piece = Array(one.bytes[24...])
    let folder = try TemporaryFolder()
    let path = folder.file("large")
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
    try #require(descriptor >= 0)
    var pieces = 0
    if let method {
      let head = try CompressionTests.compress(Array(one.bytes[..<24]), method)
      let part = try CompressionTests.compress(piece, method)
      #expect(write(descriptor, head, head.count) == head.count)
      while pieces * piece.count < size {
        #expect(write(descriptor, part, part.count) == part.count)
        pieces += 1
      }
    } else {
      #expect(write(descriptor, one.bytes, 24) == 24)
      while pieces * piece.count < size {
        #expect(write(descriptor, piece, piece.count) == piece.count)
        pieces += 1
      }
    }
    close(descriptor)
    // The mapping's own pages can be told; what is unpacked shows in the whole process, beside what
    // other tests take.
    let isMapped = method == nil
    let measure: @Sendable () -> Int = { isMapped ? mappedBytes(path) : residentBytes() }
    // Mapped are at the most the frames in the workers' rings, where those do not come to them, and what is
    // read ahead.
    let limit = isMapped ? 2 * 8192 * 9000 + (48 << 20) : (200 << 20) + size / 4
    let before = measure()
    let watch = MemoryWatch(measure)
    let port = CaptureFilePort(stream: CaptureStream([CaptureInput(path: path)]), workers: 2)
    let bed = Workers(port, 2, keeps: false)
    port.start()
    wait(port, seconds: 170)
    _ = bed.finish()
    let growth = watch.finish() - before
    #expect(port.statistics().packets == UInt64(100 * pieces))
    #expect(growth < limit, "\(growth >> 20) MiB")
    // The watch saw it at work.
    #expect(growth > 0)
    if variable != nil { print("\(growth >> 20) MiB for \(size >> 20) MiB") }
  }
}
