import CBurst
import Dissection
import FlowEngine
import Foundation
import Records

/// What looking into payloads costs: real conversations out of the public captures, with all protocols on,
/// through one worker.
struct DissectionPart {
  let options: Options
  let report: Report

  func run() throws {
    guard let folder = CaptureMix.folder else {
      report.note("No public captures here: set MARTLET_CAPTURES to their folder.")
      return
    }
    let mix = try CaptureMix(folder: folder)
    report.heading("Dissection")
    report.note(
      "\(mix.captures.grouped) Ethernet captures joined: \(mix.packets.count.grouped) packets; one worker,"
        + " records taken out of their rings and thrown away, which is not timed. Each round has other"
        + " addresses, so that all flows are new.")
    let all = DissectionBench(mix, mix.packets)
    let flows = all.flows()
    var rows: [[String]] = []
    func row(_ name: String, _ chosen: [CaptureMix.Packet], dissects: Bool = true) {
      guard options.wants(name), chosen.count >= 100 else { return }
      rows.append(
        DissectionBench(mix, chosen).measure(
          name, rounds: options.rounds, packets: options.isQuick ? 200_000 : options.packets,
          dissects: dissects))
    }
    row("all protocols", mix.packets)
    row("all protocols, flows only", mix.packets, dissects: false)
    let bulky = flows.filter { $0.value.packets >= 100 && $0.value.bytes / $0.value.packets >= 900 }
    let bulk = mix.packets.filter { $0.key.map { bulky[$0] != nil } ?? false }
    row("flows of 100 packets and 900 bytes", bulk)
    row("flows of 100 packets and 900 bytes, flows only", bulk, dissects: false)
    for proto in AppProtocol.allCases {
      let chosen = mix.packets.filter { packet in
        packet.key.map { flows[$0]?.proto == proto.rawValue } ?? false
      }
      row("\(proto.name)", chosen)
    }
    report.table(
      [
        "mix", "packets", "bytes a packet", "Gbit/s, median (lowest … highest)", "ns a packet",
        "records", "ns a record",
      ], rows)
  }
}

/// A worker with or without dissection that is given chosen packets of a mix.
struct DissectionBench {
  struct Flow {
    var proto: UInt8
    var packets: UInt64
    var bytes: UInt64
  }

  private let mix: CaptureMix
  private let chosen: [CaptureMix.Packet]

  init(_ mix: CaptureMix, _ chosen: [CaptureMix.Packet]) {
    self.mix = mix
    self.chosen = chosen
  }

  /// Each flow's protocol and size.
  func flows() -> [FlowKey: Flow] {
    let bed = DissectionWorker(dissects: true)
    var flows: [FlowKey: Flow] = [:]
    bed.onFlow = { record in
      let size = record.pointee.hot
      flows[record.pointee.hot.key] = Flow(
        proto: record.pointee.app.proto, packets: size.sideA.packets + size.sideB.packets,
        bytes: size.sideA.bytes + size.sideB.bytes)
    }
    _ = bed.run(mix, chosen)
    bed.finish()
    return flows
  }

  func measure(_ name: String, rounds: Int, packets: Int, dissects: Bool) -> [String] {
    let bed = DissectionWorker(dissects: dissects)
    let bytes = chosen.reduce(0) { $0 + Int($1.wire) }
    let passes = max(1, packets / chosen.count)
    var pass: UInt8 = 0
    var records: UInt64 = 0
    let figures = Rounds(max(rounds, 3)) {
      var ticks: UInt64 = 0
      let before = bed.events
      for _ in 0..<passes {
        pass = pass &+ 1
        mix.readdress(chosen, pass)
        ticks += bed.run(mix, chosen)
        mix.readdress(chosen, pass)
      }
      records = bed.events - before
      return Double(ticks) / TimeStampCounter.perSecond
    }
    let count = Double(chosen.count * passes)
    func gigabits(_ seconds: Double) -> String {
      (Double(bytes * passes) * 8 / seconds / 1e9).text(2)
    }
    let perRecord = records == 0 ? "" : (figures.median * 1e9 / Double(records)).text(0)
    return [
      name, chosen.count.grouped, (Double(bytes) / Double(chosen.count)).text(0),
      "\(gigabits(figures.median)) (\(gigabits(figures.highest)) … \(gigabits(figures.lowest)))",
      (figures.median * 1e9 / count).text(), Int(records / UInt64(passes)).grouped, perRecord,
    ]
  }
}

/// One worker over memory of its own.
final class DissectionWorker {
  private let worker = UnsafeMutablePointer<FlowWorker>.allocate(capacity: 1)
  private let dissection = UnsafeMutablePointer<Dissection>.allocate(capacity: 1)
  private let queue = UnsafeMutablePointer<martlet_rx_queue>.allocate(capacity: 1)
  private let feed = UnsafeMutablePointer<Feed>.allocate(capacity: 1)
  private let memory: UnsafeMutableRawPointer
  private let counters: CounterBlock
  private let records: Ring<FlowRecord>
  private let ring: ByteRing
  private let dissects: Bool
  private var now: Int64 = 1_700_000_000_000_000_000
  private(set) var events: UInt64 = 0
  var onFlow: ((UnsafePointer<FlowRecord>) -> Void)?

  struct Feed {
    var packets: UnsafeMutablePointer<martlet_packet>
    var next: Int
    var end: Int
  }

  init(dissects: Bool) {
    self.dissects = dissects
    var settings = FlowWorkerSettings(
      index: 0, workerCount: 1, flowCapacity: 262_144,
      hash: FlowHash(seed: (1, 2, 3, 4, 5, 6)))
    settings.anomaliesPerSecond = 100
    let common = settings
    var wanted = DissectionSettings()
    wanted.ringBytes = 16 << 20
    let dissectionSettings = wanted
    func build(
      _ plan: inout MemoryPlan, touch: Bool, _ worker: UnsafeMutablePointer<FlowWorker>,
      _ dissection: UnsafeMutablePointer<Dissection>
    ) -> (CounterBlock, Ring<FlowRecord>, ByteRing) {
      let counters = CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
      let records = Ring<FlowRecord>(
        memory: plan.take("records", bytes: Ring<FlowRecord>.byteCount(capacity: 65_536)),
        capacity: 65_536)
      let handoff = Ring<ParsedPacket>(
        memory: plan.take("handoff", bytes: Ring<ParsedPacket>.byteCount(capacity: 1)),
        capacity: 1)
      let ring = ByteRing(
        memory: plan.take("events", bytes: ByteRing.byteCount(capacity: 16 << 20)),
        capacity: 16 << 20)
      let page = ScanPage(memory: plan.take("scan", bytes: ScanPage.byteCount))
      worker.initialize(
        to: FlowWorker(
          common, plan: &plan, touch: touch, records: records, counters: counters,
          scanPage: page, handoff: { _, _ in handoff }, release: { _, _, _ in },
          releaseContext: nil))
      let shared = Dissection.shared(workers: 1, plan: &plan)
      dissection.initialize(
        to: Dissection(
          dissectionSettings, plan: &plan, touch: touch, flows: worker.pointee.access,
          counters: counters, ring: ring, worker: 0, shared: shared, waits: false))
      return (counters, records, ring)
    }
    var sum = MemoryPlan()
    _ = build(&sum, touch: false, worker, dissection)
    worker.deinitialize(count: 1)
    dissection.deinitialize(count: 1)
    memory = .allocate(byteCount: sum.total, alignment: 128)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: memory)
    (counters, records, ring) = build(&plan, touch: true, worker, dissection)
    if dissects { worker.pointee.attach(Dissection.hook(dissection)) }
    feed.initialize(
      to: Feed(packets: .allocate(capacity: Int(MARTLET_BURST_CAPACITY)), next: 0, end: 0))
    queue.initialize(
      to: martlet_rx_queue(
        context: UnsafeMutableRawPointer(feed),
        receive: { context, packets, capacity in
          let feed = context!.assumingMemoryBound(to: Feed.self)
          let count = min(Int(capacity), feed.pointee.end - feed.pointee.next)
          packets!.update(from: feed.pointee.packets + feed.pointee.next, count: count)
          feed.pointee.next += count
          return UInt32(count)
        }, release: { _, _, _ in }, port: 0, queue: 0, flags: 0))
    worker.pointee.start(at: now)
  }

  deinit {
    worker.deinitialize(count: 1)
    worker.deallocate()
    dissection.deinitialize(count: 1)
    dissection.deallocate()
    feed.pointee.packets.deallocate()
    feed.deallocate()
    queue.deallocate()
    memory.deallocate()
  }

  /// All packets once. Returns the ticks of the worker's own work: bursts and house-keeping.
  func run(_ mix: CaptureMix, _ chosen: [CaptureMix.Packet]) -> UInt64 {
    var ticks: UInt64 = 0
    var place = 0
    var last = chosen.first?.time ?? 0
    let capacity = Int(MARTLET_BURST_CAPACITY)
    while place < chosen.count {
      let count = min(capacity, chosen.count - place)
      for i in 0..<count {
        var packet = martlet_packet()
        packet.data = UnsafePointer(mix.bytes + chosen[place + i].offset)
        packet.captured_length = chosen[place + i].captured
        packet.wire_length = chosen[place + i].wire
        packet.link_type = 1
        // Something, so that it is given back.
        packet.handle = UnsafeMutableRawPointer(mix.bytes)
        feed.pointee.packets[i] = packet
      }
      feed.pointee.next = 0
      feed.pointee.end = count
      let time = chosen[place + count - 1].time
      now += max(time - last, 0)
      last = time
      place += count
      let begin = martlet_tsc()
      _ = worker.pointee.poll(queue, now: now)
      worker.pointee.housekeep(now: now)
      ticks &+= martlet_tsc() &- begin
      drain()
    }
    // Whatever has been idle for a while ends before the next pass.
    now += 400_000_000_000
    for _ in 0..<100_000 {
      let begin = martlet_tsc()
      worker.pointee.housekeep(now: now)
      ticks &+= martlet_tsc() &- begin
      drain()
      if worker.pointee.flowCount == 0 { break }
    }
    return ticks
  }

  func finish() {
    var cursor = 0
    while !worker.pointee.drain(now: now, cursor: &cursor) { drain() }
    drain()
  }

  private func drain() {
    while true {
      let count = records.available(limit: 256)
      if count == 0 { break }
      if let onFlow {
        for i in 0..<count where records.peek(i).pointee.kind == FlowRecordKind.flow {
          onFlow(records.peek(i))
        }
      }
      records.release(count)
    }
    while let message = ring.peek() {
      events += 1
      ring.release(message)
    }
  }
}
