/// What single keys cannot show: how they fit together.
enum SettingsChecks {
  static func check(
    _ settings: Settings, _ root: SectionReader, _ list: ProblemList, _ warnings: ProblemList
  ) {
    if !settings.sensor.isEmpty && !isName(settings.sensor, atMost: 64) {
      root.note(
        "sensor",
        "is \(SectionReader.quoted(settings.sensor));"
          + " letters, digits, `.`, `_` and `-` would be right, at most 64"
      )
    }
    checkCores(settings.engine, root.section("engine"), warnings)
    checkEnvironment(settings.engine, root.section("engine"))
    PortChecks(engine: settings.engine, warnings: warnings).check(settings.ports, root)
    SinkChecks.check(settings.sinks, root)
    checkControl(settings.control, root.section("control"))
    checkMetrics(settings.metrics, root.section("metrics"), warnings)
    checkTimeouts(settings.flows.timeouts, root.section("flows").section("timeouts"), warnings)
    checkSampling(settings.overload, root.section("overload"), warnings)
    if settings.sinks.isEmpty && list.isEmpty {
      warnings.add(0, "sinks", "there is none: records are made and thrown away")
    }
  }

  /// Letters, digits, `.`, `_` and `-`, as they may stand in a stream's name.
  static func isName(_ name: String, atMost limit: Int) -> Bool {
    (1...limit).contains(name.utf8.count)
      && name.utf8.allSatisfy { c in
        switch c {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  // MARK: Engine

  private static func checkCores(
    _ engine: Settings.Engine, _ reader: SectionReader, _ warnings: ProblemList
  ) {
    guard let cores = engine.cores else { return }
    if cores.count != engine.workers && !reader.list.isWrong("engine.workers") {
      reader.note(
        "cores",
        "names \(cores.count) for \(engine.workers) workers; name one for each worker")
    }
    for core in Set(cores).sorted() where cores.filter({ $0 == core }).count > 1 {
      if engine.shareCores {
        warnings.add(
          reader.line(of: "cores"), "engine.cores",
          "two workers share core \(core); each has less than half of it")
      } else {
        reader.note(
          "cores",
          "gives core \(core) to two workers; name another, or set engine.shareCores: true")
      }
    }
    if let main = engine.mainCore, cores.contains(main) {
      if engine.shareCores {
        warnings.add(
          reader.line(of: "mainCore"), "engine.mainCore",
          "the main thread and the publisher share core \(main) with a worker")
      } else {
        reader.note(
          "mainCore",
          "is \(main), a worker's core; name another, or set engine.shareCores: true")
      }
    }
  }

  /// Arguments of DPDK's environment that follow from other keys, or that Martlet always gives.
  static let ownArguments: [(name: String, key: String)] = [
    ("--lcores", "engine.cores"), ("--main-lcore", "engine.mainCore"),
    ("--socket-mem", "engine.memoryMegabytes"), ("--no-huge", "engine.noHugepages"),
    ("--in-memory", "engine.noHugepages"), ("--single-file-segments", "engine.noHugepages"),
    ("--file-prefix", "engine.filePrefix"), ("--no-pci", "ports[].device"),
    ("--allow", "ports[].device"), ("--block", "ports[].device"), ("--vdev", "ports[].device"),
    ("-l", "engine.cores"), ("-c", "engine.cores"), ("-s", "engine.cores"),
    ("-S", "engine.cores"), ("-m", "engine.memoryMegabytes"), ("-a", "ports[].device"),
    ("-b", "ports[].device"), ("-w", "ports[].device"),
  ]

  private static func checkEnvironment(_ engine: Settings.Engine, _ reader: SectionReader) {
    for argument in engine.ealArguments {
      // A short option may have its value behind it: `-l2,3`.
      let name =
        argument.hasPrefix("--")
        ? String(argument.prefix { $0 != "=" && $0 != " " }) : String(argument.prefix(2))
      if let own = ownArguments.first(where: { $0.name == name }) {
        reader.note("ealArguments", "holds \(name), which follows from \(own.key); set that")
      } else if name == "--proc-type" {
        reader.note("ealArguments", "holds --proc-type; a primary process is all Martlet can be")
      }
    }
    if let prefix = engine.filePrefix, !isName(prefix, atMost: 64) {
      reader.note(
        "filePrefix",
        "is \(SectionReader.quoted(prefix));"
          + " letters, digits, `.`, `_` and `-` would be right, at most 64"
      )
    }
  }

  // MARK: Control and timeouts

  private static func checkControl(_ control: Settings.Control, _ reader: SectionReader) {
    // sockaddr_un.sun_path has 108 bytes, the last of them zero.
    if control.socket.utf8.count > 107 {
      reader.note(
        "socket",
        "has \(control.socket.utf8.count) bytes; a socket's path has at most 107")
    } else if control.socket.hasSuffix("/") {
      reader.note(
        "socket", "is \"\(control.socket)\", a folder; a file's name in it would be right")
    }
  }

  private static func checkMetrics(
    _ metrics: Settings.Metrics, _ reader: SectionReader, _ warnings: ProblemList
  ) {
    guard let listen = metrics.listen else { return }
    let isLoopback = listen.address == "::1" || listen.address.hasPrefix("127.")
    if !isLoopback {
      warnings.add(
        reader.line(of: "listen"), "metrics.listen",
        "is not on the loopback: whoever reaches \(listen) reads the counters, unencrypted")
    }
  }

  private static func checkSampling(
    _ overload: Settings.Overload, _ reader: SectionReader, _ warnings: ProblemList
  ) {
    if overload.minimumInterval > overload.maximumInterval {
      warnings.add(
        reader.line(of: "minimumInterval"), "overload.minimumInterval",
        "is more than maximumInterval (\(overload.maximumInterval)), which holds")
    }
  }

  private static func checkTimeouts(
    _ timeouts: Settings.Timeouts, _ reader: SectionReader, _ warnings: ProblemList
  ) {
    for (name, value) in [
      ("halfOpenSeconds", timeouts.halfOpenSeconds), ("closedSeconds", timeouts.closedSeconds),
    ] where value > timeouts.tcpSeconds {
      warnings.add(
        reader.line(of: name), "flows.timeouts.\(name)",
        "is longer than tcpSeconds: such a flow is kept longer than an open one")
    }
  }
}
