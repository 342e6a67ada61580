import Runtime

/// What keeps the kernel's scheduler, its timer and its call-backs off the workers' cores: the kernel's
/// command line, of kernel-parameters.txt.
enum IsolationChecks {
  struct Parameter {
    var name: String
    var why: String
    /// Words that may stand before the list: isolcpus=managed_irq,domain,2-3.
    var flags: Set<String> = []
    /// Where the kernel tells what is in force; the command line's word counts where it is not there.
    var effective: String?
    /// As it should be written, before the cores.
    var written: String
  }

  static let parameters = [
    Parameter(
      name: "isolcpus",
      why: "Any other thread on a worker's core takes milliseconds at a time, in which"
        + " a ring of 1,024 overflows forty times over at 10 GbE",
      flags: ["nohz", "domain", "managed_irq"], effective: "/sys/devices/system/cpu/isolated",
      written: "isolcpus=managed_irq,domain,"),
    Parameter(
      name: "nohz_full", why: "The timer stops a worker up to a thousand times a second otherwise",
      effective: "/sys/devices/system/cpu/nohz_full", written: "nohz_full="),
    Parameter(
      name: "rcu_nocbs",
      why: "RCU's call-backs run on every core otherwise, some hundred µs at a time",
      written: "rcu_nocbs="),
  ]

  static func check(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    let topology = Topology(host)
    let cores = subject.workerCores
    var findings = cores.isEmpty ? [unnamed(host, subject)] : [online(topology, cores)]
    // Without a core to spare there is nothing to isolate.
    guard !cores.isEmpty, Set(topology.online).subtracting(cores).isEmpty == false else {
      if !cores.isEmpty {
        findings.append(
          Finding(
            area: .cores, check: "spare cores", state: subject.weight,
            found: "the workers have every core there is",
            why: "Publisher, Redis, shell and kernel then run on a worker's core",
            mend: ["engine.cores with fewer cores, or a host with more"]))
      }
      return findings
    }
    let line = host.text("/proc/cmdline") ?? ""
    for parameter in parameters {
      findings.append(finding(parameter, line, host, cores, subject))
    }
    return findings
  }

  private static func unnamed(_ host: HostFiles, _ subject: DoctorSubject) -> Finding {
    let isolated = CPUList.parse(host.text("/sys/devices/system/cpu/isolated") ?? "")
    return Finding(
      area: .cores, check: "worker cores", state: .advice,
      found: "no cores are named"
        + (isolated.isEmpty ? "" : "; the kernel has isolated \(CPUList.text(isolated))"),
      why: "Only cores that are named can be kept free of everything else, and only those can be"
        + " checked here",
      mend: [
        subject.settings == nil
          ? "martlet doctor --config /etc/martlet/martlet.yaml, or --cores 2-3"
          : "engine.cores: [\(isolated.isEmpty ? "2, 3" : isolated.map(String.init).joined(separator: ", "))]"
      ])
  }

  private static func online(_ topology: Topology, _ cores: [Int]) -> Finding {
    let missing = cores.filter { !topology.online.contains($0) }
    return Finding(
      area: .cores, check: "worker cores", state: missing.isEmpty ? .ok : .failure,
      found: missing.isEmpty
        ? "\(CPUList.text(cores)) of \(CPUList.text(topology.online))"
        : "\(CPUList.text(missing)) cannot be used; online are \(CPUList.text(topology.online))",
      why: "A worker is pinned to its core, or the engine does not start",
      mend: missing.isEmpty ? [] : ["engine.cores with cores that are online"])
  }

  /// Cores that a parameter on the command line names; nil where it is not there.
  static func cores(of parameter: Parameter, in line: String) -> [Int]? {
    let word = line.split(whereSeparator: \.isWhitespace)
      .last { $0.hasPrefix(parameter.name + "=") }
    guard let word else { return nil }
    let parts = word.dropFirst(parameter.name.count + 1).split(separator: ",")
      .filter { !parameter.flags.contains(String($0)) }
    return CPUList.parse(parts.joined(separator: ","))
  }

  private static func finding(
    _ parameter: Parameter, _ line: String, _ host: HostFiles, _ cores: [Int],
    _ subject: DoctorSubject
  ) -> Finding {
    let given = coresInForce(parameter, line, host)
    let missing = cores.filter { !given.contains($0) }
    let list = CPUList.text(Set(given).union(cores))
    return Finding(
      area: .cores, check: parameter.name,
      state: missing.isEmpty
        ? .ok : parameter.name == "isolcpus" ? subject.weight : .advice,
      found: given.isEmpty
        ? "not set"
        : "\(CPUList.text(given))\(missing.isEmpty ? "" : ", without \(CPUList.text(missing))")",
      why: parameter.why,
      mend: missing.isEmpty ? [] : ["\(parameter.written)\(list)   # on the kernel's command line"],
      needsReboot: !missing.isEmpty)
  }

  /// What is in force: a kernel that was built without an option ignores its parameter.
  private static func coresInForce(
    _ parameter: Parameter, _ line: String, _ host: HostFiles
  ) -> [Int] {
    if let path = parameter.effective, let text = host.text(path) {
      // The kernel writes "(null)" for none in some versions.
      return CPUList.parse(text)
    }
    return cores(of: parameter, in: line) ?? []
  }
}
