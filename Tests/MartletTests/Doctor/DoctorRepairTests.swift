import Foundation
import Testing

@testable import martlet

/// `--fix`, the report, and its page in docs/.
struct DoctorRepairTests {
  private func ill() throws -> HostTree {
    let tree = try HostTree()
    try tree.hugepages("/sys/kernel/mm/hugepages", total: 0, free: 0)
    try tree.write("/sys/devices/system/cpu/cpu4/cpufreq/scaling_governor", "powersave")
    try tree.write("/proc/irq/24/smp_affinity_list", "0-7")
    try tree.remove("/sys/bus/pci/drivers/vfio-pci")
    try tree.write("/sys/devices/system/cpu/isolated", "")
    return tree
  }

  @Test func nothingIsChangedUnlessAsked() throws {
    let tree = try ill()
    let before = try everything(below: tree.root)
    _ = try tree.doctor().examine()
    #expect(try everything(below: tree.root) == before)
  }

  private func everything(below root: String) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
      found[path] = FileManager.default.contents(atPath: "\(root)/\(path)") ?? Data()
    }
    return found
  }

  @Test func whatIsSafeIsMended() throws {
    let tree = try ill()
    let findings = try tree.doctor().examine()
    var modules: [String] = []
    let repairs = Doctor.repair(findings, tree.files) { name in
      modules.append(name)
      return "there is none"
    }
    #expect(modules == ["vfio-pci"])
    #expect(repairs.filter { $0.error != nil }.map(\.command) == ["modprobe vfio-pci"])
    let pages = try #require(tree.files.number("/proc/sys/vm/nr_hugepages"))
    // Packets and tables of two workers with 262,144 flows each.
    #expect((150...300).contains(pages))
    let governor = "/sys/devices/system/cpu/cpu4/cpufreq/scaling_governor"
    #expect(tree.files.text(governor) == "performance")
    #expect(tree.files.text("/proc/irq/24/smp_affinity_list") == "0-3,6-7")
    #expect(
      try tree.doctor().examine().troubles == [
        "hugepages: failure", "isolcpus: warning", "vfio-pci: failure",
      ])
  }

  @Test func whatCannotBeWrittenIsSaid() throws {
    let tree = try HostTree()
    let finding = Finding(
      area: .cores, check: "x", state: .warning, found: "", why: "",
      fix: [.write("1", to: "/proc/nowhere")])
    let repairs = Doctor.repair([finding], tree.files) { _ in nil }
    #expect(repairs.map(\.error) == ["/proc/nowhere: No such file or directory"])
    #expect(repairs.map(\.command) == ["echo 1 > /proc/nowhere"])
  }

  @Test func theReportSaysStateAndRemedy() throws {
    let tree = try ill()
    let report = DoctorReport(findings: try tree.doctor().examine())
    let lines = DoctorView(report: report).lines(width: 100, style: noStyle)
    let text = lines.joined(separator: "\n")
    #expect(text.contains("failure  hugepages"))
    #expect(text.contains("> /proc/sys/vm/nr_hugepages"))
    #expect(text.contains("isolcpus=managed_irq,domain,4-5   # on the kernel's command line"))
    #expect(text.contains("It takes a reboot."))
    #expect(lines.last?.hasPrefix("2 failure, 3 warning, ") == true, "\(lines.last ?? "")")
    #expect(lines.last?.contains("`martlet doctor --fix` mends 4 of them") == true)
    // What is well is one line.
    #expect(lines.contains { $0.hasPrefix("  ok ") && $0.contains("clock source") })
    #expect(!text.contains("Where the kernel keeps time"))
  }

  @Test func jsonHasWhatTheTextHas() throws {
    let tree = try ill()
    let report = DoctorReport(findings: try tree.doctor().examine())
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    let findings = try #require((object as? [String: Any])?["findings"] as? [[String: Any]])
    #expect(findings.count == report.findings.count)
    let pages = try #require(findings.first { $0["check"] as? String == "hugepages" })
    #expect(pages["state"] as? String == "failure" && pages["isFixable"] as? Bool == true)
    #expect(pages["area"] as? String == "memory" && (pages["mend"] as? [String])?.count == 2)
  }

  @Test func wordsAreKeptWhole() {
    #expect(DoctorView.wrapped("a bb ccc dddd", to: 6) == ["a bb", "ccc", "dddd"])
    #expect(DoctorView.wrapped("abcdefgh i", to: 3) == ["abcdefgh", "i"])
    #expect(DoctorView.wrapped("", to: 3) == [""])
  }

  /// Every check that any test's host brings out has its heading in docs/tuning.md.
  @Test func everyCheckIsExplained() throws {
    let page = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../docs/tuning.md"), encoding: .utf8)
    let headings = Set(
      page.split(separator: "\n").filter { $0.hasPrefix("### ") }
        .flatMap { $0.dropFirst(4).split(separator: ", ").map(String.init) })
    var checks: Set<String> = []
    for one in DoctorTests.cases {
      let tree = try HostTree()
      try one.change(tree)
      checks.formUnion(try tree.doctor(one.yaml).examine().map(\.check))
    }
    let tree = try HostTree()
    checks.formUnion(try tree.doctor(nil, cores: Array(0...7)).examine().map(\.check))
    #expect(checks.subtracting(headings) == [], "without a heading in docs/tuning.md")
    #expect(checks.count > 20)
  }
}
