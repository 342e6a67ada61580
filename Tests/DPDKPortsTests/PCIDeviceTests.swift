import DPDKPorts
import Foundation
import Ports
import Testing

/// What is said of a PCI device, from a made-up sysfs.
@Suite struct PCIDeviceTests {
  private func say(_ device: String, driver: String?, exists: Bool = true) throws -> String? {
    let sysfs = FileManager.default.temporaryDirectory
      .appendingPathComponent("martlet-sysfs-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: sysfs) }
    let folder = sysfs.appendingPathComponent("0000:03:00.0")
    if exists {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    if let driver {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path + "/driver",
        withDestinationPath: "../../../../bus/pci/drivers/\(driver)")
    }
    do throws(PortError) {
      try DPDKPort.checkPCI(
        DPDKPortOptions(name: "p0", device: device, index: 0, queues: 1), devices: sysfs.path)
      return nil
    } catch {
      #expect(error.isConfiguration)
      return error.description
    }
  }

  @Test func aDeviceForDPDKIsTaken() throws {
    #expect(try say("0000:03:00.0", driver: "vfio-pci") == nil)
    #expect(try say("03:00.0,arg=1", driver: "mlx5_core") == nil)
  }

  @Test func oneBoundToTheKernelIsNamedWithItsDriver() throws {
    #expect(
      try say("0000:03:00.0", driver: "ixgbe")
        == "port p0: PCI device 0000:03:00.0 is bound to the kernel's ixgbe; bind it with"
        + " `dpdk-devbind.py --bind=vfio-pci 0000:03:00.0`")
  }

  @Test func oneThatIsNotThereOrUnbound() throws {
    #expect(
      try say("0000:03:00.0", driver: nil, exists: false)
        == "port p0: there is no PCI device 0000:03:00.0; `dpdk-devbind.py --status` lists those"
        + " there are")
    #expect(try say("0000:03:00.0", driver: nil)?.contains("bound to no driver") == true)
  }

  @Test(arguments: [
    ("0000:03:00.0", true), ("03:00.0", true), ("0000:03:00.0,representor=1", true),
    ("net_pcap0,rx_pcap=a:b", false), ("net_ring0", false), ("", false), ("eth0", false),
  ])
  func addressesAreToldFromVirtualDevices(_ device: String, isPCI: Bool) {
    #expect(DPDKPort.isPCIAddress(device) == isPCI)
  }
}
