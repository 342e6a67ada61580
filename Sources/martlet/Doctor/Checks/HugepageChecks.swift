import Configuration

/// Hugepages: enough of them, of a fitting size, on the right nodes.
enum HugepageChecks {
  struct Pages {
    var kilobytes: Int
    var total: Int
    var free: Int
    var freeBytes: Int { free * kilobytes * 1024 }
  }

  static let why =
    "Packets and flow tables live in hugepages: DPDK does not start without them, and small pages cost"
    + " a TLB miss a packet, about half the speed"

  static func check(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    [reserved(host, subject)] + nodes(host, subject) + gigantic(host, subject) + [mounted(host)]
  }

  static func pages(_ host: HostFiles, in folder: String) -> [Pages] {
    host.names(folder).compactMap { name in
      guard name.hasPrefix("hugepages-"),
        let kilobytes = Int(name.dropFirst("hugepages-".count).dropLast("kB".count)),
        let total = host.number("\(folder)/\(name)/nr_hugepages"),
        let free = host.number("\(folder)/\(name)/free_hugepages")
      else { return nil }
      return Pages(kilobytes: kilobytes, total: total, free: free)
    }
  }

  private static func describe(_ pages: [Pages]) -> String {
    let kinds = pages.filter { $0.total > 0 }.map {
      "\($0.free) of \($0.total) pages of \(mebibytes($0.kilobytes * 1024)) are free"
    }
    return kinds.isEmpty ? "none is reserved" : kinds.joined(separator: ", ")
  }

  private static func reserved(_ host: HostFiles, _ subject: DoctorSubject) -> Finding {
    let pages = pages(host, in: "/sys/kernel/mm/hugepages")
    var finding = Finding(
      area: .memory, check: "hugepages", state: .ok, found: describe(pages), why: why)
    if subject.settings?.engine.noHugepages == true {
      finding.state = subject.hasDevices ? .failure : .advice
      finding.found += "; the configuration does without (engine.noHugepages)"
      finding.mend = ["engine.noHugepages: false"]
      return finding
    }
    // DPDK and the tables take the default size; 512 pages are enough for a start.
    let free = pages.reduce(0) { $0 + $1.freeBytes }
    let small = pages.first { $0.kilobytes == 2048 }
    let wanted = subject.hugepageBytes
    let least = wanted.map { $0.packets + $0.tables } ?? 512 << 21
    if let wanted {
      finding.found +=
        "; the configuration wants \(mebibytes(wanted.packets)) for packets and"
        + " \(mebibytes(wanted.tables)) for tables"
    }
    if free >= least { return finding }
    let everything = pages.reduce(0) { $0 + $1.total * $1.kilobytes * 1024 }
    if everything >= least && wanted != nil {
      // Most likely a martletd is running, and these are its own.
      finding.state = .advice
      finding.found += "; all together would do, but somebody has taken them"
      finding.mend = ["grep -l huge /proc/*/numa_maps"]
      return finding
    }
    finding.state = free < (wanted?.packets ?? 1) ? .failure : .warning
    if wanted == nil { finding.state = .warning }
    let missing = (least - free + (2 << 20) - 1) >> 21
    let count = (small?.total ?? 0) + missing + missing / 8
    finding.mend = [
      "echo \(count) > /proc/sys/vm/nr_hugepages",
      "echo vm.nr_hugepages=\(count) > /etc/sysctl.d/80-martlet.conf   # for good",
    ]
    if small != nil { finding.fix = [.write("\(count)", to: "/proc/sys/vm/nr_hugepages")] }
    return finding
  }

  /// Where there are several nodes, those that work for Martlet need pages of their own.
  private static func nodes(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    let topology = Topology(host)
    guard topology.nodes.count > 1 else { return [] }
    let needed = Set(
      subject.workerCores.compactMap(topology.node(ofCore:))
        + subject.devices.compactMap { topology.node(ofDevice: $0.address) })
    guard !needed.isEmpty else { return [] }
    let free = Dictionary(
      uniqueKeysWithValues: needed.map { node in
        (
          node,
          pages(host, in: "/sys/devices/system/node/node\(node)/hugepages")
            .reduce(0) { $0 + $1.freeBytes }
        )
      })
    let bare = needed.filter { free[$0] == 0 }.sorted()
    var finding = Finding(
      area: .memory, check: "hugepages by node", state: bare.isEmpty ? .ok : .warning,
      found: needed.sorted().map { "node \($0) has \(mebibytes(free[$0] ?? 0)) free" }
        .joined(separator: ", "),
      why: "Memory of another node is half as fast: a table that lies there costs 60 ns more a miss"
    )
    if subject.settings?.engine.noHugepages == true { return [] }
    let paths = bare.map {
      "/sys/devices/system/node/node\($0)/hugepages/hugepages-2048kB/nr_hugepages"
    }
    let wanted = subject.hugepageBytes.map { ($0.packets + $0.tables) >> 21 } ?? 512
    finding.mend = paths.map { "echo \(wanted) > \($0)" }
    finding.fix = paths.map { .write("\(wanted)", to: $0) }
    return [finding]
  }

  /// Of one gigabyte: a matter of large tables.
  private static func gigantic(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    guard let wanted = subject.hugepageBytes, wanted.tables >= 4 << 30 else { return [] }
    let large = pages(host, in: "/sys/kernel/mm/hugepages").first { $0.kilobytes == 1 << 20 }
    let total = large?.total ?? 0
    let count = (wanted.tables >> 30) + 1
    return [
      Finding(
        area: .memory, check: "pages of 1 GiB", state: total >= count ? .ok : .advice,
        found: "\(total) are reserved for \(mebibytes(wanted.tables)) of tables",
        why: "2 MiB pages of tables this large are more than the TLB holds",
        mend: total >= count
          ? []
          : [
            "default_hugepagesz=1G hugepagesz=1G hugepages=\(count)   # on the kernel's command line"
          ],
        needsReboot: total < count)
    ]
  }

  private static func mounted(_ host: HostFiles) -> Finding {
    let lines = (host.text("/proc/mounts") ?? "").split(separator: "\n")
    // Device, place, type, options.
    let mounts = lines.compactMap { line -> String? in
      let words = line.split(separator: " ")
      return words.count > 2 && words[2] == "hugetlbfs" ? String(words[1]) : nil
    }
    return Finding(
      area: .memory, check: "hugetlbfs", state: .ok,
      found: mounts.isEmpty
        ? "not mounted, and not needed: pages are taken without files"
        : "mounted at \(mounts.joined(separator: ", "))",
      why: "Other DPDK programs keep their pages in files there; what they leave behind stays taken"
    )
  }
}
