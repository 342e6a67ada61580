import CBurst
import CMemoryPort
import CReference
import FlowEngine
import Records

/// Stages of fixed packets through small tables, for perf/instruction-gate to count their instructions under
/// callgrind (see profile.h). Nothing is timed, and nothing depends on when or where it runs.
///
/// Prints a line a stage: its name and how many packets it had.
struct InstructionPart {
  /// Does a few per cent more in one stage, for the gate to prove that it sees it.
  let isSlowed: Bool

  private static let flows = 1_024
  private static let bursts = 256
  private static let burst = StageBed.burst

  func run() {
    stages()
    referenceStages()
    workers("known", capacity: 2 * Self.flows, warmUp: Self.flows * Conversation.beginning) {
      KnownFlows(count: Self.flows, choice: .uniform)
    }
    encoding()
    // Half a minute of the clock and more, so that as many flows end as begin.
    workers("short", capacity: 16_384, warmUp: 80_896) {
      ShortFlows(atOnce: 512, packetsPerSecond: 2_000)
    }
    workers("evicting", capacity: 1_024, warmUp: 4_096) { Flood() }
    workers("timing_out", capacity: 4_096, warmUp: 4_096) {
      Flood(burstNanoseconds: 640_000_000)
    }
  }

  private static func settings(_ capacity: Int) -> BenchSettings {
    BenchSettings(capacity: capacity, ringSlots: 4_096)
  }

  private func end(_ stage: String, packets: Int) {
    profile_dump(stage)
    print("\(stage)\t\(packets)")
  }

  // MARK: Stages alone

  private func stages() {
    let traffic = KnownFlows(count: Self.flows, choice: .uniform)
    let bed = StageBed(Self.settings(2 * Self.flows))
    pass(bed, traffic, bursts: traffic.warmUpPackets / Self.burst) { $0.work() }
    stage("parse", bed, traffic, before: { _ in }, counted: { $0.parse() })
    stage("hash", bed, traffic, before: { $0.parse() }, counted: { $0.hash() })
    stage("find_hit", bed, traffic, before: { $0.parse() }, counted: { $0.find() })
    let unknown = UnknownFlows(beyond: Self.flows)
    stage("find_miss", bed, unknown, before: { $0.parse() }, counted: { $0.find() })
    // What is passed over is not in order any more: a bed of its own.
    let updated = StageBed(Self.settings(2 * Self.flows))
    let inOrder = KnownFlows(count: Self.flows, choice: .uniform)
    pass(updated, inOrder, bursts: inOrder.warmUpPackets / Self.burst) { $0.work() }
    stage(
      "update", updated, inOrder, before: { $0.parse() },
      counted: {
        $0.update()
        if isSlowed { $0.hash(every: 8) }
      })
    stage(
      "export", updated, inOrder, before: { $0.consume() },
      counted: { $0.export(first: 0, count: Self.burst) })
  }

  private func stage(
    _ name: String, _ bed: StageBed, _ traffic: some Traffic, before: (StageBed) -> Void,
    counted: (StageBed) -> Void
  ) {
    pass(bed, traffic, bursts: Self.bursts) { bed in
      bed.receive()
      before(bed)
      profile_on()
      counted(bed)
      profile_off()
      bed.giveBack()
    }
    end(name, packets: Self.bursts * Self.burst)
  }

  private func pass(
    _ bed: StageBed, _ traffic: some Traffic, bursts: Int, _ body: (StageBed) -> Void
  ) {
    var done = 0
    while done < bursts {
      bed.port.fill(traffic, count: bed.port.capacity)
      for _ in 0..<bed.port.capacity / Self.burst {
        body(bed)
        bed.now &+= traffic.burstNanoseconds
      }
      done += bed.port.capacity / Self.burst
    }
    precondition(done == bursts, "whole fillings")
  }

  /// All of a burst's stages in the reference, each counted in a pass of its own.
  private func referenceStages() {
    for counted in ["receive", "parse", "update", "give_back"] {
      let worker = ReferenceWorker(Self.settings(2 * Self.flows))
      let traffic = KnownFlows(count: Self.flows, choice: .uniform)
      _ = worker.measure(traffic, packets: traffic.warmUpPackets)
      func stage(_ name: String, _ body: () -> Void) {
        if name == counted { profile_on() }
        body()
        if name == counted { profile_off() }
      }
      for _ in 0..<Self.bursts * Self.burst / worker.port.capacity {
        worker.port.fill(traffic, count: worker.port.capacity)
        for _ in 0..<worker.port.capacity / Self.burst {
          stage("receive") { reference_receive(worker.worker, worker.port.queue) }
          stage("parse") { reference_parse(worker.worker, worker.now) }
          stage("update") { reference_update(worker.worker, worker.now) }
          stage("give_back") { reference_give_back(worker.worker) }
        }
      }
      end("c_\(counted)", packets: Self.bursts * Self.burst)
    }
  }

  // MARK: Records as text

  /// Without the processor's SHA-1, which valgrind does not have.
  private func encoding() {
    let mix = RecordMix(count: 1_024)
    for format in RecordFormat.allCases {
      var bed = EncodeBed(format: format)
      bed.encode(mix, records: mix.records.count)
      profile_on()
      bed.encode(mix, records: 4 * mix.records.count)
      profile_off()
      end("encode_\(format.rawValue)", packets: 4 * mix.records.count)
    }
  }

  // MARK: Whole workers

  private func workers<Source: Traffic>(
    _ name: String, capacity: Int, warmUp: Int, _ make: () -> Source
  ) {
    let swift = EngineWorker(Self.settings(capacity))
    worker("worker_\(name)", swift, make(), warmUp)
    swift.checkClean()
    let c = ReferenceWorker(Self.settings(capacity))
    worker("c_\(name)", c, make(), warmUp)
    precondition(c.count(REFERENCE_UNUSUAL) == 0)
    precondition(c.liveFlows == swift.liveFlows)
  }

  private func worker(
    _ name: String, _ worker: some BenchWorker, _ traffic: some Traffic, _ warmUp: Int
  ) {
    _ = worker.measure(traffic, packets: warmUp)
    let perFilling = worker.port.capacity / Self.burst
    for _ in 0..<Self.bursts / perFilling {
      worker.port.fill(traffic, count: worker.port.capacity)
      profile_on()
      _ = worker.run(bursts: perFilling, nanoseconds: traffic.burstNanoseconds)
      profile_off()
      worker.consume()
    }
    end(name, packets: Self.bursts * Self.burst)
  }
}
