import Configuration
import Foundation
import Testing

@testable import martlet

/// `martlet doctor` over hosts that differ from a good one in one thing.
struct DoctorTests {
  @Test func aGoodHostIsWell() throws {
    let tree = try HostTree()
    let findings = try tree.doctor().examine()
    #expect(findings.troubles == [])
    #expect(findings.count > 20)
    #expect(DoctorReport(findings: findings).exitStatus == 0)
    #expect(findings.allSatisfy { $0.mend.isEmpty && !$0.needsReboot })
  }

  /// What is changed, and what is then not well.
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var yaml = HostTree.sensor
    var change: @Sendable (HostTree) throws -> Void
    var troubles: [String]
    var testDescription: String { name }

    init(
      _ name: String, yaml: String = HostTree.sensor, _ troubles: [String],
      _ change: @escaping @Sendable (HostTree) throws -> Void = { _ in }
    ) {
      self.name = name
      self.yaml = yaml
      self.change = change
      self.troubles = troubles
    }
  }

  static let cpu = "/sys/devices/system/cpu"

  static let cases = [
    Case("no hugepages", ["hugepages: failure", "hugepages by node: warning"]) {
      try $0.hugepages("/sys/kernel/mm/hugepages", total: 0, free: 0)
      for node in 0...1 {
        try $0.hugepages("/sys/devices/system/node/node\(node)/hugepages", total: 0, free: 0)
      }
    },
    Case("hugepages for packets alone", ["hugepages: warning"]) {
      try $0.hugepages("/sys/kernel/mm/hugepages", total: 100, free: 100)
    },
    Case("hugepages that another has", ["hugepages: advice"]) {
      try $0.hugepages("/sys/kernel/mm/hugepages", total: 4096, free: 3)
    },
    Case("hugepages on the other node", ["hugepages by node: warning"]) {
      try $0.hugepages("/sys/devices/system/node/node1/hugepages", total: 0, free: 0)
    },
    Case(
      "tables of many gigabytes",
      yaml: HostTree.sensor + "\nflows: { capacity: 33554432 }",
      ["hugepages: warning", "pages of 1 GiB: advice"]),
    Case(
      "a NIC, and ordinary memory",
      yaml: HostTree.sensor.replacing("mainCore", with: "noHugepages: true, mainCore"),
      ["hugepages: failure"]),
    Case("transparent hugepages everywhere", ["transparent hugepages: advice"]) {
      try $0.write("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
    },
    Case("swap", ["swap: advice"]) {
      try $0.write(
        "/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 999 0 -2")
    },
    Case("swap for the worst", []) {
      try $0.write(
        "/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 999 0 -2")
      try $0.write("/proc/sys/vm/swappiness", "1")
    },
    Case("little may be locked", ["locked memory: advice"]) {
      try $0.write("/proc/self/limits", "Max locked memory  65536  65536  bytes")
    },
    Case("little memory", ["ordinary memory: warning"]) {
      try $0.write("/proc/meminfo", "MemAvailable: 1024 kB")
    },
    Case(
      "nothing isolated", ["isolcpus: warning", "nohz_full: advice", "rcu_nocbs: advice"]
    ) {
      try $0.write("/proc/cmdline", "root=/dev/sda1")
      try $0.write("\(cpu)/isolated", "")
      try $0.write("\(cpu)/nohz_full", "(null)")
    },
    Case("a kernel that knows no nohz_full", []) { try $0.remove("\(cpu)/nohz_full") },
    Case(
      "one core not isolated",
      yaml: HostTree.sensor.replacing("[4, 5]", with: "[4, 7]"),
      ["isolcpus: warning", "nohz_full: advice", "rcu_nocbs: advice"]),
    Case(
      "no such core", yaml: HostTree.sensor.replacing("[4, 5]", with: "[4, 9]"),
      [
        "worker cores: failure", "isolcpus: warning", "nohz_full: advice", "rcu_nocbs: advice",
        "NUMA node: warning",
      ]),
    Case(
      "no cores named", yaml: HostTree.sensor.replacing("cores: [4, 5], mainCore: 0", with: ""),
      ["worker cores: advice"]),
    Case("cores that save power", ["governor: warning"]) {
      try $0.write("\(cpu)/cpu5/cpufreq/scaling_governor", "powersave")
    },
    Case("power saved elsewhere", []) {
      try $0.write("\(cpu)/cpu1/cpufreq/scaling_governor", "powersave")
    },
    Case("a virtual machine without governor", []) { tree in
      for core in 0...7 { try tree.remove("\(cpu)/cpu\(core)/cpufreq") }
    },
    Case("two workers on one core", ["SMT siblings: warning"]) {
      try $0.write("\(cpu)/cpu4/topology/thread_siblings_list", "4-5")
      try $0.write("\(cpu)/cpu5/topology/thread_siblings_list", "4-5")
    },
    Case("a second thread on a worker's core", ["SMT siblings: advice"]) {
      try $0.write("\(cpu)/cpu4/topology/thread_siblings_list", "4,7")
    },
    Case("an interrupt on a worker's core", ["interrupts: warning"]) {
      try $0.write("/proc/irq/24/smp_affinity_list", "0-7")
    },
    Case("an interrupt that nobody has", []) { try $0.write("/proc/irq/9/smp_affinity_list", "4") },
    Case("an unsteady counter", ["clock source: warning"]) {
      try $0.write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")
    },
    Case("an old processor", ["time stamp counter: warning", "instruction set: failure"]) {
      try $0.write("/proc/cpuinfo", "flags : fpu tsc constant_tsc")
    },
    Case("no such device", ["device: failure"]) {
      try $0.remove("/sys/bus/pci/devices/0000:81:00.0")
    },
    Case("a device of the kernel's", ["driver: failure"]) {
      try $0.device("0000:81:00.0", driver: "ixgbe", node: 1, group: 12)
    },
    Case("a device of nobody's", ["driver: failure"]) {
      try $0.remove("/sys/bus/pci/devices/0000:81:00.0/driver")
    },
    Case("a device of uio's", ["driver: advice"]) {
      try $0.device("0000:81:00.0", driver: "igb_uio", node: 1, group: 12)
    },
    Case("NVIDIA's needs neither vfio nor IOMMU", []) {
      try $0.device("0000:81:00.0", driver: "mlx5_core", node: 1, group: nil)
      try $0.remove("/sys/kernel/iommu_groups")
      try $0.remove("/sys/bus/pci/drivers/vfio-pci")
    },
    Case("workers on the other socket", ["NUMA node: warning"]) {
      try $0.device("0000:81:00.0", driver: "vfio-pci", node: 0, group: 12)
    },
    Case("a device of no node", []) {
      try $0.device("0000:81:00.0", driver: "vfio-pci", node: -1, group: 12)
    },
    Case("half of the lanes", ["PCIe lanes: warning"]) {
      try $0.write("/sys/bus/pci/devices/0000:81:00.0/current_link_width", "4")
    },
    Case(
      "a short ring", yaml: HostTree.sensor.replacing("4096", with: "1024"), ["ring: advice"]),
    Case("no vfio-pci", ["vfio-pci: failure"]) { try $0.remove("/sys/bus/pci/drivers/vfio-pci") },
    Case("no IOMMU", ["IOMMU: failure"]) { try $0.remove("/sys/kernel/iommu_groups") },
    Case("no IOMMU, and vfio does without", ["IOMMU: advice"]) {
      try $0.remove("/sys/kernel/iommu_groups")
      try $0.write("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y")
    },
    Case("a group that is shared", ["IOMMU: failure"]) {
      try $0.device("0000:81:00.1", driver: "ixgbe", node: 1, group: 12)
    },
    Case("a group of bridges", []) {
      try $0.device("0000:80:01.0", driver: "pcieport", node: 1, group: 12)
    },
    Case("no overcommit", ["overcommit: advice"]) {
      try $0.write("/proc/sys/vm/overcommit_memory", "0")
    },
    Case(
      "Redis elsewhere",
      yaml: HostTree.sensor.replacing("127.0.0.1", with: "192.0.2.1"), []
    ) {
      try $0.write("/proc/sys/vm/overcommit_memory", "0")
    },
    Case(
      "a port without a device", yaml: HostTree.sensor.replacing("81:00.0", with: "net_tap0"),
      ["isolcpus: advice", "nohz_full: advice", "rcu_nocbs: advice"]
    ) {
      try $0.write("\(cpu)/isolated", "")
      try $0.write("\(cpu)/nohz_full", "")
      try $0.write("/proc/cmdline", "")
    },
  ]

  @Test(arguments: cases)
  func whatIsNotWellIsFound(_ one: Case) throws {
    let tree = try HostTree()
    try one.change(tree)
    let findings = try tree.doctor(one.yaml).examine()
    #expect(findings.troubles == one.troubles)
    for finding in findings where finding.state > .ok {
      #expect(!finding.mend.isEmpty, "\(finding.check) says what mends it")
      #expect(!finding.why.hasSuffix(".") && !finding.found.hasSuffix("."), "\(finding.check)")
    }
  }

  @Test func everyCoreAWorkersCore() throws {
    let tree = try HostTree()
    let findings = try tree.doctor(nil, cores: Array(0...7)).examine()
    #expect(findings.named("spare cores")?.state == .advice)
    #expect(findings.named("isolcpus") == nil)
    // There is nowhere else for them to go.
    #expect(findings.named("interrupts")?.state == .ok)
  }

  @Test func anEmptyHostEndsNothing() throws {
    let root = NSTemporaryDirectory() + "martlet-no-host-\(UUID().uuidString)"
    let doctor = Doctor(host: HostFiles(root: root), subject: DoctorSubject())
    #expect(doctor.examine().named("hugepages")?.state == .warning)
  }

  @Test(arguments: [
    (1 << 30, "allkeys-lru", "warning"), (0, "volatile-lru", "advice"), (0, "noeviction", "ok"),
  ])
  func redisMustNotEvict(maxMemory: Int, policy: String, state: String) throws {
    let redis = RedisChecks(ask: { _ in
      RedisFacts(version: "7", maxMemoryBytes: maxMemory, policy: policy)
    })
    let tree = try HostTree()
    let findings = try tree.doctor(redis: redis).examine()
    #expect(findings.named("maxmemory-policy")?.state.rawValue == state)
  }

  @Test func redisThatIsAway() throws {
    struct Away: Error {}
    let redis = RedisChecks(ask: { _ in throw Away() })
    let tree = try HostTree()
    #expect(try tree.doctor(redis: redis).examine().troubles == ["server: warning"])
    let strict = HostTree.sensor.replacing("type: redis", with: "type: redis, requireAtStart: true")
    #expect(try tree.doctor(strict, redis: redis).examine().troubles == ["server: failure"])
  }

  @Test func anErrorInTheConfigurationIsAFinding() {
    let result = SettingsLoader.load(text: "sensor: s\nports: 5\n", file: "t.yaml")
    let findings = Doctor.findings(of: result, path: "t.yaml")
    #expect(!findings.isEmpty && findings.allSatisfy { $0.state == .failure })
    #expect(DoctorReport(findings: findings).exitStatus == 2)
  }

  @Test func addressesOfDevices() {
    #expect(DoctorSubject.pciAddress("81:00.0") == "0000:81:00.0")
    #expect(DoctorSubject.pciAddress("0000:81:00.0,mprq_en=1") == "0000:81:00.0")
    #expect(DoctorSubject.pciAddress("0000:3B:00.1") == "0000:3b:00.1")
    #expect(DoctorSubject.pciAddress("net_af_packet0,iface=eth1") == nil)
  }
}
