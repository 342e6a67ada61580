package import CBurst

/// A source of packets: one or more receive queues, each polled by one worker.
///
/// The protocol is for the cold side (start, stop, counters). A worker holds a ``martlet_rx_queue``
/// per queue and calls its functions once a burst; no packet crosses this protocol.
package protocol CapturePort: AnyObject, Sendable {
  /// As in the configuration.
  var name: String { get }
  /// Known once the port is set up.
  var description: PortDescription { get }
  /// The queue, or nil where the port has fewer.
  func queue(_ number: Int) -> martlet_rx_queue?
  /// Packets flow from now on.
  func start() throws
  /// No packet flows any more; what is queued can still be polled.
  func stop()
  func statistics() -> PortStatistics
  /// The driver's own counters under its own names.
  func extendedStatistics() -> [(name: String, value: UInt64)]
  /// Nil where it has no packet buffers of its own.
  func packetBuffers() -> PacketBuffers?
  func link() -> PortLink
  /// A port that plays something back says how far it is; nil for one that goes on for ever.
  func progress() -> PlaybackProgress?
}

extension CapturePort {
  package func extendedStatistics() -> [(name: String, value: UInt64)] { [] }
  package func packetBuffers() -> PacketBuffers? { nil }
}

/// A port's packet buffers, just now.
package struct PacketBuffers: Sendable {
  package var size: Int
  /// In descriptors, on their way, or held back.
  package var inUse: Int

  package init(size: Int, inUse: Int) {
    self.size = size
    self.inUse = inUse
  }
}

/// What a port is and how it was set up.
package struct PortDescription: Sendable {
  package var name: String
  /// The PCI address, vdev string or capture it was made from.
  package var device: String
  package var driver: String
  /// -1 where unknown.
  package var numaNode: Int
  package var queues: Int
  package var descriptors: Int
  package var mtuBytes: Int
  package var isPromiscuous: Bool
  /// Packets are spread by the port's hash; otherwise by software.
  package var hasHardwareRSS: Bool
  /// Why not, in words; empty where it has.
  package var rssReason: String
  /// What is hashed: `ipv4-tcp` …
  package var rssTypes: String
  package var redirectionTableSize: Int
  package var offloads: String

  package init(
    name: String, device: String, driver: String, numaNode: Int = -1, queues: Int,
    descriptors: Int = 0, mtuBytes: Int = 0, isPromiscuous: Bool = false,
    hasHardwareRSS: Bool = false, rssReason: String = "", rssTypes: String = "",
    redirectionTableSize: Int = 0, offloads: String = ""
  ) {
    self.name = name
    self.device = device
    self.driver = driver
    self.numaNode = numaNode
    self.queues = queues
    self.descriptors = descriptors
    self.mtuBytes = mtuBytes
    self.isPromiscuous = isPromiscuous
    self.hasHardwareRSS = hasHardwareRSS
    self.rssReason = rssReason
    self.rssTypes = rssTypes
    self.redirectionTableSize = redirectionTableSize
    self.offloads = offloads
  }
}

/// The port's own counts.
package struct PortStatistics: Sendable {
  package var packets: UInt64 = 0
  package var bytes: UInt64 = 0
  /// Lost by the port because its descriptors were full (imissed).
  package var missed: UInt64 = 0
  package var errors: UInt64 = 0
  /// Lost because the pool had no buffer.
  package var noBuffer: UInt64 = 0

  package init() {}
}

package struct PortLink: Sendable, Equatable {
  package var isUp: Bool
  /// Megabits a second, 0 where unknown.
  package var speedMbps: Int
  package var isFullDuplex: Bool

  package init(isUp: Bool, speedMbps: Int, isFullDuplex: Bool) {
    self.isUp = isUp
    self.speedMbps = speedMbps
    self.isFullDuplex = isFullDuplex
  }
}

package struct PlaybackProgress: Sendable {
  package var packets: UInt64
  package var capturePackets: UInt64
  /// From 0; equals `passes` when all are played.
  package var pass: Int
  package var passes: Int
  /// Everything has been put on the queues and taken from them.
  package var isFinished: Bool

  package init(
    packets: UInt64, capturePackets: UInt64, pass: Int, passes: Int, isFinished: Bool
  ) {
    self.packets = packets
    self.capturePackets = capturePackets
    self.pass = pass
    self.passes = passes
    self.isFinished = isFinished
  }
}

/// Where workers run: a thread each, pinned to its core.
package protocol WorkerHost: AnyObject, Sendable {
  /// Starts `body` on the thread of worker `worker`; at most once each.
  func launch(
    worker: Int, _ body: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Int32,
    argument: UnsafeMutableRawPointer?) throws
  /// Waits until the body has returned.
  func wait(worker: Int)
  /// Where the worker runs.
  func placement(worker: Int) -> WorkerPlacement
  /// Has a worker's memory taken from the worker's own NUMA node, where there are several; before the
  /// memory is touched.
  func bind(memory: UnsafeMutableRawPointer, byteCount: Int, toWorker worker: Int)
  /// Gives packets of any port of this engine back.
  var release: martlet_release_fn { get }
}

package struct WorkerPlacement: Sendable {
  /// CPU number.
  package var core: Int
  package var numaNode: Int
  /// Something else runs on that core as well: another worker, or the main thread.
  package var isShared: Bool

  package init(core: Int, numaNode: Int, isShared: Bool) {
    self.core = core
    self.numaNode = numaNode
    self.isShared = isShared
  }
}

/// A port that cannot be had, in one line: what is wrong, and what would be right.
package struct PortError: Error, CustomStringConvertible, Sendable {
  package var description: String
  /// The configuration asks for what this machine or port does not have; another configuration would
  /// do. False where the machine failed.
  package var isConfiguration: Bool

  package init(_ description: String, isConfiguration: Bool = false) {
    self.description = description
    self.isConfiguration = isConfiguration
  }
}
