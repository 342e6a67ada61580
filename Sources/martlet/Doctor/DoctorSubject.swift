import Configuration
import Foundation
import Runtime

/// What the host is looked at for: a configuration, or a capture host in general.
struct DoctorSubject: Sendable {
  /// A port on a PCI device.
  struct Device: Sendable, Equatable {
    var port: String
    /// With its domain: `0000:03:00.0`.
    var address: String
    var descriptors: Int
  }

  var settings: Settings?
  /// Named by the configuration or on the command line; empty where neither does.
  var workerCores: [Int] = []
  var devices: [Device] = []

  init(settings: Settings? = nil, workerCores: [Int]? = nil) {
    self.settings = settings
    self.workerCores = workerCores ?? settings?.engine.cores ?? []
    devices = (settings?.ports ?? []).compactMap { port in
      guard let device = port.device, let address = Self.pciAddress(device) else { return nil }
      return Device(port: port.name, address: address, descriptors: port.rxDescriptors)
    }
  }

  /// Of `03:00.0` or `0000:03:00.0,option=1`; nil of a vdev.
  static func pciAddress(_ device: String) -> String? {
    let address = device.prefix { $0 != "," }.lowercased()
    guard let match = address.wholeMatch(of: /(?:([0-9a-f]{4,}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/)
    else { return nil }
    return "\(match.1 ?? "0000"):\(match.2)"
  }

  /// Whether packets come by DMA from a real device: where they do, what costs speed costs packets.
  var hasDevices: Bool { !devices.isEmpty }

  /// For what costs packets with a NIC, and is a matter of taste without.
  var weight: Finding.State { hasDevices ? .warning : .advice }

  /// Bytes of hugepages that a start wants: packet buffers, without which there is none, and tables.
  var hugepageBytes: (packets: Int, tables: Int)? {
    guard let settings, !settings.engine.noHugepages else { return nil }
    let budget = MemoryBudget(settings)
    let outside = budget.bytes(of: "sink queues")
    let packets: Int
    if let megabytes = settings.engine.memoryMegabytes {
      packets = megabytes << 20
    } else {
      packets = max(64 << 20, budget.packetBufferBytes / 4 * 5) + (64 << 20)
    }
    return (packets, budget.totalBytes - budget.packetBufferBytes - outside)
  }
}

/// Bytes as people read them.
func mebibytes(_ bytes: Int) -> String {
  bytes >= 10 << 30 ? "\(bytes >> 30) GiB" : "\((bytes + (1 << 20) - 1) >> 20) MiB"
}
