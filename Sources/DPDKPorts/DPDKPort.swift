package import CBurst
import CDPDK
import Foundation
package import Ports

/// How a DPDK port is to be set up.
package struct DPDKPortOptions: Sendable {
  package var name: String
  /// A PCI address or a vdev string; of a player, nothing.
  package var device: String
  /// Position among the engine's ports.
  package var index: Int
  package var queues: Int
  package var descriptors: Int
  /// Packet buffers; nil: enough for the descriptors, the bursts and what may be held back.
  package var mbufCount: Int?
  package var heldPackets: Int
  package var mbufRoomBytes: Int
  package var mtuBytes: Int
  package var isPromiscuous: Bool
  package var wantsHardwareRSS: Bool
  package var wantsChecksums: Bool
  package var ownerTableSize: Int

  package init(
    name: String, device: String, index: Int, queues: Int, descriptors: Int = 1024,
    mbufCount: Int? = nil, heldPackets: Int = 0, mbufRoomBytes: Int = 2048,
    mtuBytes: Int = 1500, isPromiscuous: Bool = true, wantsHardwareRSS: Bool = true,
    wantsChecksums: Bool = true, ownerTableSize: Int = 128
  ) {
    self.name = name
    self.device = device
    self.index = index
    self.queues = queues
    self.descriptors = descriptors
    self.mbufCount = mbufCount
    self.heldPackets = heldPackets
    self.mbufRoomBytes = mbufRoomBytes
    self.mtuBytes = mtuBytes
    self.isPromiscuous = isPromiscuous
    self.wantsHardwareRSS = wantsHardwareRSS
    self.wantsChecksums = wantsChecksums
    self.ownerTableSize = ownerTableSize
  }

  /// Descriptors of every queue, a burst on every queue, and what is held back, with a margin.
  package var effectiveMbufCount: Int {
    mbufCount ?? (queues * (descriptors + 2 * Int(MARTLET_BURST_CAPACITY) + 512) + heldPackets)
  }
}

/// One DPDK port: a NIC or a virtual device, with its packet buffers and queues.
package class DPDKPort: CapturePort, @unchecked Sendable {
  package let name: String
  package private(set) var description: PortDescription
  let number: UInt16
  private let pool: OpaquePointer
  private var queues: [OpaquePointer] = []
  private let bufferCount: Int
  private var isStarted = false

  /// Adds the device to DPDK. The number it got there.
  package static func probe(_ options: DPDKPortOptions) throws(PortError) -> UInt16 {
    if isPCIAddress(options.device) { try checkPCI(options) }
    var error = ErrorBuffer()
    let found = error.pass { cdpdk_port_probe(options.device, $0) }
    guard found >= 0 else {
      throw PortError(
        "port \(options.name): \(options.device) is not there (\(error.text));"
          + " give a PCI address bound to vfio-pci or a vdev such as net_af_packet0,iface=eth1",
        isConfiguration: true)
    }
    return UInt16(found)
  }

  /// Sets up a device that ``probe(_:)`` has added; it does not receive yet.
  package init(_ options: DPDKPortOptions, number: UInt16) throws(PortError) {
    name = options.name
    self.number = number
    var error = ErrorBuffer()
    var info = cdpdk_port_info()
    guard cdpdk_port_info(number, &info) == 0 else {
      throw PortError("port \(options.name): the driver tells nothing about it")
    }
    guard options.queues <= Int(info.max_rx_queues) else {
      cdpdk_port_close(number)
      throw PortError(
        "port \(options.name): \(options.queues) queues asked for, the port has"
          + " \(info.max_rx_queues); set queues to at most \(info.max_rx_queues)",
        isConfiguration: true)
    }
    guard
      let pool = error.pass({
        cdpdk_pool_create(
          "pool_\(number)", UInt32(options.effectiveMbufCount), UInt16(options.mbufRoomBytes),
          info.socket, $0)
      })
    else {
      cdpdk_port_close(number)
      throw PortError(
        "port \(options.name): no memory for \(error.text); lower mbufCount, raise"
          + " engine.memoryMegabytes, or reserve more hugepages")
    }
    var wanted = cdpdk_port_options()
    wanted.queues = UInt16(options.queues)
    wanted.descriptors = UInt16(options.descriptors)
    wanted.mtu = UInt16(options.mtuBytes)
    wanted.promiscuous = options.isPromiscuous
    wanted.want_rss = options.wantsHardwareRSS
    wanted.want_checksums = options.wantsChecksums
    wanted.owner_table_size = UInt16(options.ownerTableSize)
    var result = cdpdk_port_result()
    guard error.pass({ cdpdk_port_setup(number, &wanted, pool, &result, $0) }) == 0 else {
      cdpdk_port_close(number)
      cdpdk_pool_free(pool)
      throw PortError(
        "port \(options.name): \(error.text)",
        isConfiguration: options.mtuBytes > Int(info.max_mtu) && info.max_mtu > 0)
    }
    self.pool = pool
    bufferCount = options.effectiveMbufCount
    description = PortDescription(
      name: options.name, device: options.device, driver: Self.text(&info.driver),
      numaNode: Int(info.socket), queues: options.queues, descriptors: Int(result.descriptors),
      mtuBytes: Int(result.mtu), isPromiscuous: result.promiscuous,
      hasHardwareRSS: result.rss, rssReason: Self.text(&result.rss_reason),
      rssTypes: Self.names { cdpdk_rss_type_names(result.rss_types, $0, $1) },
      redirectionTableSize: Int(result.reta_size),
      offloads: Self.names { cdpdk_rx_offload_names(result.rx_offloads, $0, $1) })
    for queue in 0..<options.queues {
      guard let made = cdpdk_queue_create(number, UInt16(queue), UInt16(options.index)) else {
        throw PortError("port \(options.name): no memory for queue \(queue)")
      }
      queues.append(made)
    }
  }

  /// Entries of a device's redirection table; 0 where it has none.
  package static func redirectionTableSize(of number: UInt16) -> Int {
    var info = cdpdk_port_info()
    return cdpdk_port_info(number, &info) == 0 ? Int(info.reta_size) : 0
  }

  func overrideRSS(isHardware: Bool, reason: String, types: String) {
    description.hasHardwareRSS = isHardware
    description.rssReason = reason
    description.rssTypes = types
  }

  package func queue(_ number: Int) -> martlet_rx_queue? {
    guard number < queues.count else { return nil }
    return martlet_rx_queue(
      context: UnsafeMutableRawPointer(queues[number]), receive: cdpdk_receive,
      release: cdpdk_release, port: UInt16(self.number), queue: UInt16(number),
      flags: description.hasHardwareRSS ? UInt32(MARTLET_QUEUE_HARDWARE_RSS) : 0)
  }

  package func start() throws {
    var error = ErrorBuffer()
    guard error.pass({ cdpdk_port_start(number, $0) }) == 0 else {
      throw PortError("port \(name): \(error.text)")
    }
    isStarted = true
  }

  package func stop() {
    if isStarted { cdpdk_port_stop(number) }
    isStarted = false
  }

  /// Gives everything back to DPDK; no worker polls any more.
  package func close() {
    stop()
    cdpdk_port_close(number)
    for queue in queues { cdpdk_queue_free(queue) }
    queues = []
    cdpdk_pool_free(pool)
  }

  package func statistics() -> PortStatistics {
    var stats = cdpdk_port_stats()
    guard cdpdk_port_stats(number, &stats) == 0 else { return PortStatistics() }
    var out = PortStatistics()
    out.packets = stats.packets
    out.bytes = stats.bytes
    out.missed = stats.missed
    out.errors = stats.errors
    out.noBuffer = stats.no_mbuf
    return out
  }

  package func extendedStatistics() -> [(name: String, value: UInt64)] {
    let count = Int(cdpdk_port_xstats(number, nil, 0))
    guard count > 0 else { return [] }
    var found = [cdpdk_xstat](repeating: cdpdk_xstat(), count: count)
    let told = Int(cdpdk_port_xstats(number, &found, UInt32(count)))
    return (0..<max(0, min(told, count))).map { (Self.text(&found[$0].name), found[$0].value) }
  }

  package func packetBuffers() -> PacketBuffers? {
    PacketBuffers(size: bufferCount, inUse: bufferCount - Int(cdpdk_pool_available(pool)))
  }

  package func link() -> PortLink {
    var up = false
    var fullDuplex = false
    var speed: UInt32 = 0
    cdpdk_port_link(number, &up, &speed, &fullDuplex)
    return PortLink(isUp: up, speedMbps: Int(speed), isFullDuplex: fullDuplex)
  }

  package func progress() -> PlaybackProgress? { nil }

  // MARK: Text

  /// A C array of characters as it stands in an imported struct.
  private static func text<T>(_ characters: inout T) -> String {
    withUnsafeBytes(of: &characters) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private static func names(_ write: (UnsafeMutablePointer<CChar>, Int) -> Void) -> String {
    var buffer = [CChar](repeating: 0, count: 1024)
    buffer.withUnsafeMutableBufferPointer { write($0.baseAddress!, $0.count) }
    return ErrorBuffer.text(buffer)
  }
}
