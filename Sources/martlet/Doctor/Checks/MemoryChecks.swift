import Configuration

/// Ordinary memory: transparent hugepages, swap, what may be locked, what is there.
enum MemoryChecks {
  static func check(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    [transparent(host, subject), swap(host, subject), locked(host, subject)]
      + available(host, subject)
  }

  private static func transparent(_ host: HostFiles, _ subject: DoctorSubject) -> Finding {
    let path = "/sys/kernel/mm/transparent_hugepage/enabled"
    var finding = Finding(
      area: .memory, check: "transparent hugepages", state: .ok,
      found: "the kernel has none",
      why: "With `always` khugepaged moves memory of every program about, and Redis stalls when it"
        + " forks; Martlet asks for them where it wants them, for which `madvise` is enough")
    guard let choice = host.choice(path) else { return finding }
    finding.found = "set to \(choice)"
    let withoutReserved = subject.settings?.engine.noHugepages == true
    if choice == "always" || (choice == "never" && withoutReserved) {
      finding.state = .advice
      finding.mend = ["echo madvise > \(path)"]
      finding.fix = [.write("madvise", to: path)]
    }
    return finding
  }

  private static func swap(_ host: HostFiles, _ subject: DoctorSubject) -> Finding {
    let devices = (host.text("/proc/swaps") ?? "").split(separator: "\n").dropFirst()
      .compactMap { $0.split(whereSeparator: \.isWhitespace).first.map(String.init) }
    let swappiness = host.number("/proc/sys/vm/swappiness")
    var finding = Finding(
      area: .memory, check: "swap", state: .ok, found: "none is in use",
      why: "Hugepages are never swapped, but the publisher, Redis and tables in ordinary pages are:"
        + " a page that has to come back from disk holds records up for milliseconds")
    guard !devices.isEmpty else { return finding }
    finding.found = "\(devices.joined(separator: ", "))"
    if let swappiness { finding.found += ", swappiness \(swappiness)" }
    if swappiness ?? 60 > 10 {
      finding.state =
        subject.settings?.engine.noHugepages == true ? subject.weight : .advice
      finding.mend = [
        "swapoff -a   # or, to keep it for the worst:",
        "echo 1 > /proc/sys/vm/swappiness",
      ]
      // Keeping swap and using it last is what can be done without asking whether there is room.
      finding.fix = [.write("1", to: "/proc/sys/vm/swappiness")]
    }
    return finding
  }

  /// vfio pins every hugepage it maps for DMA against the limit of whoever is not root.
  private static func locked(_ host: HostFiles, _ subject: DoctorSubject) -> Finding {
    let line = (host.text("/proc/self/limits") ?? "").split(separator: "\n")
      .first { $0.hasPrefix("Max locked memory") }
    let soft = line?.dropFirst("Max locked memory".count)
      .split(whereSeparator: \.isWhitespace).first
    let limit = soft.flatMap { Int($0) }
    var finding = Finding(
      area: .memory, check: "locked memory", state: .ok,
      found: limit.map { "\(mebibytes($0)) may be locked by a process of this shell" }
        ?? "without limit",
      why:
        "vfio counts memory for DMA against this limit, unless root maps it; the systemd unit lifts"
        + " it (LimitMEMLOCK=infinity)")
    guard let limit, subject.hasDevices, let wanted = subject.hugepageBytes else { return finding }
    if limit < wanted.packets {
      finding.state = .advice
      finding.found += ", packets want \(mebibytes(wanted.packets))"
      finding.mend = [
        "echo '@martlet - memlock unlimited' > /etc/security/limits.d/martlet.conf   # not for root"
      ]
    }
    return finding
  }

  /// What is not in hugepages has to fit as well.
  private static func available(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    guard let settings = subject.settings else { return [] }
    let budget = MemoryBudget(settings)
    let wanted =
      settings.engine.noHugepages ? budget.totalBytes : budget.bytes(of: "sink queues")
    let line = (host.text("/proc/meminfo") ?? "").split(separator: "\n")
      .first { $0.hasPrefix("MemAvailable:") }
    guard
      let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
        .flatMap({ Int($0) })
    else { return [] }
    let fits = kilobytes << 10 >= wanted
    return [
      Finding(
        area: .memory, check: "ordinary memory", state: fits ? .ok : .warning,
        found: "\(mebibytes(kilobytes << 10)) are available, the configuration wants"
          + " \(mebibytes(wanted))",
        why: "Sinks' queues (and without hugepages everything) come from it; where it runs out, the"
          + " kernel ends a process",
        mend: fits
          ? [] : ["lower sinks[].queueMegabytes or flows.capacity, or add memory"])
    ]
  }
}
