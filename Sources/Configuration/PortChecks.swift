import Yams

/// How ports fit together, and to the workers.
struct PortChecks {
  let engine: Settings.Engine
  let warnings: ProblemList

  func check(_ ports: [Settings.Port], _ root: SectionReader) {
    let readers = root.has("ports") ? root.sections("ports") : []
    if root.node?["ports"]?.sequence?.isEmpty == true {
      root.note("ports", "is empty; name at least one port")
    }
    var names: [String: String] = [:]
    var devices: [String: String] = [:]
    for (port, reader) in zip(ports, readers) {
      checkName(port.name, reader, &names)
      switch (reader.has("device"), reader.has("player")) {
      case (false, false):
        reader.list.add(
          reader.line, reader.shown,
          "has neither device nor player; name a PCI address or a vdev such as"
            + " net_af_packet0,iface=eth1")
      case (true, true):
        reader.note("player", "stands beside device; one of them would be right")
      default: break
      }
      if let device = port.device { checkDevice(device, reader, &devices) }
      checkQueues(port, reader)
    }
    let most = ports.map(\.queues).max() ?? 0
    if most > 0 && most < engine.workers {
      warnings.add(
        root.section("engine").line(of: "workers"), "engine.workers",
        "is \(engine.workers), and no port has more than \(most) queues; the other workers get only"
          + " what these hand over")
    }
  }

  private func checkName(_ name: String, _ reader: SectionReader, _ names: inout [String: String]) {
    guard !name.isEmpty else { return }
    if !SettingsChecks.isName(name, atMost: 32) {
      reader.note(
        "name",
        "is \(SectionReader.quoted(name));"
          + " letters, digits, `.`, `_` and `-` would be right, at most 32"
      )
    }
    if let other = names[name] {
      reader.note(
        "name", "is \(SectionReader.quoted(name)), as that of \(other); give each its own")
    } else {
      names[name] = reader.shown
    }
  }

  private func checkDevice(
    _ device: String, _ reader: SectionReader, _ devices: inout [String: String]
  ) {
    // A vdev's own name is what must differ.
    let name = String(device.prefix { $0 != "," })
    var canonical = name
    let lower = name.lowercased()
    if Self.isPCIAddress(lower) {
      canonical = lower.split(separator: ":").count == 2 ? "0000:" + lower : lower
    } else if name.isEmpty {
      reader.note(
        "device",
        "is \(SectionReader.quoted(device)), which names none; a PCI address or a vdev such as"
          + " net_af_packet0,iface=eth1 would be right")
      return
    } else if !name.hasPrefix("net_") {
      // Only the driver knows for certain, but a kernel interface's name is the usual slip.
      let interface = SettingsChecks.isName(name, atMost: 15) ? name : "eth1"
      warnings.add(
        reader.line(of: "device"), reader.shownKey("device"),
        "is \(SectionReader.quoted(device)), neither a PCI address nor a vdev's name;"
          + " for a kernel interface write"
          + " net_af_packet0,iface=\(interface)")
    }
    if let other = devices[canonical] {
      reader.note(
        "device", "is \(SectionReader.quoted(name)), as that of \(other); give each its own")
    } else {
      devices[canonical] = reader.shown
    }
  }

  /// `03:00.0`, `0000:03:00.0`, in lower case.
  static func isPCIAddress(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, let last = parts.last else { return false }
    let slot = last.split(separator: ".", omittingEmptySubsequences: false)
    guard slot.count == 2 else { return false }
    let widths = (parts.dropLast() + slot).map(\.utf8.count)
    let right = parts.count == 3 ? [[4, 2, 2, 1], [8, 2, 2, 1]] : [[2, 2, 1]]
    return right.contains(widths)
      && (parts.dropLast() + slot).allSatisfy { $0.allSatisfy { $0.isASCII && $0.isHexDigit } }
  }

  private func checkQueues(_ port: Settings.Port, _ reader: SectionReader) {
    let areWorkersRight = !reader.list.isWrong("engine.workers")
    if port.queues > engine.workers && areWorkersRight {
      reader.note(
        "queues",
        "is \(port.queues) for \(engine.workers) workers; each queue needs a worker of its own")
    }
    if let count = port.mbufCount, count < port.queues * port.rxDescriptors {
      warnings.add(
        reader.line(of: "mbufCount"), reader.shownKey("mbufCount"),
        "is \(count); \(port.queues) queues of \(port.rxDescriptors) descriptors take"
          + " \(port.queues * port.rxDescriptors) before a packet comes")
    }
    guard port.player != nil else { return }
    if port.rxDescriptors & (port.rxDescriptors - 1) != 0 {
      reader.note(
        "rxDescriptors",
        "is \(port.rxDescriptors); a player's rings want a power of two")
    }
    if port.queues > 16 {
      reader.note("queues", "is \(port.queues); a player has at most 16")
    }
    if port.rss == .hardware {
      reader.note("rss", "is hardware, which a player has not; auto or software would be right")
    }
  }
}
