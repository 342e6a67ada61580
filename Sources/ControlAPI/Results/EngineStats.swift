/// Answer of `stats.get`: every counter since start.
package struct EngineStats: Codable, Equatable, Sendable {
  /// Wall clock, ``ControlTime``.
  package var timestamp = ""
  /// On a steady clock: differences of counters are divided by differences of this.
  package var uptimeSeconds: Double = 0
  /// All workers together.
  package var totals = PacketAccount()
  package var ports: [PortStats] = []
  package var workers: [WorkerStats] = []
  package var sinks: [SinkStats] = []
  /// Between workers, and from workers to the publisher.
  package var rings: [RingStats] = []
  /// Over the last second, ten seconds and minute; fewer where the engine is younger.
  package var rates: [RateWindow] = []
  package var conservation = Conservation()

  package init() {}
}

/// Where packets went, for one worker or all of them.
///
/// For all workers: `received == countedInFlows + filtered + nonIP + discarded + heldInFragments +
/// heldInRings`. For one: `received + handedIn == countedInFlows + filtered + nonIP + discarded +
/// heldInFragments + handedOut`.
package struct PacketAccount: Codable, Equatable, Sendable {
  /// Packets taken from ports.
  package var received: UInt64 = 0
  /// Their bytes on the wire.
  package var receivedBytes: UInt64 = 0
  /// Packets given to the worker that owns their flow.
  package var handedOut: UInt64 = 0
  /// Packets got from other workers.
  package var handedIn: UInt64 = 0
  package var filtered: UInt64 = 0
  /// Frames that carry no IP, by name (`arp`, `lldp` …).
  package var nonIP: [Counter] = []
  /// By cause.
  package var discarded: [Counter] = []
  package var countedInFlows: UInt64 = 0
  /// Waiting in the fragment cache just now.
  package var heldInFragments: UInt64 = 0
  /// On their way between workers just now.
  package var heldInRings: UInt64 = 0

  /// Flows in the table just now.
  package var flowsLive: UInt64 = 0
  package var flowsCreated: UInt64 = 0
  /// Flows that ended, by reason, evictions among them.
  package var flowsExpired: [Counter] = []
  /// Flows that had to leave a full table.
  package var evicted: UInt64 = 0

  /// Of all types, protocol records among them.
  package var recordsMade: UInt64 = 0
  /// Records that found their ring full.
  package var recordsDropped: UInt64 = 0
  package var dissection = DissectionAccount()

  package init() {}
}

/// What dissection has looked at, and what it had no room for; all nought where it is off.
package struct DissectionAccount: Codable, Equatable, Sendable {
  /// Flows in dissection just now.
  package var flowsLive: UInt64 = 0
  /// Bytes of its buffers in use just now.
  package var bufferBytes: UInt64 = 0
  /// Flows that it has looked at.
  package var flows: UInt64 = 0
  /// Flows that it had no state for (`dissection.flowCapacity`).
  package var noState: UInt64 = 0
  /// Times that there was no buffer for what had to wait (`dissection.bufferMegabytes`).
  package var noMemory: UInt64 = 0
  /// Packets whose payload it was shown.
  package var payloads: UInt64 = 0
  package var payloadBytes: UInt64 = 0
  /// Holes in streams that were passed on as holes.
  package var streamGaps: UInt64 = 0
  package var streamGapBytes: UInt64 = 0
  /// Protocol records, which the account's records have among them.
  package var recordsMade: UInt64 = 0
  /// Protocol records that found their ring full (`dissection.ringMegabytes`).
  package var recordsDropped: UInt64 = 0

  package init() {}
}

/// One port's own counters, as its driver gives them.
package struct PortStats: Codable, Equatable, Sendable {
  package var name = ""
  package var receivedPackets: UInt64 = 0
  package var receivedBytes: UInt64 = 0
  /// `imissed`: the NIC had no free descriptor.
  package var missed: UInt64 = 0
  /// `rx_nombuf`: the pool was empty.
  package var noMbuf: UInt64 = 0
  /// `ierrors`
  package var errors: UInt64 = 0
  /// The driver's own counters under its own names; empty where it has none.
  package var xstats: [Counter] = []
  /// Packet buffers; nil where the port has none of its own.
  package var mempool: MempoolStats?

  package init() {}
}

/// The packet buffers of a port.
package struct MempoolStats: Codable, Equatable, Sendable {
  package var size: UInt64
  /// Taken just now: in descriptors, in hand-off rings, among fragments.
  package var inUse: UInt64

  package init(size: UInt64, inUse: UInt64) {
    self.size = size
    self.inUse = inUse
  }
}

/// A ring, as it is just now: slots, or bytes where its entries are of any length.
package struct RingStats: Codable, Equatable, Sendable {
  /// `records 0` of worker 0; `protocol records 0` likewise, in bytes; `handoff 0 1` from worker 0 to 1.
  package var name: String
  package var capacity: UInt64
  package var used: UInt64

  package init(name: String, capacity: UInt64, used: UInt64) {
    self.name = name
    self.capacity = capacity
    self.used = used
  }
}

/// What a second brought on average.
package struct RateWindow: Codable, Equatable, Sendable {
  /// 1, 10 or 60.
  package var seconds: Int = 1
  /// All workers together.
  package var total = Rates()
  /// In the ports' and the workers' order.
  package var ports: [PortRates] = []
  package var workers: [Rates] = []

  package init() {}
}

/// A second's share of a worker's counters.
package struct Rates: Codable, Equatable, Sendable {
  package var packets: Double = 0
  package var bits: Double = 0
  package var filtered: Double = 0
  package var discarded: Double = 0
  package var flowsCreated: Double = 0
  package var evicted: Double = 0
  package var records: Double = 0
  package var recordsDropped: Double = 0

  package init() {}
}

/// A second's share of a port's counters.
package struct PortRates: Codable, Equatable, Sendable {
  package var name = ""
  package var packets: Double = 0
  package var bits: Double = 0
  package var missed: Double = 0
  package var noMbuf: Double = 0
  package var errors: Double = 0

  package init() {}
}

/// One worker.
package struct WorkerStats: Codable, Equatable, Sendable {
  package var index = 0
  package var account = PacketAccount()
  /// Every counter that the worker keeps, in the order of its declaration.
  package var counters: [Counter] = []
  /// 0 … 1: the part of its time since the last reading that went into packets.
  package var busyShare: Double = 0
  /// The part that it slept; with the other two 1.
  package var asleepShare: Double = 0
  /// The part that went into polls that found nothing, and house-keeping.
  package var idleShare: Double = 1
  /// Time since the start that went into packets, and that it slept.
  package var busySeconds: Double = 0
  package var asleepSeconds: Double = 0
  /// One flow in so many is kept just now; 1: all.
  package var samplingInterval: UInt64 = 1
  /// Polls that found nothing.
  package var emptyPolls: UInt64 = 0
  /// Sleeps between polls; see the tunable `engine.polling`.
  package var sleeps: UInt64 = 0
  /// Times that packets ended a spell of sleeps.
  package var wakeUps: UInt64 = 0

  package init() {}
}

/// One sink; counts are of records where they say nothing else.
/// `accepted == delivered + droppedError + backlog`, and what a full queue or spool refused is not in
/// `accepted`.
package struct SinkStats: Codable, Equatable, Sendable {
  package var name = ""
  package var accepted: UInt64 = 0
  package var delivered: UInt64 = 0
  package var droppedQueueFull: UInt64 = 0
  /// Refused because the queue was full, and the spool behind it, or its disk.
  package var droppedSpoolFull: UInt64 = 0
  /// `droppedRefused` and `droppedAtShutdown` together.
  package var droppedError: UInt64 = 0
  /// Given up on because the receiver would never take them.
  package var droppedRefused: UInt64 = 0
  /// Given up on because shutdown ran out of time.
  package var droppedAtShutdown: UInt64 = 0
  package var backlog: UInt64 = 0
  /// How long the oldest record of the backlog has waited.
  package var lagSeconds = 0.0
  package var reconnects: UInt64 = 0
  /// Batches that were sent again.
  package var retries: UInt64 = 0
  /// Of the backlog: in the spool, on disk.
  package var spooled: UInt64 = 0
  package var spooledBytes: UInt64 = 0
  /// How many bytes the spool may hold; 0 without one.
  package var spoolLimitBytes: UInt64 = 0
  /// Found in the spool at the start.
  package var recovered: UInt64 = 0
  /// Frames of the spool that a crash had torn, or that were damaged.
  package var spoolTorn: UInt64 = 0
  /// Sent under a new ID, because an entry with a higher one had come to the stream before.
  package var reordered: UInt64 = 0
  /// Acknowledged, lost by Redis, and sent again under the same ID.
  package var retransmitted: UInt64 = 0
  /// Acknowledged, lost by Redis, and no longer in the retransmit window.
  package var lostByRedis: UInt64 = 0
  package var isHealthy = true
  /// The last thing that went wrong, in words; once it is over, with the time in front.
  package var lastError: String?

  package init() {}

  /// Lost for good, by whatever cause.
  package var lost: UInt64 {
    droppedQueueFull &+ droppedSpoolFull &+ droppedError &+ lostByRedis
  }
}

/// Whether every received packet is accounted for.
package struct Conservation: Codable, Equatable, Sendable {
  package var received: UInt64 = 0
  /// Counted in flows, filtered, not IP, discarded, and held just now.
  package var accountedFor: UInt64 = 0
  /// `received - accountedFor`. While packets flow, counters of different workers are read a
  /// moment apart, so it may be off by a burst or two; once they stand still it is 0.
  package var difference: Int64 = 0
  package var holds = true

  package init() {}

  /// From the totals of all workers.
  package init(totals: PacketAccount) {
    received = totals.received
    accountedFor =
      totals.countedInFlows &+ totals.filtered &+ totals.nonIP.total &+ totals.discarded.total
      &+ totals.heldInFragments &+ totals.heldInRings
    difference = Int64(bitPattern: received &- accountedFor)
    holds = difference == 0
  }
}

extension PacketAccount {
  /// Adds another worker's account to this one.
  package mutating func add(_ other: PacketAccount) {
    received &+= other.received
    receivedBytes &+= other.receivedBytes
    handedOut &+= other.handedOut
    handedIn &+= other.handedIn
    filtered &+= other.filtered
    nonIP.add(other.nonIP)
    discarded.add(other.discarded)
    countedInFlows &+= other.countedInFlows
    heldInFragments &+= other.heldInFragments
    heldInRings &+= other.heldInRings
    flowsLive &+= other.flowsLive
    flowsCreated &+= other.flowsCreated
    flowsExpired.add(other.flowsExpired)
    evicted &+= other.evicted
    recordsMade &+= other.recordsMade
    recordsDropped &+= other.recordsDropped
    dissection.add(other.dissection)
  }
}

extension DissectionAccount {
  fileprivate mutating func add(_ other: DissectionAccount) {
    flowsLive &+= other.flowsLive
    bufferBytes &+= other.bufferBytes
    flows &+= other.flows
    noState &+= other.noState
    noMemory &+= other.noMemory
    payloads &+= other.payloads
    payloadBytes &+= other.payloadBytes
    streamGaps &+= other.streamGaps
    streamGapBytes &+= other.streamGapBytes
    recordsMade &+= other.recordsMade
    recordsDropped &+= other.recordsDropped
  }
}
