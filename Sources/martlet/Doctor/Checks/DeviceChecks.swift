import Runtime

/// The ports' PCI devices: there, bound to a driver that DPDK can use, near the workers.
enum DeviceChecks {
  /// Drivers whose devices DPDK can take, those of NVIDIA while the kernel keeps them, too.
  static let bifurcated: Set<String> = ["mlx4_core", "mlx5_core"]
  static let vfio = "vfio-pci"
  static let uio: Set<String> = ["uio_pci_generic", "igb_uio"]

  static func check(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    guard subject.hasDevices else {
      return [
        Finding(
          area: .ports, check: "devices", state: .ok,
          found: subject.settings == nil
            ? "not looked at without a configuration" : "no port is on a PCI device",
          why: "Only PCI devices need a driver of their own, an IOMMU and a near NUMA node")
      ]
    }
    let present = subject.devices.filter { host.exists(folder($0)) }
    var findings: [Finding] = []
    for device in subject.devices {
      guard present.contains(device) else {
        findings.append(absent(device))
        continue
      }
      findings.append(driver(host, device))
      findings += distance(host, device, subject)
      findings += width(host, device)
      findings.append(ring(device, subject))
    }
    if present.contains(where: { !bifurcated.contains(name(host, $0) ?? "") }) {
      findings += [module(host), translation(host, present)]
    }
    return findings
  }

  private static func folder(_ device: DoctorSubject.Device) -> String {
    "/sys/bus/pci/devices/\(device.address)"
  }

  private static func name(_ host: HostFiles, _ device: DoctorSubject.Device) -> String? {
    host.linkedName(folder(device) + "/driver")
  }

  private static func absent(_ device: DoctorSubject.Device) -> Finding {
    Finding(
      area: .ports, check: "device", state: .failure,
      found: "port \(device.port): there is no \(device.address)",
      why: "The engine does not start without it",
      mend: ["dpdk-devbind.py --status   # lists those there are"])
  }

  private static func driver(_ host: HostFiles, _ device: DoctorSubject.Device) -> Finding {
    let name = name(host, device)
    var finding = Finding(
      area: .ports, check: "driver", state: .ok,
      found: "port \(device.port): \(device.address) is bound to \(name ?? "no driver")",
      why: "DPDK drives the device itself: the kernel has to let go of it first")
    switch name {
    case vfio: break
    case .some(let name) where bifurcated.contains(name): break
    case .some(let name) where uio.contains(name):
      finding.state = .advice
      finding.why = "Without an IOMMU's check the device may write anywhere in memory"
    default: finding.state = .failure
    }
    if finding.state != .ok {
      finding.mend = ["dpdk-devbind.py --bind=vfio-pci \(device.address)"]
      if let netdev = host.names(folder(device) + "/net").first {
        // Not for --fix: it may be the very interface that the operator is logged in through.
        finding.found += " (\(netdev))"
      }
    }
    return finding
  }

  private static func distance(
    _ host: HostFiles, _ device: DoctorSubject.Device, _ subject: DoctorSubject
  ) -> [Finding] {
    let topology = Topology(host)
    guard topology.nodes.count > 1, let node = topology.node(ofDevice: device.address) else {
      return []
    }
    let far = subject.workerCores.filter { topology.node(ofCore: $0) != node }
    let near = topology.cores(ofNode: node)
    return [
      Finding(
        area: .ports, check: "NUMA node", state: far.isEmpty ? .ok : .warning,
        found: "port \(device.port) is on node \(node)"
          + (far.isEmpty ? "" : ", workers' cores \(CPUList.text(far)) are not"),
        why:
          "Packets then cross between the sockets, and no longer come by way of the cache: a third of"
          + " the speed goes",
        mend: far.isEmpty ? [] : ["engine.cores from \(CPUList.text(near))"])
    ]
  }

  /// A card in a slot of fewer lanes cannot bring its packets in.
  private static func width(_ host: HostFiles, _ device: DoctorSubject.Device) -> [Finding] {
    guard let now = host.number(folder(device) + "/current_link_width"),
      let most = host.number(folder(device) + "/max_link_width"), now > 0
    else { return [] }
    return [
      Finding(
        area: .ports, check: "PCIe lanes", state: now < most ? .warning : .ok,
        found: "port \(device.port): \(now) of \(most)",
        why:
          "64-byte packets cost twice their size on PCIe: with half of the lanes the card drops them",
        mend: now < most ? ["a slot with \(most) lanes"] : [])
    ]
  }

  private static func ring(_ device: DoctorSubject.Device, _ subject: DoctorSubject) -> Finding {
    let microseconds =
      SleepBound.coverNanoseconds(slots: device.descriptors, linkMbps: 10_000) / 1000
    let isShort = device.descriptors < 4096
    return Finding(
      area: .ports, check: "ring", state: isShort ? .advice : .ok,
      found:
        "port \(device.port): \(device.descriptors) descriptors a queue, \(microseconds) µs of the"
        + " smallest frames at 10 GbE",
      why:
        "Whatever takes a worker's core for longer loses packets; most NICs take 4,096 (Intel's) or"
        + " 8,192 (NVIDIA's), and the start says where a driver gives less",
      mend: isShort ? ["ports[].rxDescriptors: 4096"] : [])
  }

  private static func module(_ host: HostFiles) -> Finding {
    let isThere =
      host.exists("/sys/bus/pci/drivers/vfio-pci") || host.exists("/sys/module/vfio_pci")
    return Finding(
      area: .ports, check: "vfio-pci", state: isThere ? .ok : .failure,
      found: isThere ? "loaded" : "not loaded",
      why: "Devices are bound to it so that DPDK can drive them",
      mend: isThere
        ? []
        : ["modprobe vfio-pci", "echo vfio-pci > /etc/modules-load.d/martlet.conf   # for good"],
      fix: isThere ? [] : [.loadModule("vfio-pci")])
  }

  private static func translation(
    _ host: HostFiles, _ devices: [DoctorSubject.Device]
  ) -> Finding {
    var finding = Finding(
      area: .ports, check: "IOMMU", state: .ok, found: "on",
      why: "vfio-pci takes a device only where an IOMMU keeps its DMA to Martlet's memory")
    guard !host.names("/sys/kernel/iommu_groups").isEmpty else {
      let unsafe = host.text("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
      if ["Y", "1"].contains(unsafe) {
        finding.state = .advice
        finding.found = "off; vfio does without (enable_unsafe_noiommu_mode)"
      } else {
        finding.state = .failure
        finding.found = "off"
      }
      finding.mend = [
        "intel_iommu=on iommu=pt   # on the kernel's command line; AMD's needs iommu=pt only",
        "switch VT-d or AMD-Vi on in the firmware",
      ]
      finding.needsReboot = true
      return finding
    }
    // A group is passed as a whole: nothing in it may stay with the kernel.
    for device in devices {
      guard let group = host.linkedName(folder(device) + "/iommu_group") else { continue }
      let others = host.names("/sys/kernel/iommu_groups/\(group)/devices").filter { other in
        let driver = host.linkedName("/sys/bus/pci/devices/\(other)/driver")
        return other != device.address && driver != nil && driver != vfio && driver != "pcieport"
      }
      if !others.isEmpty {
        finding.state = .failure
        finding.found =
          "\(device.address) shares group \(group) with \(others.joined(separator: ", ")), which the"
          + " kernel drives"
        finding.mend = ["another slot, or bind \(others.joined(separator: " ")) to vfio-pci, too"]
      }
    }
    return finding
  }
}
