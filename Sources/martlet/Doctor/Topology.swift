import Runtime

/// Which core and which device is on which NUMA node.
struct Topology {
  let host: HostFiles
  let nodes: [Int]
  let online: [Int]

  init(_ host: HostFiles) {
    self.host = host
    nodes = host.names("/sys/devices/system/node").compactMap {
      $0.hasPrefix("node") ? Int($0.dropFirst("node".count)) : nil
    }.sorted()
    online = CPUList.parse(host.text("/sys/devices/system/cpu/online") ?? "")
  }

  /// Nil where there are no nodes.
  func node(ofCore core: Int) -> Int? {
    nodes.first {
      CPUList.parse(host.text("/sys/devices/system/node/node\($0)/cpulist") ?? "").contains(core)
    }
  }

  /// Nil where the device does not say, as on hosts with one node.
  func node(ofDevice address: String) -> Int? {
    host.number("/sys/bus/pci/devices/\(address)/numa_node").flatMap { $0 >= 0 ? $0 : nil }
  }

  /// Cores of one node, in order.
  func cores(ofNode node: Int) -> [Int] {
    CPUList.parse(host.text("/sys/devices/system/node/node\(node)/cpulist") ?? "")
  }
}
