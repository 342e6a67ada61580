package import ControlAPI
package import Dissection
package import FlowEngine

/// What an engine is made with, whoever makes it: the daemon from its configuration, the analyst's
/// command from its options.
package struct EngineSettings: Sendable {
  /// As in every record; `[A-Za-z0-9._-]+`.
  package var sensor: String
  package var version: String
  package var workerCount: Int
  /// Flows in each worker's table.
  package var flowCapacity: Int
  package var timeouts: FlowTimeouts
  package var vlanInKey: Bool
  /// Tunnels that are looked into: 0 none, 1 the outermost, ``PacketParser/maximumTunnels`` all.
  package var decapsulation: UInt8
  package var fragmentCapacity: Int
  package var heldFragments: Int
  package var fragmentTimeoutSeconds: Double
  /// Slots of each ring from a worker to another; a power of two.
  package var handoffSlots: Int
  /// Slots of each worker's record ring; a power of two.
  package var recordRingSlots: Int
  package var statsIntervalSeconds: Double
  package var pollMode: PollMode
  /// How long an adaptive worker sleeps at the most, where its rings last for it.
  package var maximumSleepMicroseconds: Int
  package var noHugepages: Bool
  /// Smallest redirection table of all ports; a power of two.
  package var ownerTableSize: Int
  package var communityIDSeed: UInt16
  /// How long the end may take until what is left is given up.
  package var drainSeconds: Double
  /// Capture files: the packets' own time is the clock, whoever is slow is waited for and nothing is
  /// dropped, and memory is touched when it is needed.
  package var runsOnPacketTime: Bool
  package var packetMap: PacketMap?
  /// Which packets are looked at; all where nil.
  package var packetFilter: PacketFilterSlot?
  package var checksums = ChecksumPolicy.ignore
  /// How payloads are looked into; not at all where nil.
  package var dissection: DissectionSettings?
  /// Flows in trouble that there is room for in each worker; one in 40 where nil.
  package var detailCapacity: Int?
  /// Anomaly records of one name that a worker makes in a second; 0: none at all.
  package var anomaliesPerSecond = 100
  package var sampling = SamplingSettings()
  /// Packets that a worker asks a queue for at a time, and how many it looks ahead in a burst.
  package var burstPackets = 32
  package var prefetchDistance = 16
  /// Of packets that a trace wants, one in so many is written down.
  package var traceInterval = 1
  /// Rules that are in force from the first packet on.
  package var filters: [ControlAPI.FilterRule] = []

  package init(
    sensor: String, version: String, workerCount: Int, flowCapacity: Int = 262_144,
    timeouts: FlowTimeouts = FlowTimeouts(), vlanInKey: Bool = true,
    decapsulation: UInt8 = PacketParser.maximumTunnels,
    fragmentCapacity: Int = 4096, heldFragments: Int = 1024, fragmentTimeoutSeconds: Double = 15,
    handoffSlots: Int = 4096, recordRingSlots: Int = 65_536, statsIntervalSeconds: Double = 10,
    pollMode: PollMode = .busy, maximumSleepMicroseconds: Int = 50, noHugepages: Bool = false,
    ownerTableSize: Int = 128,
    communityIDSeed: UInt16 = 0, drainSeconds: Double = 30, runsOnPacketTime: Bool = false,
    packetMap: PacketMap? = nil, packetFilter: PacketFilterSlot? = nil
  ) {
    self.sensor = sensor
    self.version = version
    self.workerCount = workerCount
    self.flowCapacity = flowCapacity
    self.timeouts = timeouts
    self.vlanInKey = vlanInKey
    self.decapsulation = decapsulation
    self.fragmentCapacity = fragmentCapacity
    self.heldFragments = heldFragments
    self.fragmentTimeoutSeconds = fragmentTimeoutSeconds
    self.handoffSlots = handoffSlots
    self.recordRingSlots = recordRingSlots
    self.statsIntervalSeconds = statsIntervalSeconds
    self.pollMode = pollMode
    self.maximumSleepMicroseconds = maximumSleepMicroseconds
    self.noHugepages = noHugepages
    self.ownerTableSize = ownerTableSize
    self.communityIDSeed = communityIDSeed
    self.drainSeconds = drainSeconds
    self.runsOnPacketTime = runsOnPacketTime
    self.packetMap = packetMap
    self.packetFilter = packetFilter
  }
}

/// What is done when packets come faster than workers take them; see ``OverloadControl``.
package struct SamplingSettings: Sendable, Equatable {
  package var isOn = false
  /// Of so many flows one is kept at the least, and at the most; powers of two.
  package var minimumInterval = 1
  package var maximumInterval = 64
  /// Full bursts in a row that are pressure.
  package var fullBursts = 64
  /// How long after pressure twice as many are kept again.
  package var calmSeconds = 5.0

  package init() {}
}
