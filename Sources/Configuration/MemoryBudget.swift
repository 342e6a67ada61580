/// What an engine with these settings takes at start, summed before any of it is taken.
///
/// The figures of the engine's own memory follow its layouts (a flow is 272 bytes, a record 424, a packet
/// on a hand-off ring 160) and are held against them in a test. DPDK's own needs beside its packet
/// buffers are not in them.
package struct MemoryBudget: Sendable, Equatable {
  package struct Line: Sendable, Equatable {
    package var name: String
    package var bytes: Int
  }

  package let lines: [Line]

  package var totalBytes: Int { lines.reduce(0) { $0 + $1.bytes } }

  /// The ports' packet buffers alone, which DPDK takes.
  package var packetBufferBytes: Int { bytes(of: "packet buffers") }

  package func bytes(of name: String) -> Int { lines.first { $0.name == name }?.bytes ?? 0 }

  package init(_ settings: Settings) {
    let workers = settings.engine.workers
    var lines: [Line] = []
    lines.append(
      Line(name: "flow entries", bytes: workers * settings.flows.capacity * Self.flowBytes))
    lines.append(
      Line(
        name: "flow index",
        bytes: workers * Self.bucketCount(settings.flows.capacity) * Self.bucketBytes))
    lines.append(
      Line(
        name: "free list and flow scan",
        bytes: workers * settings.flows.capacity * Self.perFlowSideBytes))
    lines.append(Line(name: "flow scan rings", bytes: workers * Self.scanRingBytes))
    let details = max(64, settings.flows.capacity / 40)
    lines.append(
      Line(name: "flow details", bytes: workers * details * Self.perDetailBytes))
    lines.append(
      Line(
        name: "tunnels",
        bytes: workers * (min(max(64, settings.flows.capacity / 64), 65_535) + 1)
          * Self.tunnelBytes))
    lines.append(
      Line(
        name: "record rings",
        bytes: workers * (Self.ringHeadBytes + settings.records.ringSlots * Self.recordBytes)))
    lines.append(
      Line(
        name: "hand-off rings",
        bytes: workers * (workers - 1)
          * (Self.ringHeadBytes + settings.handoff.ringSlots * Self.parsedPacketBytes)))
    lines.append(
      Line(
        name: "fragment caches",
        bytes: workers
          * (Self.powerOfTwo(settings.fragments.capacity) * Self.datagramBytes
            + settings.fragments.heldPackets * Self.heldFragmentBytes)))
    if settings.dissection.enabled {
      lines.append(
        Line(
          name: "dissection",
          bytes: workers
            * (settings.dissection.flowCapacity * Self.dissectedFlowBytes
              + (settings.dissection.bufferMegabytes << 20)
              + (settings.dissection.bufferMegabytes << 20) / Self.bufferBytesPerMapByte
              + Self.dissectionSideBytes
              + (settings.dissection.hashFiles ? Self.decompressorBytes : 0))))
      lines.append(
        Line(
          name: "protocol record rings",
          bytes: workers * (Self.ringHeadBytes + (settings.dissection.ringMegabytes << 20))))
    }
    lines.append(Line(name: "filters and traces", bytes: workers * Self.filterBytes))
    lines.append(
      Line(
        name: "packet buffers",
        bytes: settings.ports.reduce(0) {
          $0 + Self.mbufCount($1, settings) * ($1.mbufSizeBytes + Self.mbufOverheadBytes)
        }))
    lines.append(
      Line(
        name: "sink queues",
        bytes: settings.sinks.reduce(0) { $0 + ($1.type == .null ? 0 : $1.queueMegabytes << 20) }))
    self.lines = lines
  }

  static let flowBytes = 256 + 16
  static let bucketBytes = 64
  /// Number on the free list (4), and what the flow scan saw last (8).
  static let perFlowSideBytes = 12
  /// What goes wrong with a flow, and its number on a free list.
  static let perDetailBytes = 184 + 4
  /// A tunnel, and at the most four bytes of its index.
  static let tunnelBytes = 48 + 4
  static let ringHeadBytes = 128
  static let recordBytes = 424
  /// A flow's state and its number on a free list.
  static let dissectedFlowBytes = 1024 + 4
  /// A bit for each KiB.
  static let bufferBytesPerMapByte = 8 << 10
  /// A record under way (64 KiB), depths, datagrams in fragments, names to redact, and the expected data
  /// channels that the worker tells the others (264 KiB): at the most.
  static let dissectionSideBytes = 352 << 10
  /// Sixteen bodies that are decoded at a time, and what comes out of them.
  static let decompressorBytes = 16 * (192 + (64 << 10)) + (16 << 10)
  /// 2,048 flows on their way to who asks, 256 that an operator ends, and words beside them.
  static let scanRingBytes = 128 + ringHeadBytes + 2048 * 448 + ringHeadBytes + 256 * 24
  static let parsedPacketBytes = 160
  /// A datagram's entry and its place in the index, and a fragment that waits.
  static let datagramBytes = 208 + 4
  static let heldFragmentBytes = 168
  /// A worker's counts of each rule, its trace log, and frames whose tags are put back.
  static let filterBytes = (64 + 256 * 64) + (64 + 256 * 2560) + 32 * (64 + 512)
  /// `struct rte_mbuf` (128), headroom (128), and the pool's bookkeeping (64).
  static let mbufOverheadBytes = 320

  /// Buckets of eight slots, five flows to each.
  static func bucketCount(_ capacity: Int) -> Int { max(8, (capacity + 4) / 5) }

  /// Where no count is given: descriptors of every queue, bursts, and what may be held back.
  static func mbufCount(_ port: Settings.Port, _ settings: Settings) -> Int {
    let workers = settings.engine.workers
    let held =
      workers * settings.fragments.heldPackets + workers * (workers - 1)
      * settings.handoff.ringSlots
    return port.mbufCount ?? port.queues * (port.rxDescriptors + 576) + held
  }

  private static func powerOfTwo(_ value: Int) -> Int {
    var power = 1
    while power < value { power *= 2 }
    return power
  }

  /// One line a part and their sum, in MiB, as it is logged at start.
  package func describe() -> String {
    let rows = (lines + [Line(name: "total", bytes: totalBytes)]).map {
      ($0.name, "\(($0.bytes + (1 << 20) - 1) >> 20) MiB")
    }
    let width = rows.map(\.0.count).max() ?? 0
    let right = rows.map(\.1.count).max() ?? 0
    return rows.map { name, amount in
      name + String(repeating: " ", count: width - name.count + 2 + right - amount.count) + amount
    }.joined(separator: "\n")
  }
}
