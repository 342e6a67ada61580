import CBurst
import FlowEngine
import Foundation
import Synchronization

/// What it costs a worker that somebody looks through all its flows: `flows.top`, `flows.list` and the like.
/// The asker takes them on the other core, as the control plane's thread does.
struct ScanPart {
  let options: Options
  let report: Report

  private enum Mode: String, CaseIterable {
    case none = "no scan"
    case eachSecond = "a scan with rates each second"
    case backToBack = "scans one after the other"
  }

  func run() {
    let flows = options.isQuick ? 100_000 : 1_000_000
    // About a second of the worker's own time.
    let packets = options.isQuick ? 2_000_000 : 10_000_000
    let rounds = min(options.rounds, 5)
    let traffic = KnownFlows(count: flows, choice: .uniform)
    let worker = EngineWorker(
      BenchSettings(capacity: flows + flows / 8), port: MemoryPort(capacity: options.ringPackets))
    _ = worker.measure(traffic, packets: traffic.warmUpPackets)
    let asker = BenchAsker(worker.scanPage)
    // The first one notes totals for the first time.
    _ = duration(asker) { idle(worker) }
    var figures: [Mode: [Double]] = [:]
    for _ in 0..<rounds {
      for mode in Mode.allCases {
        figures[mode, default: []].append(pass(worker, traffic, asker, mode, packets: packets))
      }
    }
    let loaded = Rounds(rounds) { duration(asker) { burst(worker, traffic) } }
    let idling = Rounds(rounds) { duration(asker) { idle(worker) } }
    precondition(asker.flowsOfLast == worker.liveFlows, "a scan gives every flow")
    asker.stop()
    worker.checkClean()

    report.heading("Scans of live flows")
    report.note(
      "Known flows, uniform, \(worker.liveFlows.grouped) of them, full bursts without a pause; median "
        + "(lowest … highest) of \(rounds) rounds of \(packets.grouped) packets.")
    let base = Rounds(figures[.none]!).median
    report.table(
      ["", "ticks a packet", "beside no scan"],
      Mode.allCases.map { mode in
        let rounds = Rounds(figures[mode]!)
        return [
          mode.rawValue, rounds.text, ((rounds.median / base - 1) * 100).text() + " %",
        ]
      })
    report.note(
      "A whole scan takes \(loaded.median.text()) ms of the worker's time beside full bursts, "
        + "\(idling.median.text()) ms without packets.")
  }

  /// TSC ticks a packet.
  private func pass(
    _ worker: EngineWorker, _ traffic: KnownFlows, _ asker: BenchAsker, _ mode: Mode, packets: Int
  ) -> Double {
    asker.isEndless = mode == .backToBack
    if mode == .backToBack { asker.ask() }
    let second = UInt64(TimeStampCounter.perSecond)
    var ticks: UInt64 = 0
    var sinceScan = second
    var done = 0
    while done < packets {
      if mode == .eachSecond && sinceScan >= second {
        sinceScan = 0
        asker.ask()
      }
      let spent = burst(worker, traffic)
      ticks &+= spent
      sinceScan &+= spent
      done += worker.port.capacity
    }
    // What is still under way is not the next pass's.
    asker.isEndless = false
    while asker.isBusy { _ = idle(worker) }
    return Double(ticks) / Double(done)
  }

  /// Milliseconds of the worker's time from a question until all flows have been taken.
  private func duration(_ asker: BenchAsker, _ work: () -> UInt64) -> Double {
    var ticks: UInt64 = 0
    asker.ask()
    while asker.isBusy { ticks &+= work() }
    return Double(ticks) / TimeStampCounter.perSecond * 1000
  }

  /// What the port holds, in full bursts. Returns ticks.
  private func burst(_ worker: EngineWorker, _ traffic: KnownFlows) -> UInt64 {
    worker.port.fill(traffic, count: worker.port.capacity)
    defer { worker.consume() }
    return worker.run(
      bursts: worker.port.capacity / StageBed.burst, nanoseconds: traffic.burstNanoseconds)
  }

  /// Some rounds without packets. Returns ticks.
  private func idle(_ worker: EngineWorker) -> UInt64 {
    let begin = martlet_tsc()
    worker.rest(rounds: 16)
    return martlet_tsc() &- begin
  }
}

/// Takes all flows of a worker on a thread of its own, as often as it is told to.
final class BenchAsker: Sendable {
  private let page: ScanPage
  private let wanted = Atomic<Int>(0)
  private let finished = Atomic<Int>(0)
  private let flows = Atomic<Int>(0)
  private let endless = Atomic<Bool>(false)
  private let ending = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)

  init(_ page: ScanPage) {
    self.page = page
    Thread { [self] in
      work()
      ended.signal()
    }.start()
  }

  /// Asks again when a scan is over.
  var isEndless: Bool {
    get { endless.load(ordering: .relaxed) }
    set { endless.store(newValue, ordering: .relaxed) }
  }

  /// Asks for one scan more.
  func ask() { wanted.add(1, ordering: .relaxed) }

  /// Not all flows have been taken that were asked for.
  var isBusy: Bool { finished.load(ordering: .acquiring) < wanted.load(ordering: .relaxed) }

  var flowsOfLast: Int { flows.load(ordering: .relaxed) }

  func stop() {
    ending.store(true, ordering: .relaxed)
    ended.wait()
  }

  private func work() {
    var request: UInt64 = 0
    while !ending.load(ordering: .relaxed) {
      guard isBusy else {
        usleep(100)
        continue
      }
      request += 1
      page.ask(request, [.flows, .rates, .newInterval])
      var taken = 0
      while !ending.load(ordering: .relaxed) {
        let isAnswered = page.isAnswered(request)
        let count = page.flows.available(limit: 256)
        // The asker reads them, too.
        for i in 0..<count where page.flows.peek(i).pointee.record.hot.sideA.packets < .max {
          taken += 1
        }
        page.flows.release(count)
        if count == 0 {
          if isAnswered { break }
          usleep(50)
        }
      }
      flows.store(taken, ordering: .relaxed)
      if isEndless { wanted.add(1, ordering: .relaxed) }
      finished.add(1, ordering: .releasing)
    }
  }
}
