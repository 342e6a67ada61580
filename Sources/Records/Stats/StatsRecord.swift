/// What the engine says of itself every ten seconds: everything a `stats` record holds beside the
/// context. All counts run from the start of the engine.
package struct StatsRecord: Sendable {
  /// A count by name; names are words with underscores.
  package struct Count: Sendable {
    package var name: String
    package var count: UInt64

    package init(_ name: String, _ count: UInt64) {
      self.name = name
      self.count = count
    }
  }

  /// A port's own counters.
  package struct Port: Sendable {
    package var name: String
    package var packets: UInt64 = 0
    package var bytes: UInt64 = 0
    /// Packets the port had no descriptor for (`imissed`).
    package var missed: UInt64 = 0
    /// Packets the port had no buffer for (`rx_nombuf`).
    package var noBuffer: UInt64 = 0
    package var errors: UInt64 = 0

    package init(name: String) { self.name = name }
  }

  package struct Sink: Sendable {
    package var name: String
    package var accepted: UInt64 = 0
    package var delivered: UInt64 = 0
    package var droppedQueueFull: UInt64 = 0
    package var droppedSpoolFull: UInt64 = 0
    package var droppedRefused: UInt64 = 0
    package var droppedAtShutdown: UInt64 = 0
    package var lostByRedis: UInt64 = 0
    package var backlog: UInt64 = 0
    package var lagMilliseconds: UInt64 = 0
    package var spooled: UInt64 = 0
    package var spooledBytes: UInt64 = 0
    package var retries: UInt64 = 0
    package var reconnects: UInt64 = 0
    package var reordered: UInt64 = 0
    package var retransmitted: UInt64 = 0
    package var recovered: UInt64 = 0
    package var spoolTorn: UInt64 = 0

    package init(name: String) { self.name = name }
  }

  package struct Worker: Sendable {
    package var index: UInt16
    /// Packets counted in this worker's flows.
    package var packets: UInt64 = 0
    /// Its live flows.
    package var flows: UInt64 = 0
    /// One flow in so many is kept just now; 1: all.
    package var samplingInterval: UInt64 = 1

    package init(index: UInt16) { self.index = index }
  }

  /// When this was taken, nanoseconds since 1970.
  package var timestampNanoseconds: Int64
  package var uptimeSeconds: UInt64 = 0

  // Packets: received == inFlows + filtered + notIP + discarded + held.
  package var receivedPackets: UInt64 = 0
  package var receivedBytes: UInt64 = 0
  package var packetsInFlows: UInt64 = 0
  package var filteredPackets: UInt64 = 0
  /// In rings between workers and in the fragment cache, just now.
  package var heldPackets: UInt64 = 0
  package var discarded: [Count] = []
  package var notIP: [Count] = []
  /// What was odd about packets that were counted all the same.
  package var anomalies: [Count] = []
  /// What was looked into; empty where nobody does.
  package var dissection: [Count] = []

  // Flows and their records.
  package var flowsLive: UInt64 = 0
  package var flowsCreated: UInt64 = 0
  package var flowsEvicted: UInt64 = 0
  /// Flows that have ended, whether or not their record came through.
  package var flowsExported: UInt64 = 0
  package var flowUpdates: UInt64 = 0
  package var recordsMade: UInt64 = 0
  /// Records lost because a ring was full.
  package var recordsDropped: UInt64 = 0

  package var ports: [Port] = []
  package var sinks: [Sink] = []
  package var workers: [Worker] = []

  package init(timestampNanoseconds: Int64) {
    self.timestampNanoseconds = timestampNanoseconds
  }

  /// Bytes that the lists take at the most: each name with every byte escaped, each number with 20
  /// digits, each key with its punctuation.
  var longestLists: Int {
    func size(_ name: String, _ numbers: Int) -> Int { 6 * name.utf8.count + 32 + numbers * 48 }
    let counts = (discarded + notIP + anomalies + dissection).reduce(0) { $0 + size($1.name, 1) }
    let ports = ports.reduce(0) { $0 + size($1.name, 5) }
    let sinks = sinks.reduce(0) { $0 + size($1.name, 17) }
    return counts + ports + sinks + workers.count * size("", 4)
  }
}
