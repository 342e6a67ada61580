import CBurst
import CMemoryPort
import CReference
import FlowEngine

/// The worker in C, on the same port and with the same settings as ``EngineWorker``.
final class ReferenceWorker: BenchWorker {
  let port: MemoryPort
  let worker: OpaquePointer
  private let memory: HugeMemory
  private(set) var now = BenchSettings.begin
  /// Sees each record before it is given back.
  var onRecord: ((UnsafePointer<FlowRecord>) -> Void)?

  init(_ settings: BenchSettings, port: MemoryPort = MemoryPort()) {
    self.port = port
    let timeouts = settings.timeouts
    var own = reference_settings(
      capacity: UInt32(settings.capacity), ring_slots: UInt32(settings.ringSlots),
      seed: settings.seed, active: timeouts.active, tcp: timeouts.tcp, udp: timeouts.udp,
      icmp: timeouts.icmp, other: timeouts.other, half_open: timeouts.halfOpen,
      closed: timeouts.closed)
    memory = HugeMemory(bytes: reference_bytes(&own))
    worker = reference_create(
      memory.start, &own, memory_port_release, UnsafeMutableRawPointer(port.port), now)
  }

  @inline(never)
  func run(bursts: Int, nanoseconds: Int64) -> UInt64 {
    let queue = port.queue
    let begin = martlet_tsc()
    for _ in 0..<bursts {
      _ = reference_poll(worker, queue, now)
      reference_housekeep(worker, now)
      now &+= nanoseconds
    }
    return martlet_tsc() &- begin
  }

  func consume() {
    let count = reference_available(worker)
    if let onRecord {
      for i in 0..<count {
        onRecord(reference_peek(worker, i)!.assumingMemoryBound(to: FlowRecord.self))
      }
    }
    reference_release(worker, count)
  }

  /// Ends all flows.
  func drain() {
    var cursor: UInt32 = 0
    while reference_drain(worker, now, &cursor) == 0 { consume() }
    consume()
  }

  func count(_ counter: reference_counter) -> UInt64 { reference_count(worker, counter) }

  var liveFlows: Int { Int(reference_live(worker)) }
}
