import Configuration
import Foundation
import Testing

@testable import martlet

/// A host's /proc and /sys in a folder of their own, as the checks read them.
final class HostTree {
  let root: String
  var files: HostFiles { HostFiles(root: root) }

  /// A host as a capture host should be: two sockets of four cores, cores 4 to 6 isolated, a NIC on
  /// the second socket.
  init() throws {
    root = NSTemporaryDirectory() + "martlet-host-\(UUID().uuidString)"
    try write(
      "/proc/cmdline",
      "root=/dev/sda1 isolcpus=managed_irq,domain,4-6 nohz_full=4-6 rcu_nocbs=4-6 iommu=pt")
    try write("/proc/cpuinfo", "processor : 0\nflags : fpu tsc sse4_2 constant_tsc nonstop_tsc\n")
    try write("/proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n")
    try write("/proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw 0 0\n")
    try write("/proc/swaps", "Filename Type Size Used Priority\n")
    try write("/proc/self/limits", "Max locked memory  unlimited  unlimited  bytes\n")
    try write("/proc/interrupts", "  CPU0 CPU1\n 24: 7 0 IO-APIC 5-edge ahci\n 25: 0 9 PCI eth0\n")
    try write("/proc/irq/24/smp_affinity_list", "0-3")
    try write("/proc/irq/25/smp_affinity_list", "0-7")
    try write("/proc/irq/25/effective_affinity_list", "1")
    try write("/proc/sys/kernel/sched_rt_runtime_us", "950000")
    try write("/proc/sys/vm/overcommit_memory", "1")
    try write("/proc/sys/vm/swappiness", "60")
    try write("/proc/sys/vm/nr_hugepages", "4096")
    try write("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")
    try hugepages("/sys/kernel/mm/hugepages", total: 4096, free: 4096)
    for node in 0...1 {
      try write("/sys/devices/system/node/node\(node)/cpulist", node == 0 ? "0-3" : "4-7")
      try hugepages("/sys/devices/system/node/node\(node)/hugepages", total: 2048, free: 2048)
    }
    try write("/sys/devices/system/cpu/online", "0-7")
    try write("/sys/devices/system/cpu/isolated", "4-6")
    try write("/sys/devices/system/cpu/nohz_full", "4-6")
    for core in 0...7 {
      try write("/sys/devices/system/cpu/cpu\(core)/cpufreq/scaling_governor", "performance")
      try write("/sys/devices/system/cpu/cpu\(core)/topology/thread_siblings_list", "\(core)")
    }
    try write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc")
    try write("/sys/bus/pci/drivers/vfio-pci/bind", "")
    try device("0000:81:00.0", driver: "vfio-pci", node: 1, group: 12)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  func write(_ path: String, _ text: String) throws {
    let url = URL(fileURLWithPath: root + path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data((text + "\n").utf8).write(to: url)
  }

  func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: root + path) }

  func link(_ path: String, to target: String) throws {
    let url = URL(fileURLWithPath: root + path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? FileManager.default.removeItem(atPath: root + path)
    try FileManager.default.createSymbolicLink(
      atPath: root + path, withDestinationPath: "../../../" + target)
  }

  func hugepages(_ folder: String, total: Int, free: Int) throws {
    try write("\(folder)/hugepages-2048kB/nr_hugepages", "\(total)")
    try write("\(folder)/hugepages-2048kB/free_hugepages", "\(free)")
  }

  func device(_ address: String, driver: String?, node: Int, group: Int?) throws {
    let folder = "/sys/bus/pci/devices/\(address)"
    try write("\(folder)/numa_node", "\(node)")
    try write("\(folder)/current_link_width", "8")
    try write("\(folder)/max_link_width", "8")
    if let driver { try link("\(folder)/driver", to: "bus/pci/drivers/\(driver)") }
    if let group {
      try link("\(folder)/iommu_group", to: "kernel/iommu_groups/\(group)")
      try write("/sys/kernel/iommu_groups/\(group)/devices/\(address)", "")
    }
  }

  // MARK: Looking it over

  static let sensor = """
    sensor: s
    engine: { workers: 2, cores: [4, 5], mainCore: 0 }
    ports: [{ name: up, device: "81:00.0", rxDescriptors: 4096 }]
    sinks: [{ type: redis, url: "redis://127.0.0.1:6379/0" }]
    """

  static let wellRedis = RedisChecks(ask: { _ in
    RedisFacts(version: "7.0.15", maxMemoryBytes: 1 << 30, policy: "noeviction")
  })

  func doctor(
    _ yaml: String? = sensor, cores: [Int]? = nil, redis: RedisChecks = wellRedis
  ) throws -> Doctor {
    let settings = try yaml.map {
      let result = SettingsLoader.load(text: $0, file: "t.yaml")
      return try #require(result.settings, "\(result.problems)")
    }
    return Doctor(
      host: files, subject: DoctorSubject(settings: settings, workerCores: cores), redis: redis)
  }
}

extension [Finding] {
  /// What is not well, as `check: state`.
  var troubles: [String] { filter { $0.state > .ok }.map { "\($0.check): \($0.state.rawValue)" } }

  func named(_ check: String) -> Finding? { first { $0.check == check } }
}
