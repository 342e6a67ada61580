import Runtime

/// The workers' cores themselves: their pace, who shares them, who interrupts them.
enum CoreChecks {
  static func check(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    let topology = Topology(host)
    let cores = subject.workerCores.isEmpty ? topology.online : subject.workerCores
    return [
      governor(host, cores, subject), siblings(host, topology, subject),
      interrupts(host, topology, subject), realtime(host),
    ]
  }

  private static func governor(
    _ host: HostFiles, _ cores: [Int], _ subject: DoctorSubject
  ) -> Finding {
    func path(_ core: Int) -> String {
      "/sys/devices/system/cpu/cpu\(core)/cpufreq/scaling_governor"
    }
    let governors = cores.compactMap { core in host.text(path(core)).map { (core, $0) } }
    var finding = Finding(
      area: .cores, check: "governor", state: .ok,
      found: "this host has no say in its frequency, as is usual of virtual machines",
      why: "A core that has to speed up first is slow for the first milliseconds of a burst")
    guard !governors.isEmpty else { return finding }
    let slow = governors.filter { $0.1 != "performance" }
    guard !slow.isEmpty else {
      finding.found = "performance on \(CPUList.text(governors.map(\.0)))"
      return finding
    }
    let names = Set(slow.map(\.1)).sorted().joined(separator: ", ")
    finding.state = subject.weight
    finding.found = "\(names) on \(CPUList.text(slow.map(\.0)))"
    finding.mend = ["cpupower -c \(CPUList.text(slow.map(\.0))) frequency-set -g performance"]
    finding.fix = slow.map { .write("performance", to: path($0.0)) }
    return finding
  }

  /// Two threads of one core share its execution units and first caches.
  private static func siblings(
    _ host: HostFiles, _ topology: Topology, _ subject: DoctorSubject
  ) -> Finding {
    func siblings(_ core: Int) -> [Int] {
      CPUList.parse(
        host.text("/sys/devices/system/cpu/cpu\(core)/topology/thread_siblings_list") ?? ""
      )
      .filter { $0 != core && topology.online.contains($0) }
    }
    var finding = Finding(
      area: .cores, check: "SMT siblings", state: .ok,
      found: "no worker's core has another thread on it",
      why: "What runs on a core's second thread takes a third of the worker's speed")
    let cores = subject.workerCores
    let doubled = cores.filter { core in siblings(core).contains { cores.contains($0) } }
    if !doubled.isEmpty {
      finding.state = .warning
      finding.found = "workers on \(CPUList.text(doubled)) share cores with one another"
      finding.mend = ["engine.cores with one thread of each core"]
      return finding
    }
    let others = Set(cores.flatMap(siblings))
    if !others.isEmpty {
      finding.state = .advice
      finding.found = "\(CPUList.text(others)) are second threads of workers' cores"
      finding.mend = others.sorted().map {
        "echo 0 > /sys/devices/system/cpu/cpu\($0)/online   # or isolate it, too"
      }
    }
    return finding
  }

  struct Interrupt {
    var number: Int
    var name: String
    var cores: [Int]
  }

  /// Interrupts whose cores include one of `cores`.
  static func interrupts(_ host: HostFiles, at cores: [Int]) -> [Interrupt] {
    let names = names(host)
    return host.names("/proc/irq").compactMap { Int($0) }.sorted().compactMap { number in
      let folder = "/proc/irq/\(number)"
      // Where it really goes, which is one of those it may go to.
      let effective = host.text("\(folder)/effective_affinity_list") ?? ""
      let list = effective.isEmpty ? host.text("\(folder)/smp_affinity_list") ?? "" : effective
      let at = CPUList.parse(list)
      guard at.contains(where: cores.contains) else { return nil }
      return Interrupt(number: number, name: names[number] ?? "", cores: at)
    }
  }

  /// What /proc/interrupts ends each line with; interrupts that nobody has taken are not in it.
  private static func names(_ host: HostFiles) -> [Int: String] {
    var names: [Int: String] = [:]
    for line in (host.text("/proc/interrupts") ?? "").split(separator: "\n").dropFirst() {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, first.hasSuffix(":"), let number = Int(first.dropLast())
      else { continue }
      names[number] = words.last.map(String.init)
    }
    return names
  }

  private static func interrupts(
    _ host: HostFiles, _ topology: Topology, _ subject: DoctorSubject
  ) -> Finding {
    var finding = Finding(
      area: .cores, check: "interrupts", state: .ok,
      found: "none goes to a worker's core",
      why: "Each interrupt takes its core from the worker for some µs, and a disk's or a NIC's come"
        + " in thousands")
    let cores = subject.workerCores
    let spare = topology.online.filter { !cores.contains($0) }
    if cores.isEmpty {
      finding.found = "not looked at without the workers' cores"
      return finding
    }
    let found = interrupts(host, at: cores).filter { !$0.name.isEmpty }
    guard !found.isEmpty else { return finding }
    let shown = found.prefix(4).map { "\($0.number) \($0.name)" }.joined(separator: ", ")
    finding.found =
      "\(found.count) may go to workers' cores: \(shown)\(found.count > 4 ? " …" : "")"
    guard !spare.isEmpty else {
      finding.found += "; there is no other core to take them"
      return finding
    }
    finding.state = subject.weight
    let list = CPUList.text(spare)
    finding.mend = [
      "for irq in \(found.prefix(16).map { String($0.number) }.joined(separator: " "))\(found.count > 16 ? " …" : "");"
        + " do echo \(list) > /proc/irq/$irq/smp_affinity_list; done"
    ]
    finding.fix = found.map { .write(list, to: "/proc/irq/\($0.number)/smp_affinity_list") }
    if isRunning("irqbalance", host) {
      finding.found += "; irqbalance moves them about"
      finding.mend.append(
        "IRQBALANCE_BANNED_CPULIST=\(CPUList.text(cores))   # in /etc/default/irqbalance")
    }
    return finding
  }

  private static func isRunning(_ name: String, _ host: HostFiles) -> Bool {
    host.names("/proc").contains { Int($0) != nil && host.text("/proc/\($0)/comm") == name }
  }

  private static func realtime(_ host: HostFiles) -> Finding {
    let runtime = host.number("/proc/sys/kernel/sched_rt_runtime_us")
    let period = host.number("/proc/sys/kernel/sched_rt_period_us") ?? 1_000_000
    return Finding(
      area: .cores, check: "realtime throttling", state: .ok,
      found: runtime.map { $0 < 0 ? "off" : "\($0) of \(period) µs" } ?? "the kernel does not say",
      why: "It concerns workers only that the operator has given a realtime policy (chrt, or"
        + " CPUSchedulingPolicy=fifo): a busy one would be stopped for the rest of each period, unless"
        + " kernel.sched_rt_runtime_us is -1")
  }
}
