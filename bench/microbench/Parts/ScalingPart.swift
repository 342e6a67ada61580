import CBurst
import CMemoryPort
import FlowEngine
import Foundation

/// One worker, then two, each pinned to a core with a table, a port and frames of its own. Both take their
/// packets at the same time: they wait for each other before each filling of their ports.
struct ScalingPart {
  let options: Options
  let report: Report

  /// Longer than a port's usual ring: what waiting costs is small beside it.
  private static let windowPackets = 16_384

  func run() {
    report.heading("Scaling")
    let cores = ProcessInfo.processInfo.activeProcessorCount
    guard cores >= 2 else {
      report.note("SKIPPED: one core is all there is.")
      return
    }
    let flows = options.isQuick ? 100_000 : 1_000_000
    let windows = max(1, options.packets / Self.windowPackets)
    let lanes = [Lane(core: 0, flows: flows), Lane(core: 1, flows: flows)]
    Self.together(lanes) { $0.warmUp() }
    var alone: [[Double]] = [[], []]
    var both: [Double] = []
    var ratios: [Double] = []
    for _ in 0..<options.rounds {
      let one = lanes.map { rate([$0], windows: windows) }
      let two = rate(lanes, windows: windows)
      for place in 0..<2 { alone[place].append(one[place]) }
      both.append(two)
      ratios.append(two / ((one[0] + one[1]) / 2))
    }
    report.note("\(flows.grouped) known flows a worker, uniform; millions of packets a second.")
    report.table(
      ["workers", "Mpps", "times one"],
      [
        ["one, on core 0", Rounds(alone[0]).text, ""],
        ["one, on core 1", Rounds(alone[1]).text, ""],
        ["two", Rounds(both).text, Rounds(ratios).median.text(2)],
      ])
  }

  /// Millions of packets a second of all lanes together.
  private func rate(_ lanes: [Lane], windows: Int) -> Double {
    for lane in lanes { lane.reset() }
    Self.together(lanes) { $0.run(windows, with: lanes) }
    // Each by its own time, as workers that never wait for each other have it; they begin each window
    // together, so that the other one is at work meanwhile.
    return lanes.reduce(0) { sum, lane in
      sum + Double(windows * Self.windowPackets) / (Double(lane.ticks) / TimeStampCounter.perSecond)
        / 1e6
    }
  }

  private static func together(_ lanes: [Lane], _ body: @escaping @Sendable (Lane) -> Void) {
    let threads = lanes.map { lane in
      let done = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        lane.pin()
        body(lane)
        done.signal()
      }
      return done
    }
    for thread in threads { thread.wait() }
  }

  /// A worker on its core.
  private final class Lane: @unchecked Sendable {
    let core: Int
    private let worker: EngineWorker
    private let traffic: KnownFlows
    /// How often it has been at a meeting of this run: written by this lane, read by the other.
    private let arrived: UnsafeMutablePointer<UInt64>
    private var meetings: UInt64 = 0
    /// Of its windows.
    private(set) var ticks: UInt64 = 0

    init(core: Int, flows: Int) {
      self.core = core
      traffic = KnownFlows(count: flows, choice: .uniform)
      worker = EngineWorker(
        BenchSettings(capacity: flows + flows / 8),
        port: MemoryPort(capacity: ScalingPart.windowPackets))
      arrived = .allocate(capacity: 8)
      arrived.initialize(repeating: 0, count: 8)
    }

    deinit { arrived.deallocate() }

    func pin() {
      precondition(memory_port_pin(UInt32(core)) == 0, "core \(core) is ours")
    }

    /// Before a run, while no lane runs.
    func reset() {
      meetings = 0
      arrived.pointee = 0
      ticks = 0
    }

    func warmUp() { _ = worker.measure(traffic, packets: traffic.warmUpPackets) }

    /// Waits until all lanes have come here as often as this one.
    private func meet(_ lanes: [Lane]) {
      meetings &+= 1
      martlet_store_release(arrived, meetings)
      for lane in lanes {
        while martlet_load_acquire(lane.arrived) < meetings { martlet_pause() }
      }
    }

    func run(_ windows: Int, with lanes: [Lane]) {
      let bursts = ScalingPart.windowPackets / Int(MARTLET_BURST_CAPACITY)
      for _ in 0..<windows {
        worker.port.fill(traffic, count: ScalingPart.windowPackets)
        meet(lanes)
        ticks &+= worker.run(bursts: bursts, nanoseconds: traffic.burstNanoseconds)
        worker.consume()
      }
    }
  }
}
