import CBurst
import FlowEngine
import Foundation
import Ports
import Records

@testable import Dissection

/// A worker with its dissection over ordinary memory, fed with frames or with a capture file: the very
/// engine that runs on a port, down to the records' JSON. It is the first of two workers, and the second
/// where it shares with another bed.
final class DissectionBed {
  let settings: DissectionSettings
  private let memory: UnsafeMutableRawPointer
  private let worker: UnsafeMutablePointer<FlowWorker>
  let dissection: UnsafeMutablePointer<Dissection>
  let counters: CounterBlock
  private let flowRing: Ring<FlowRecord>
  private let eventRing: ByteRing
  /// What two workers have in common, and who owns it.
  private let shared: Dissection.SharedMemory
  private let other: DissectionBed?
  private let queue: UnsafeMutablePointer<martlet_rx_queue>
  private let feed: UnsafeMutablePointer<Feed>
  private var encoder: RecordEncoder
  private var frames: [UnsafeMutableRawPointer] = []
  private var ordinal: UInt64 = 0
  private var clock: UInt64 = 0
  /// Is shown each protocol record, those that are not EVE's too.
  var onEvent: ((EventRecord) -> Void)?

  /// Records of every kind, in the order in which they were made, as EVE.
  private(set) var lines: [String] = []
  /// Records for other forms than EVE, and hidden fields of those that are in EVE: with the names of their
  /// fields, hidden ones included. Settings must want them.
  private(set) var hidden: [[String: Any]] = []

  /// Packets that wait to be received.
  struct Feed {
    var packets: [martlet_packet] = []
    var burst: Int
  }

  init(
    _ settings: DissectionSettings = DissectionSettings(), flows: Int = 4096, burst: Int = 32,
    timeouts: FlowTimeouts = FlowTimeouts(), checksums: ChecksumPolicy = .ignore,
    sharing other: DissectionBed? = nil, adjust: (inout FlowWorkerSettings) -> Void = { _ in }
  ) {
    self.other = other
    var settings = settings
    settings.flowCapacity = min(settings.flowCapacity, flows)
    settings.bufferBytes = min(settings.bufferBytes, 8 << 20)
    self.settings = settings
    var generator = SplitMix(state: 42)
    var workerSettings = FlowWorkerSettings(
      index: 0, workerCount: 1, flowCapacity: flows, timeouts: timeouts,
      hash: FlowHash(using: &generator), runsOnPacketTime: true)
    workerSettings.checksums = checksums
    workerSettings.keepsFragments = true
    adjust(&workerSettings)
    let common = workerSettings
    worker = .allocate(capacity: 1)
    dissection = .allocate(capacity: 1)
    func build(
      _ plan: inout MemoryPlan, touch: Bool, _ worker: UnsafeMutablePointer<FlowWorker>,
      _ dissection: UnsafeMutablePointer<Dissection>
    ) -> (CounterBlock, Ring<FlowRecord>, ByteRing, Dissection.SharedMemory) {
      let counters = CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
      let records = Ring<FlowRecord>(
        memory: plan.take("records", bytes: Ring<FlowRecord>.byteCount(capacity: flows)),
        capacity: flows)
      let handoff = Ring<ParsedPacket>(
        memory: plan.take("handoff", bytes: Ring<ParsedPacket>.byteCount(capacity: 1)),
        capacity: 1)
      let events = ByteRing(
        memory: plan.take("events", bytes: ByteRing.byteCount(capacity: 4 << 20)),
        capacity: 4 << 20)
      let page = ScanPage(memory: plan.take("scan", bytes: ScanPage.byteCount))
      worker.initialize(
        to: FlowWorker(
          common, plan: &plan, touch: touch, records: records, counters: counters,
          scanPage: page, handoff: { _, _ in handoff }, release: { _, _, _ in },
          releaseContext: nil))
      let shared = other?.shared ?? Dissection.shared(workers: 2, plan: &plan)
      dissection.initialize(
        to: Dissection(
          settings, plan: &plan, touch: touch, flows: worker.pointee.access, counters: counters,
          ring: events, worker: other == nil ? 0 : 1, shared: shared, waits: false))
      return (counters, records, events, shared)
    }
    var sum = MemoryPlan()
    _ = build(&sum, touch: false, worker, dissection)
    worker.deinitialize(count: 1)
    dissection.deinitialize(count: 1)
    memory = .allocate(byteCount: sum.total, alignment: 128)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: memory)
    (counters, flowRing, eventRing, shared) = build(&plan, touch: true, worker, dissection)
    worker.pointee.attach(Dissection.hook(dissection))
    feed = .allocate(capacity: 1)
    feed.initialize(to: Feed(burst: burst))
    queue = .allocate(capacity: 1)
    queue.initialize(
      to: martlet_rx_queue(
        context: UnsafeMutableRawPointer(feed),
        receive: { context, packets, capacity in
          let feed = context!.assumingMemoryBound(to: Feed.self)
          let count = min(Int(capacity), feed.pointee.burst, feed.pointee.packets.count)
          for i in 0..<count { packets![i] = feed.pointee.packets[i] }
          feed.pointee.packets.removeFirst(count)
          return UInt32(count)
        }, release: { _, _, _ in }, port: 0, queue: 0, flags: 0))
    var context = RecordContext(
      sensorName: "test", startEpochNanoseconds: 0, portNames: [], includesSequence: false)
    context.events = Dissection.schema
    encoder = RecordEncoder(context: context, format: .eve)
  }

  deinit {
    worker.deinitialize(count: 1)
    worker.deallocate()
    dissection.deinitialize(count: 1)
    dissection.deallocate()
    queue.deallocate()
    feed.deinitialize(count: 1)
    feed.deallocate()
    for frame in frames { frame.deallocate() }
    memory.deallocate()
  }

  // MARK: Packets in

  /// One Ethernet frame.
  func add(_ frame: [UInt8], at seconds: Double, wire: Int? = nil) {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(frame.count, 1), alignment: 1)
    bytes.copyMemory(from: frame, byteCount: frame.count)
    frames.append(bytes)
    var packet = martlet_packet()
    packet.data = UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self))
    packet.timestamp_ns = UInt64(seconds * 1e9)
    packet.captured_length = UInt32(frame.count)
    packet.wire_length = UInt32(wire ?? frame.count)
    packet.flags = UInt16(MARTLET_PACKET_RECORDED)
    packet.link_type = 1
    packet.ordinal = ordinal
    ordinal += 1
    clock = max(clock, packet.timestamp_ns)
    packet.clock_ns = clock
    feed.pointee.packets.append(packet)
    run()
  }

  /// All packets of a capture file.
  func read(_ path: String) {
    let inputs = CaptureInputs([path])
    let stream = CaptureStream(inputs.inputs)
    let batch = 64
    let packets = UnsafeMutablePointer<martlet_packet>.allocate(capacity: batch)
    defer { packets.deallocate() }
    while true {
      switch stream.fill(packets, capacity: batch) {
      case .packets(let count):
        for i in 0..<count {
          packets[i].flags |= UInt16(MARTLET_PACKET_RECORDED)
          packets[i].ordinal = ordinal
          ordinal += 1
          clock = max(clock, packets[i].timestamp_ns)
          packets[i].clock_ns = clock
          packets[i].handle = nil
          feed.pointee.packets.append(packets[i])
        }
        run()
        stream.forgetSpent()
      case .idle: stream.forgetSpent()
      case .end: return
      }
    }
  }

  private func run() {
    while worker.pointee.poll(queue, now: worker.pointee.packetClock) > 0 {
      worker.pointee.housekeep(now: worker.pointee.packetClock)
      collect()
    }
  }

  /// Every flow ends.
  func finish() {
    worker.pointee.giveUpFragments()
    var cursor = 0
    while !worker.pointee.drain(now: worker.pointee.packetClock, cursor: &cursor) { collect() }
    collect()
  }

  // MARK: Records out

  private func collect() {
    while true {
      let flow = flowRing.available(limit: 1) > 0 ? flowRing.peek(0) : nil
      let message = eventRing.peek()
      let event = message.flatMap { EventRecord($0) }
      if let event, flow == nil || event.head.sequence < flow!.pointee.sequence {
        var batch = RecordBatch(format: .eve)
        if event.isHidden { hidden.append(HiddenRecords.members(of: event)) }
        encoder.encode(event, into: &batch)
        keep(batch)
        onEvent?(event)
        eventRing.release(message!)
      } else if let flow {
        var batch = RecordBatch(format: .eve)
        encoder.encode(UnsafePointer(flow), into: &batch)
        keep(batch)
        flowRing.release(1)
      } else {
        return
      }
    }
  }

  private func keep(_ batch: RecordBatch) {
    for entry in batch.entries {
      lines.append(
        String(decoding: batch.bytes[entry.offset..<entry.offset + entry.length], as: UTF8.self))
    }
  }

  /// The records as JSON objects; of one event type, or all.
  func records(_ type: String? = nil) -> [[String: Any]] {
    lines.map { line in
      guard
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)),
        let record = object as? [String: Any]
      else { fatalError("no JSON: \(line)") }
      return record
    }.filter { type == nil || $0["event_type"] as? String == type }
  }

  /// The dissection's pools, after everything has ended: nothing may be left in them.
  var buffersInUse: Int { dissection.pointee.core.blocks.usedBytes }
  var statesInUse: Int { dissection.pointee.core.states.used }
}

/// A generator with a fixed seed.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// The public captures beside the package: MARTLET_CAPTURES, or ../shared/captures.
enum PublicCaptures {
  static let folder: String? = {
    let environment = ProcessInfo.processInfo.environment
    let root = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let path = environment["MARTLET_CAPTURES"] ?? root.path + "/../shared/captures"
    return FileManager.default.fileExists(atPath: path + "/MANIFEST.tsv") ? path : nil
  }()

  static var areHere: Bool {
    if folder == nil {
      print("*** no public captures here (MARTLET_CAPTURES): tests that need them are skipped")
    }
    return folder != nil
  }
}
