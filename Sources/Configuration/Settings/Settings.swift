/// Everything the engine is told at start: checked, and never changed afterwards.
///
/// `SettingsLoader` makes it from YAML. Every default here is the default of the key in
/// `ConfigurationKeys`; a test holds the two equal.
package struct Settings: Sendable, Equatable {
  /// Name of the observation point, `[A-Za-z0-9._-]+`; part of every record and stream key.
  package var sensor: String
  package var engine = EngineSettings()
  /// In the order of the file; never empty when it comes from the loader.
  package var ports: [PortSettings] = []
  package var flows = FlowSettings()
  package var fragments = FragmentSettings()
  package var handoff = HandoffSettings()
  package var records = RecordSettings()
  /// Empty: records are made and counted, and go nowhere.
  package var sinks: [SinkSettings] = []
  package var control = ControlSettings()
  package var log = LogSettings()
  /// How long a stop waits for the sinks to take what is left.
  package var drainSeconds = 30.0

  package init(sensor: String) { self.sensor = sensor }
}

/// Workers, their cores, and DPDK's environment.
package struct EngineSettings: Sendable, Equatable {
  /// How a worker waits for packets.
  package enum Polling: String, CaseIterable, Sendable {
    /// It never waits: the core is always at 100 %.
    case busy
    /// It naps `napMicroseconds` when every queue is empty.
    case adaptive
  }

  package var workers = 1
  /// One core a worker, in the workers' order; nil: chosen at start.
  package var cores: [Int]?
  /// Where the main lcore, control and the publishers run; nil: chosen at start.
  package var mainCore: Int?
  package var noHugepages = false
  /// What DPDK reserves, in MiB; nil: computed from the tables and pools.
  package var memoryMegabytes: Int?
  /// Keeps two engines on one machine apart; nil: `martlet-` and the sensor.
  package var filePrefix: String?
  /// Passed to `rte_eal_init` behind Martlet's own.
  package var ealArguments: [String] = []
  package var polling = Polling.busy
  /// Used when `polling` is `adaptive`.
  package var napMicroseconds = 50
  /// Two workers, or a worker and the main lcore, may have the same core.
  package var shareCores = false

  package init() {}
}

/// Where one port's packets come from.
package enum PortSource: Sendable, Equatable {
  /// A PCI address or a DPDK virtual device string such as `net_ring0`.
  case device(String)
  case player(PlayerSettings)
}

/// A capture file that is played as if a NIC received it.
package struct PlayerSettings: Sendable, Equatable {
  /// How the player gives packets to queues.
  package enum Spread: String, CaseIterable, Sendable {
    /// As a NIC with the symmetric key would.
    case symmetricRSS = "symmetricRss"
    /// Every second packet arrives at the wrong worker's queue.
    case misdirected
    /// One queue after the other.
    case roundRobin
  }

  /// Absolute, unless the configuration came without a folder.
  package var capture: String
  package var spread = Spread.symmetricRSS
  /// One a pass: 1 is the capture's own pace, 2 twice as fast, 0 as fast as it goes.
  package var paces: [Double] = [1]

  package init(capture: String) { self.capture = capture }
}

/// One port.
package struct PortSettings: Sendable, Equatable {
  package enum RSS: String, CaseIterable, Sendable {
    /// The NIC's symmetric hash where it has one, else software.
    case auto
    /// Every packet is hashed in software.
    case software
  }

  package var name: String
  package var source: PortSource
  /// Receive queues, at most the number of workers; the loader sets it to that where it is left out.
  package var queues: Int
  package var rxDescriptors = 1024
  /// Packet buffers in the port's pool; nil: computed from queues and descriptors.
  package var mbufCount: Int?
  /// Room for data in one buffer, headroom excluded.
  package var mbufSizeBytes = 2048
  package var promiscuous = true
  package var mtuBytes = 1500
  package var rss = RSS.auto
  package var checksumOffload = true

  package init(name: String, source: PortSource, queues: Int) {
    self.name = name
    self.source = source
    self.queues = queues
  }
}

/// The flow table of each worker.
package struct FlowSettings: Sendable, Equatable {
  /// Flows a worker; the oldest leaves when there are more.
  package var capacity = 262_144
  package var vlanInKey = true
  package var timeouts = FlowTimeoutSettings()

  package init() {}
}

/// After how long a flow is reported; fractions of a second are allowed.
package struct FlowTimeoutSettings: Sendable, Equatable {
  /// A `flow_update` of a living flow this often; 0 is never.
  package var activeSeconds = 300.0
  package var tcpSeconds = 60.0
  package var udpSeconds = 30.0
  package var icmpSeconds = 10.0
  package var otherSeconds = 30.0
  /// TCP without a finished handshake.
  package var halfOpenSeconds = 10.0
  /// TCP after FINs both ways or a RST.
  package var closedSeconds = 2.0

  package init() {}
}

/// The fragment cache of each worker.
package struct FragmentSettings: Sendable, Equatable {
  package var capacity = 4096
  /// Fragments that wait for their first one.
  package var heldPackets = 1024
  package var timeoutSeconds = 15.0

  package init() {}
}

/// The rings over which a worker hands packets to their owner.
package struct HandoffSettings: Sendable, Equatable {
  /// Each ordered pair of workers has one ring of this many; a power of two.
  package var ringSlots = 4096

  package init() {}
}

/// Records on their way from workers to sinks.
package struct RecordSettings: Sendable, Equatable {
  /// Each worker's ring; a power of two.
  package var ringSlots = 65_536
  package var statsIntervalSeconds = 10.0
  package var communityIDSeed = 0

  package init() {}
}

/// The Unix socket on which `martlet` talks to the engine.
package struct ControlSettings: Sendable, Equatable {
  package var socketPath = "/run/martlet/control.sock"
  package var socketMode: UInt16 = 0o660
  /// The socket's group; nil: the daemon's own.
  package var group: String?

  package init() {}
}

/// What the daemon logs, on standard error.
package struct LogSettings: Sendable, Equatable {
  package enum Level: String, CaseIterable, Sendable {
    case trace, debug, info, notice, warning, error, critical
  }

  package enum Format: String, CaseIterable, Sendable {
    case text, json
  }

  package var level = Level.info
  package var format = Format.text

  package init() {}
}
