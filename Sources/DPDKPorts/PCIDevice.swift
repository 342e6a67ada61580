import Foundation
package import Ports

extension DPDKPort {
  /// Drivers whose devices DPDK can take; the Mellanox ones stay bound to the kernel's.
  private static let usableDrivers = [
    "vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core", "mlx5_core",
  ]

  /// `0000:03:00.0`, or without the domain.
  package static func isPCIAddress(_ device: String) -> Bool {
    let address = device.prefix { $0 != "," }
    let parts = address.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, let last = parts.last else { return false }
    let slot = last.split(separator: ".", omittingEmptySubsequences: false)
    return parts.dropLast().allSatisfy { $0.allSatisfy(\.isHexDigit) && !$0.isEmpty }
      && slot.count == 2 && slot.allSatisfy { $0.allSatisfy(\.isHexDigit) && !$0.isEmpty }
  }

  /// Says what is wrong with a PCI device before DPDK says less about it. `devices` is sysfs's folder.
  package static func checkPCI(
    _ options: DPDKPortOptions, devices: String = "/sys/bus/pci/devices"
  ) throws(PortError) {
    var address = String(options.device.prefix { $0 != "," })
    if address.split(separator: ":").count == 2 { address = "0000:" + address }
    let folder = "\(devices)/\(address)"
    guard FileManager.default.fileExists(atPath: folder) else {
      throw PortError(
        "port \(options.name): there is no PCI device \(address); `dpdk-devbind.py --status`"
          + " lists those there are", isConfiguration: true)
    }
    let driver = (try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/driver"))
      .map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    guard let driver else {
      throw PortError(
        "port \(options.name): PCI device \(address) is bound to no driver; bind it with"
          + " `dpdk-devbind.py --bind=vfio-pci \(address)`", isConfiguration: true)
    }
    guard usableDrivers.contains(driver) else {
      throw PortError(
        "port \(options.name): PCI device \(address) is bound to the kernel's \(driver); bind it"
          + " with `dpdk-devbind.py --bind=vfio-pci \(address)`", isConfiguration: true)
    }
  }
}
