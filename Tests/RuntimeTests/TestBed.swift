import CBurst
import Foundation
import Ports
import Records
import Sinks
import Synchronization

/// A port whose packets a test writes: frames in a list, handed out queue by queue, and counted when
/// they come back.
final class MemoryPort: CapturePort, @unchecked Sendable {
  final class Lane: @unchecked Sendable {
    let waiting = Mutex<[UInt]>([])
    let lengths = Mutex<[UInt: Int]>([:])
  }

  /// Frames that are out, and of which port; a frame given back twice ends the test.
  static let outstanding = Mutex<[UInt: ObjectIdentifier]>([:])

  /// Every frame of this port has been given back.
  var hasAllBack: Bool {
    Self.outstanding.withLock { !$0.values.contains(ObjectIdentifier(self)) }
  }

  let name: String
  let lanes: [Lane]
  let description: PortDescription
  let isFinished = Mutex(false)

  init(name: String, queues: Int, descriptors: Int = 0) {
    self.name = name
    lanes = (0..<queues).map { _ in Lane() }
    description = PortDescription(
      name: name, device: "memory", driver: "memory", queues: queues,
      descriptors: descriptors, rssReason: "a test's port")
  }

  func add(_ frame: [UInt8], queue: Int) {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: frame.count, alignment: 1)
    bytes.copyMemory(from: frame, byteCount: frame.count)
    Self.outstanding.withLock { $0[UInt(bitPattern: bytes)] = ObjectIdentifier(self) }
    lanes[queue].lengths.withLock { $0[UInt(bitPattern: bytes)] = frame.count }
    let address = UInt(bitPattern: bytes)
    lanes[queue].waiting.withLock { $0.append(address) }
  }

  func queue(_ number: Int) -> martlet_rx_queue? {
    guard number < lanes.count else { return nil }
    return martlet_rx_queue(
      context: Unmanaged.passUnretained(lanes[number]).toOpaque(),
      receive: { context, packets, capacity in
        let lane = Unmanaged<Lane>.fromOpaque(context!).takeUnretainedValue()
        let taken = lane.waiting.withLock { waiting in
          let count = min(waiting.count, Int(capacity))
          defer { waiting.removeFirst(count) }
          return Array(waiting[0..<count])
        }
        for (i, address) in taken.enumerated() {
          let bytes = UnsafeMutableRawPointer(bitPattern: address)!
          let length = lane.lengths.withLock { $0.removeValue(forKey: address)! }
          var packet = martlet_packet()
          packet.data = UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self))
          packet.handle = bytes
          packet.captured_length = UInt32(length)
          packet.wire_length = UInt32(length)
          packet.link_type = 1
          packets![i] = packet
        }
        return UInt32(taken.count)
      }, release: nil, port: 0, queue: UInt16(number), flags: 0)
  }

  /// How often it was started, and stopped.
  let starts = Mutex(0)
  let stops = Mutex(0)
  func start() throws { starts.withLock { $0 += 1 } }
  func stop() { stops.withLock { $0 += 1 } }
  /// What the port says it has missed.
  let missed = Mutex<UInt64>(0)

  func statistics() -> PortStatistics {
    var statistics = PortStatistics()
    statistics.missed = missed.withLock { $0 }
    return statistics
  }

  func link() -> PortLink { PortLink(isUp: true, speedMbps: 0, isFullDuplex: true) }
  func progress() -> PlaybackProgress? {
    PlaybackProgress(
      packets: 0, capturePackets: 0, pass: 0, passes: 1,
      isFinished: isFinished.withLock { $0 })
  }
}

/// Workers on ordinary threads.
final class ThreadHost: WorkerHost, @unchecked Sendable {
  private let ended = Mutex<[Int: DispatchSemaphore]>([:])

  struct Body: @unchecked Sendable {
    var run: @convention(c) (UnsafeMutableRawPointer?) -> Int32
    var argument: UnsafeMutableRawPointer?
  }

  func launch(
    worker: Int, _ body: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Int32,
    argument: UnsafeMutableRawPointer?
  ) throws {
    let semaphore = DispatchSemaphore(value: 0)
    ended.withLock { $0[worker] = semaphore }
    let call = Body(run: body, argument: argument)
    Thread { [self] in
      var clock = clockid_t()
      if pthread_getcpuclockid(pthread_self(), &clock) == 0 {
        let clock = clock
        clocks.withLock { $0[worker] = clock }
      }
      _ = call.run(call.argument)
      clocks.withLock { $0[worker] = nil }
      semaphore.signal()
    }.start()
  }

  private let clocks = Mutex<[Int: clockid_t]>([:])

  /// What a worker's thread has had of any core; 0 while it does not run.
  func cpuNanoseconds(worker: Int) -> Int {
    clocks.withLock { clocks in
      var time = timespec()
      guard let clock = clocks[worker], clock_gettime(clock, &time) == 0 else { return 0 }
      return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
  }

  func wait(worker: Int) { ended.withLock { $0[worker] }?.wait() }

  func bind(memory: UnsafeMutableRawPointer, byteCount: Int, toWorker worker: Int) {
    bound.withLock { $0[worker] = byteCount }
  }

  /// Bytes of each worker's own memory.
  let bound = Mutex<[Int: Int]>([:])

  func placement(worker: Int) -> WorkerPlacement {
    WorkerPlacement(core: 0, numaNode: 0, isShared: true)
  }

  var release: martlet_release_fn {
    { _, handles, count in
      for i in 0..<Int(count) {
        let handle = UInt(bitPattern: handles![i])
        precondition(
          MemoryPort.outstanding.withLock { $0.removeValue(forKey: handle) } != nil,
          "a packet is given back once")
        UnsafeMutableRawPointer(bitPattern: handle)?.deallocate()
      }
    }
  }
}

/// A sink that keeps what it is given.
final class KeepingSink: RecordSink, @unchecked Sendable {
  let name = "keeping"
  let target = "memory"
  let format: RecordFormat
  let types: Set<EventType>
  private let kept = Mutex<(lines: [String], counters: SinkCounters)>(([], SinkCounters()))
  let startError: SinkError?

  init(format: RecordFormat = .eve, types: Set<EventType> = [], startError: SinkError? = nil) {
    self.format = format
    self.types = types
    self.startError = startError
  }

  func start() throws { if let startError { throw startError } }

  func offer(_ batch: RecordBatch) -> Bool {
    kept.withLock { kept in
      for entry in batch.entries {
        let end = entry.offset + entry.length
        kept.lines.append(String(decoding: batch.bytes[entry.offset..<end], as: UTF8.self))
      }
      kept.counters.accepted += UInt64(batch.entries.count)
      kept.counters.delivered = kept.counters.accepted
    }
    return true
  }

  var counters: SinkCounters { kept.withLock { $0.counters } }
  var lines: [String] { kept.withLock { $0.lines } }
  func finish(withinSeconds: Double) {}

  /// The records as JSON objects.
  func objects() throws -> [[String: Any]] {
    try lines.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
  }
}

/// Waits for a condition instead of guessing a time.
func eventually(_ seconds: Double = 10, _ condition: () -> Bool) -> Bool {
  let deadline = Date().addingTimeInterval(seconds)
  while Date() < deadline {
    if condition() { return true }
    usleep(2000)
  }
  return condition()
}
