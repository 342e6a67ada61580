import Records
import Yams

/// What single keys cannot show: how they fit together.
enum SettingsChecks {
  static func check(
    _ settings: inout Settings, _ root: SectionReader, _ list: ProblemList,
    _ warnings: ProblemList
  ) {
    if !settings.sensor.isEmpty && !isSensorName(settings.sensor) {
      root.note(
        "sensor",
        "is \"\(settings.sensor)\"; letters, digits, `.`, `_` and `-` would be right, at most 64")
    }
    checkCores(settings.engine, root.section("engine"))
    checkEAL(settings.engine, root.section("engine"))
    checkPorts(settings, root)
    checkSinks(settings, root)
    if settings.control.socket.utf8.count > 107 {
      root.section("control").note(
        "socket",
        "has \(settings.control.socket.utf8.count) bytes; a socket's path has at most 107")
    }
    if settings.sinks.isEmpty && list.problems.isEmpty {
      warnings.add(0, "sinks", "there is none: records are made and thrown away")
    }
  }

  static func isSensorName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { c in
        switch c {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: c == UInt8(ascii: ".") || c == UInt8(ascii: "_") || c == UInt8(ascii: "-")
        }
      }
  }

  private static func checkCores(_ engine: Settings.Engine, _ reader: SectionReader) {
    guard let cores = engine.cores else { return }
    if cores.count != engine.workers && !reader.list.isWrong("engine.workers") {
      reader.note(
        "cores",
        "names \(cores.count) for \(engine.workers) workers; name one for each worker")
    }
    guard !engine.shareCores else { return }
    for core in Set(cores).sorted() where cores.filter({ $0 == core }).count > 1 {
      reader.note(
        "cores",
        "gives core \(core) to two workers; name another, or set engine.shareCores: true")
    }
    if let main = engine.mainCore, cores.contains(main) {
      reader.note(
        "mainCore",
        "is \(main), a worker's core; name another, or set engine.shareCores: true")
    }
  }

  /// Arguments of DPDK's environment that follow from other keys.
  private static let own: [String: String] = [
    "-l": "engine.cores", "-c": "engine.cores", "--lcores": "engine.cores",
    "--main-lcore": "engine.mainCore", "-m": "engine.memoryMegabytes",
    "--socket-mem": "engine.memoryMegabytes", "--no-huge": "engine.noHugepages",
    "--in-memory": "engine.noHugepages", "--file-prefix": "engine.filePrefix",
    "--no-pci": "ports[].device", "-a": "ports[].device", "--allow": "ports[].device",
    "--vdev": "ports[].device",
  ]

  private static func checkEAL(_ engine: Settings.Engine, _ reader: SectionReader) {
    for argument in engine.ealArguments {
      // `--name=value`; `-l0-1` and `-l 0-1` as well as `-l`.
      let isShort = argument.hasPrefix("-") && !argument.hasPrefix("--")
      let name =
        isShort
        ? String(argument.prefix(2))
        : argument.split(whereSeparator: { $0 == "=" || $0 == " " }).first.map(String.init)
          ?? argument
      if let key = own[name] {
        reader.note("ealArguments", "holds \(name), which follows from \(key); set that")
      }
    }
  }

  private static func checkPorts(_ settings: Settings, _ root: SectionReader) {
    let readers = root.has("ports") ? root.sections("ports") : []
    if root.has("ports") && readers.isEmpty && root.node?["ports"]?.sequence != nil {
      root.note("ports", "is empty; name at least one port")
    }
    var names: [String: String] = [:]
    var devices: [String: String] = [:]
    let areWorkersRight = !root.list.isWrong("engine.workers")
    for (port, reader) in zip(settings.ports, readers) {
      if !port.name.isEmpty {
        if !isSensorName(port.name) || port.name.utf8.count > 32 {
          reader.note(
            "name",
            "is \"\(port.name)\"; letters, digits, `.`, `_` and `-` would be right, at most 32")
        }
        if let other = names[port.name] {
          reader.note("name", "is \"\(port.name)\", as that of \(other); give each its own")
        }
        names[port.name] = reader.shown
      }
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
      if let device = port.device {
        // A vdev's own name is what must differ.
        let name = String(device.split(separator: ",").first ?? "")
        if let other = devices[canonical(name)] {
          reader.note("device", "is \"\(name)\", as that of \(other); give each its own")
        }
        devices[canonical(name)] = reader.shown
      }
      if port.queues > settings.engine.workers && areWorkersRight {
        reader.note(
          "queues",
          "is \(port.queues) for \(settings.engine.workers) workers; each queue needs a worker of"
            + " its own")
      }
      if port.player != nil {
        if port.rxDescriptors & (port.rxDescriptors - 1) != 0 {
          reader.note(
            "rxDescriptors", "is \(port.rxDescriptors); a player's rings want a power of two")
        }
        if port.queues > 16 {
          reader.note("queues", "is \(port.queues); a player has at most 16")
        }
      }
    }
  }

  /// A PCI address in its long form and in small letters; anything else as it is.
  private static func canonical(_ device: String) -> String {
    let parts = device.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), parts.last?.contains(".") == true else { return device }
    return (parts.count == 2 ? "0000:" : "") + device.lowercased()
  }

  private static func checkSinks(_ settings: Settings, _ root: SectionReader) {
    let readers = root.has("sinks") ? root.sections("sinks") : []
    for (sink, reader) in zip(settings.sinks, readers)
    where reader.has("type") && !reader.list.isWrong(reader.shownKey("type")) {
      let mine: Set<String>
      switch sink.type {
      case .redis:
        mine = [
          "url", "username", "passwordFile", "passwordEnvironment", "maxStreamLength",
          "batchRecords", "lingerMilliseconds", "connectTimeoutSeconds", "requireAtStart",
        ]
        if !sink.url.isEmpty && !sink.url.hasPrefix("redis://") && !sink.url.hasPrefix("unix:/") {
          reader.note(
            "url",
            "is \"\(sink.url)\"; redis://127.0.0.1:6379/0 or unix:/run/redis/redis.sock would be"
              + " right")
        }
        if !reader.has("url") {
          reader.list.add(
            reader.line, reader.shownKey("url"),
            "is missing; redis://127.0.0.1:6379/0 or unix:/run/redis/redis.sock would be right")
        }
      case .file:
        mine = ["path", "rotateMegabytes", "rotateSeconds", "keepFiles"]
        if !reader.has("path") {
          reader.list.add(reader.line, reader.shownKey("path"), "is missing; name the file")
        }
      case .stdout, .null: mine = []
      }
      let shared: Set<String> = ["type", "types", "format", "queueMegabytes"]
      for key in SettingsKey.children(of: "sinks[]")
      where reader.has(key.name) && !mine.contains(key.name) && !shared.contains(key.name) {
        reader.note(key.name, "means nothing for a sink of type \(sink.type.rawValue)")
      }
      if sink.format == .fields && sink.type != .redis && sink.type != .null {
        reader.note("format", "is fields, which only redis takes; eve would be right")
      }
    }
  }
}
