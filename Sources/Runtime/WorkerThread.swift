import CBurst
import Dissection
import FlowEngine
import Foundation

/// What the main thread asks of a worker; a worker goes through these in order and acknowledges each.
enum WorkerPhase {
  /// Poll ports and hand-offs.
  static let run: UInt64 = 0
  /// Take what the ports still have, then leave them alone; hand-offs go on.
  static let quiesce: UInt64 = 1
  /// Nothing more comes from anybody: export every flow, then return.
  static let export: UInt64 = 2
  /// Return now.
  static let abandon: UInt64 = 3
}

/// A worker as its thread holds it. Made by the engine, touched by the thread alone while that runs,
/// but for the two words of `mailbox`.
struct WorkerThread: ~Copyable {
  var worker: FlowWorker
  /// What looks into its flows' payload; nil where nobody does.
  let dissection: UnsafeMutablePointer<Dissection>?
  let queues: UnsafeMutablePointer<martlet_rx_queue>
  let queueCount: Int
  let clock: EngineClock.Reader
  /// | asked phase | acknowledged phase, plus one; stopped ports it goes by |, each on a cache line of its
  /// own.
  let mailbox: UnsafeMutablePointer<UInt64>
  let tuning: TuningPage
  let ticksPerMillisecond: UInt64
  /// What the rings behind its queues last for; see ``SleepBound``. Set before the thread starts.
  var sleepLimitNanoseconds = UInt64.max
  private var pacer: PollPacer
  private var overload = OverloadControl()
  private var lossesSeen: UInt64
  private var timeoutsSeen: UInt64 = 0
  /// A bit for the port of each queue, and what of ``TuningPage/Word/stoppedPorts`` this worker goes by.
  let portBits: UnsafeMutablePointer<UInt64>
  private var stoppedPorts: UInt64 = 0

  init(
    worker: consuming FlowWorker, dissection: UnsafeMutablePointer<Dissection>?,
    queues: UnsafeMutablePointer<martlet_rx_queue>,
    queueCount: Int, clock: EngineClock.Reader, mailbox: UnsafeMutablePointer<UInt64>,
    tuning: TuningPage, ticksPerMillisecond: UInt64,
    portBits: UnsafeMutablePointer<UInt64>
  ) {
    self.portBits = portBits
    self.worker = worker
    self.dissection = dissection
    self.queues = queues
    self.queueCount = queueCount
    self.clock = clock
    self.mailbox = mailbox
    self.tuning = tuning
    self.ticksPerMillisecond = ticksPerMillisecond
    lossesSeen = tuning[.losses]
    pacer = PollPacer(ticksPerMillisecond: ticksPerMillisecond, now: martlet_tsc())
  }

  /// The thread's whole life.
  mutating func run() {
    var lastPublished: UInt64 = 0
    martlet_sleep_precisely()
    pacer.wake(at: martlet_tsc())
    worker.start(at: now(at: martlet_tsc()))
    takeTuning()
    // In force from the first packet on, even one that another worker received before this one began.
    overload.limits = tuning.overloadLimits
    worker.setSamplingShift(
      worker.runsOnPacketTime ? 0 : overload.decide(now: now(at: martlet_tsc())), now: .min)
    while martlet_load_relaxed(mailbox) == WorkerPhase.run {
      let began = martlet_tsc()
      let count = round(at: began)
      if count > 0 {
        worker.counters.add(.busyTicks, martlet_tsc() &- began)
        if pacer.hasSlept { worker.counters.add(.wakeUps) }
        pacer.wake(at: began)
      } else {
        rest(at: began)
      }
      if began &- lastPublished > ticksPerMillisecond {
        takeTuning()
        controlOverload(now: now(at: began))
        publishCounters()
        lastPublished = began
      }
    }
    end()
  }

  private mutating func publishCounters() {
    dissection?.pointee.setGauges()
    worker.publishCounters()
  }

  /// Once a millisecond: takes what the control plane has tuned.
  @inline(never)
  private mutating func takeTuning() {
    if worker.runsOnPacketTime { return }
    worker.tune(
      burst: Int(tuning[.burstPackets]), ahead: Int(tuning[.prefetchDistance]),
      traceInterval: tuning[.traceInterval])
    let changes = tuning.timeoutChanges
    if changes != timeoutsSeen {
      timeoutsSeen = changes
      worker.setTimeouts(tuning.timeouts)
    }
  }

  /// A port has been stopped, or started: says that this worker goes by it.
  @inline(never)
  private mutating func takePorts(_ stopped: UInt64) {
    stoppedPorts = stopped
    martlet_store_release(mailbox + 9, stopped)
  }

  /// Once a millisecond: takes what the control plane says of sampling, and fewer or more flows.
  @inline(never)
  private mutating func controlOverload(now: Int64) {
    // Capture files wait for whoever is slow: they know no overload.
    if worker.runsOnPacketTime { return }
    overload.limits = tuning.overloadLimits
    let losses = tuning[.losses]
    if losses != lossesSeen {
      lossesSeen = losses
      overload.noteLoss()
    }
    worker.setSamplingShift(overload.decide(now: now), now: now)
  }

  /// After a round that brought nothing: on with it, or a sleep, as the poll mode has it. A change of the
  /// mode holds from here on; while packets come it makes no difference.
  @inline(never)
  private mutating func rest(at tsc: UInt64) {
    guard tuning[.pollMode] == PollMode.adaptive.rawValue else {
      pacer.wake(at: tsc)
      return martlet_pause()
    }
    // Timers that are due and a scan that somebody waits for are work: records do not wait for a sleep.
    if worker.owesHousekeeping(now: now(at: tsc)) { return }
    let bound = min(tuning[.maximumSleepNanoseconds], sleepLimitNanoseconds)
    let nanoseconds = pacer.rest(at: tsc, bound: bound)
    if nanoseconds == 0 { return martlet_pause() }
    let asleep = martlet_tsc()
    martlet_sleep_ns(nanoseconds)
    let ticks = martlet_tsc() &- asleep
    worker.counters.add(.sleeps)
    worker.counters.add(.asleepTicks, ticks)
    if ticks > 2 &* bound &* ticksPerMillisecond / 1_000_000 { worker.counters.add(.lateWakeUps) }
  }

  @inline(__always)
  private mutating func round(at tsc: UInt64) -> Int {
    let now = now(at: tsc)
    var count = 0
    var most = 0
    worker.adoptRules()
    let stopped = tuning[.stoppedPorts]
    if stopped != stoppedPorts { takePorts(stopped) }
    for i in 0..<queueCount where portBits[i] & stopped == 0 {
      let taken = worker.poll(queues + i, now: now)
      count &+= taken
      most = max(most, taken)
    }
    let handed = worker.pollHandoffs(now: now)
    count &+= handed
    most = max(most, handed)
    overload.note(isFull: most >= worker.fullBurst)
    worker.housekeep(now: worker.runsOnPacketTime ? worker.packetClock : now, packets: most)
    return count
  }

  /// The wall clock, or the packets' own.
  @inline(__always)
  private func now(at tsc: UInt64) -> Int64 {
    worker.runsOnPacketTime ? worker.packetClock : clock.nanoseconds(at: tsc)
  }

  private mutating func end() {
    // What the ports still have, for a fifth of a second at the most: a live link never runs dry, but
    // files do.
    let deadline = martlet_tsc() &+ 200 &* ticksPerMillisecond
    while martlet_load_relaxed(mailbox) < WorkerPhase.abandon {
      let began = martlet_tsc()
      if round(at: began) == 0 || (began > deadline && !worker.runsOnPacketTime) { break }
    }
    acknowledge(WorkerPhase.quiesce)
    while martlet_load_acquire(mailbox) < WorkerPhase.export {
      if worker.pollHandoffs(now: now(at: martlet_tsc())) == 0 { usleep(100) }
      publishCounters()
    }
    worker.giveUpFragments()
    var cursor = 0
    while martlet_load_acquire(mailbox) < WorkerPhase.abandon {
      if worker.drain(now: now(at: martlet_tsc()), cursor: &cursor) { break }
      // The ring is full: the publisher is at work.
      publishCounters()
      usleep(200)
    }
    publishCounters()
    acknowledge(WorkerPhase.export)
  }

  private mutating func acknowledge(_ phase: UInt64) {
    publishCounters()
    martlet_store_release(mailbox + 8, phase &+ 1)
  }
}

/// What a host calls on a worker's thread; the argument is the ``WorkerThread``.
let workerThreadMain: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { argument in
  argument!.assumingMemoryBound(to: WorkerThread.self).pointee.run()
  return 0
}
