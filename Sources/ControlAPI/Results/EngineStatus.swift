/// Answer of `engine.status`: what the engine is made of and which state it is in.
package struct EngineStatus: Codable, Equatable, Sendable {
  package enum State: String, Codable, Sendable, CaseIterable {
    /// Ports and workers are being set up.
    case starting
    /// Packets are being received.
    case running
    /// No more packets; flows are exported and sinks are drained.
    case draining
  }

  /// Martlet's version.
  package var version = ""
  /// The sensor's name, as in every record.
  package var sensor = ""
  package var pid: Int32 = 0
  /// Wall clock, ``ControlTime``.
  package var startTime = ""
  /// Tells this run from the one before, as in the records.
  package var startEpoch: UInt64 = 0
  package var uptimeSeconds: Double = 0
  package var state = State.starting
  /// True where memory is ordinary pages, by configuration.
  package var noHugepages = false
  package var mainCore = MainCoreStatus()
  /// What was taken at start, line by line, in bytes; empty where it is not known.
  package var memoryBytes: [Counter] = []
  package var ports: [PortStatus] = []
  package var workers: [WorkerStatus] = []
  package var sinks: [SinkStatus] = []
  /// Nil where nothing is logged.
  package var audit: AuditStatus?

  package init() {}
}

/// The audit log, as it is now; written down elsewhere, the hash proves that nothing was cut off later.
package struct AuditStatus: Codable, Equatable, Sendable {
  package var path: String
  /// Of the last line.
  package var sequence: UInt64
  package var lastHash: String

  package init(path: String, sequence: UInt64, lastHash: String) {
    self.path = path
    self.sequence = sequence
    self.lastHash = lastHash
  }
}

/// The core of the main lcore, which never polls.
package struct MainCoreStatus: Codable, Equatable, Sendable {
  /// -1 where it is not pinned.
  package var core = -1
  /// Who else runs on it: `publisher`, `worker 1` …
  package var sharedWith: [String] = []
  /// Why, in a sentence; nil where nothing is shared.
  package var note: String?

  package init() {}
}

/// One port.
package struct PortStatus: Codable, Equatable, Sendable {
  /// Place in the configuration, from 0.
  package var index = 0
  /// As in the configuration.
  package var name = ""
  /// PCI address or vdev string, or the capture file.
  package var device = ""
  /// DPDK's name of the driver (`net_ixgbe`, `net_ring` …), or `file`.
  package var driver = ""
  package var link = LinkStatus()
  /// -1 where the port has none.
  package var numaNode = -1
  package var queues = 0
  /// Descriptors of each receive queue.
  package var rxDescriptors = 0
  package var rss = RSSStatus()
  package var promiscuous = false
  /// In bytes.
  package var mtu = 0
  /// Receive offloads that are in force (`ipv4-cksum`, `scatter` …).
  package var offloads: [String] = []

  package init() {}
}

package struct LinkStatus: Codable, Equatable, Sendable {
  package var isUp = false
  /// In megabits a second; 0 where it is unknown or has no meaning.
  package var speedMbps: UInt32 = 0
  package var isFullDuplex = true

  package init() {}
}

/// How a port's packets find their worker.
package struct RSSStatus: Codable, Equatable, Sendable {
  package enum Mode: String, Codable, Sendable, CaseIterable {
    /// The NIC spreads symmetrically; a plain packet is where it belongs.
    case hardware
    /// Workers hash each packet and hand over those of others.
    case software
  }

  package var mode = Mode.software
  /// Why this mode, in a sentence.
  package var reason = ""
  /// `symmetric-toeplitz`, `toeplitz` with the repeated key, or `none`.
  package var hashFunction = "none"
  /// What the NIC hashes: `ipv4`, `ipv4-tcp` …
  package var hashTypes: [String] = []

  package init() {}
}

/// One worker.
package struct WorkerStatus: Codable, Equatable, Sendable {
  package var index = 0
  /// -1 where it is not pinned.
  package var core = -1
  /// DPDK's number of its thread; -1 where it is an ordinary one.
  package var lcore = -1
  /// -1 where there is none.
  package var numaNode = -1
  /// Who else runs on its core; empty where it has it for itself.
  package var sharesCoreWith: [String] = []
  package var queues: [QueueName] = []
  /// What it sleeps at the most, however much is configured, so that its rings hold what comes
  /// meanwhile at the links' full rate; nil where no ring sets a bound.
  package var sleepLimitMicroseconds: Double?

  package init() {}
}

/// A receive queue of a port.
package struct QueueName: Codable, Equatable, Sendable {
  /// The port's name.
  package var port: String
  package var queue: Int

  package init(port: String, queue: Int) {
    self.port = port
    self.queue = queue
  }
}

/// One sink.
package struct SinkStatus: Codable, Equatable, Sendable {
  /// As in the configuration: `redis`, `file` …
  package var name = ""
  /// `eve` or `fields`.
  package var format = ""
  /// Event types it takes; empty for all.
  package var types: [String] = []
  /// Where it goes, without secrets: `unix:/run/redis.sock`, a file's path …
  package var target = ""
  package var isHealthy = true
  /// The last thing that went wrong, in words; once it is over, with the time in front.
  package var lastError: String?

  package init() {}
}

/// Answer of `engine.shutdown`.
package struct ShutdownAnswer: Codable, Equatable, Sendable {
  package var state: EngineStatus.State

  package init(state: EngineStatus.State = .draining) { self.state = state }
}

/// Answer of `rpc.version`.
package struct VersionInfo: Codable, Equatable, Sendable {
  /// Version of JSON-RPC.
  package var jsonrpc = "2.0"
  /// ``ControlVersion``
  package var api = ControlVersion.text
  /// Martlet's version.
  package var martlet: String
  /// Every method the server answers.
  package var methods: [String]

  package init(martlet: String, methods: [String]) {
    self.martlet = martlet
    self.methods = methods
  }
}
