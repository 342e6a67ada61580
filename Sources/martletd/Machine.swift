import Foundation
import Runtime

/// What the machine offers: cores to run on, hugepages to keep packets in.
enum Machine {
  /// CPUs this process may use, in order.
  static var availableCores: [Int] {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
    let cores = line.map { CPUList.parse($0.split(separator: ":")[1]) } ?? []
    return cores.isEmpty ? [0] : cores
  }

  /// NUMA node of a CPU, by sysfs; 0 where it does not say.
  static func numaNode(ofCore core: Int) -> Int {
    let folder = "/sys/devices/system/cpu/cpu\(core)"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { $0.hasPrefix("node") ? Int($0.dropFirst(4)) : nil }.first ?? 0
  }

  /// NUMA node of a PCI device, by sysfs; nil where it does not say.
  static func numaNode(ofPCI address: String) -> Int? {
    let full = address.split(separator: ":").count == 2 ? "0000:" + address : address
    let path = "/sys/bus/pci/devices/\(full)/numa_node"
    return (try? String(contentsOfFile: path, encoding: .utf8))
      .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      .flatMap { $0 >= 0 ? $0 : nil }
  }

  /// Free hugepages of all sizes, in bytes.
  static var freeHugepageBytes: Int {
    let base = "/sys/kernel/mm/hugepages"
    let sizes = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
    return sizes.reduce(0) { sum, name in
      guard let kilobytes = Int(name.dropFirst("hugepages-".count).dropLast(2)),
        let text = try? String(contentsOfFile: "\(base)/\(name)/free_hugepages", encoding: .utf8),
        let free = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
      else { return sum }
      return sum + free * kilobytes * 1024
    }
  }
}

/// Which core each worker gets.
struct CoreAssignment {
  var workers: [Int]
  /// nil: the main thread floats over what is left.
  var main: Int?
  /// What the operator ought to know, a sentence each.
  var notes: [String] = []

  /// Cores as configured, or chosen: those of the ports' NUMA node first, the lowest left for the main
  /// thread, never two workers on one and never the main core, unless sharing is allowed.
  init(
    workerCount: Int, configured: [Int]?, main: Int?, available: [Int], portNodes: Set<Int>,
    mayShare: Bool
  ) throws(CoreAssignmentError) {
    self.main = main
    if let configured {
      for core in configured where !available.contains(core) {
        throw CoreAssignmentError(
          "engine.cores: core \(core) is not there, or not for this process; there are "
            + available.map(String.init).joined(separator: ", "))
      }
      workers = configured
    } else {
      var free = available.filter { $0 != main }
      if main == nil && free.count > workerCount { free.removeFirst() }
      let near = free.filter { portNodes.contains(Machine.numaNode(ofCore: $0)) }
      let ordered = near + free.filter { !near.contains($0) }
      if ordered.count < workerCount {
        guard mayShare else {
          throw CoreAssignmentError(
            "engine.workers: \(workerCount) workers need \(workerCount) cores beside the main one,"
              + " there are \(ordered.count); lower engine.workers, or set engine.shareCores: true")
        }
        let all = available.isEmpty ? [0] : available
        workers = (0..<workerCount).map { all[$0 % all.count] }
      } else {
        workers = Array(ordered.prefix(workerCount))
      }
    }
    let doubled = Set(workers).count < workers.count
    let withMain = main.map { workers.contains($0) } ?? available.allSatisfy(workers.contains)
    if (doubled || withMain) && !mayShare {
      throw CoreAssignmentError(
        doubled
          ? "engine.cores: two workers on one core; name one core for each, or set"
            + " engine.shareCores: true"
          : "engine.cores: the workers leave no core for the main thread and the publisher; name"
            + " fewer, or set engine.shareCores: true")
    }
    if doubled { notes.append("too few cores: workers share \(Set(workers).sorted())") }
    if withMain {
      notes.append("too few cores: the main thread and the publisher share one with a worker")
    }
  }
}

struct CoreAssignmentError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
