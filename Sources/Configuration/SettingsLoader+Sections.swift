import Foundation
import Records
import Yams

extension SettingsLoader {
  static func readSettings(_ root: SectionReader, folder: String) -> Settings {
    var settings = Settings()
    settings.sensor = root.text("sensor") ?? ""
    settings.drainSeconds = root.number("drainSeconds", settings.drainSeconds)
    settings.engine = readEngine(root.section("engine"))
    settings.ports = root.sections("ports").map {
      readPort($0, workers: settings.engine.workers, folder: folder)
    }
    settings.flows = readFlows(root.section("flows"))
    let fragments = root.section("fragments")
    settings.fragments.capacity = fragments.integer("capacity") ?? settings.fragments.capacity
    settings.fragments.heldPackets =
      fragments.integer("heldPackets") ?? settings.fragments.heldPackets
    settings.fragments.timeoutSeconds = fragments.number(
      "timeoutSeconds", settings.fragments.timeoutSeconds)
    fragments.finish()
    let handoff = root.section("handoff")
    settings.handoff.ringSlots = handoff.integer("ringSlots") ?? settings.handoff.ringSlots
    handoff.finish()
    let records = root.section("records")
    settings.records.ringSlots = records.integer("ringSlots") ?? settings.records.ringSlots
    settings.records.statsIntervalSeconds = records.number(
      "statsIntervalSeconds", settings.records.statsIntervalSeconds)
    settings.records.communityIdSeed =
      records.integer("communityIdSeed") ?? settings.records.communityIdSeed
    records.finish()
    settings.sinks = root.sections("sinks").map { readSink($0, folder: folder) }
    let control = root.section("control")
    settings.control.socket = control.text("socket") ?? settings.control.socket
    settings.control.group = control.text("group")
    if let mode = control.text("mode") {
      if let bits = Int(mode, radix: 8), (0...0o777).contains(bits), (3...4).contains(mode.count),
        mode.utf8.allSatisfy({ (48...55).contains($0) })
      {
        settings.control.mode = bits
      } else {
        control.note(
          "mode", "is \"\(mode)\"; octal digits in quotes would be right, such as \"0660\"")
      }
    }
    control.finish()
    let log = root.section("log")
    settings.log.level = log.choice("level", settings.log.level)
    log.finish()
    root.finish()
    return settings
  }

  private static func readEngine(_ reader: SectionReader) -> Settings.Engine {
    var engine = Settings.Engine()
    engine.workers = reader.integer("workers") ?? engine.workers
    if let nodes = reader.elements("cores") {
      let cores = nodes.compactMap { $0.scalar.flatMap { Int($0.string) } }
      if cores.count == nodes.count && cores.allSatisfy({ (0...4095).contains($0) }) {
        engine.cores = cores
      } else {
        reader.note("cores", "holds something else than core numbers; [2, 3] would be right")
      }
    }
    engine.mainCore = reader.integer("mainCore")
    engine.shareCores = reader.flag("shareCores", engine.shareCores)
    engine.noHugepages = reader.flag("noHugepages", engine.noHugepages)
    engine.memoryMegabytes = reader.integer("memoryMegabytes")
    engine.filePrefix = reader.text("filePrefix")
    let arguments = reader.elements("ealArguments") ?? []
    engine.ealArguments = arguments.compactMap { $0.scalar?.string }.filter { !$0.isEmpty }
    if engine.ealArguments.count != arguments.count {
      reader.note(
        "ealArguments",
        "holds something else than texts; [\"--log-level=pmd:debug\"] would be right")
    }
    engine.polling = reader.choice("polling", engine.polling)
    engine.napMicroseconds = reader.integer("napMicroseconds") ?? engine.napMicroseconds
    reader.finish()
    return engine
  }

  private static func readPort(_ reader: SectionReader, workers: Int, folder: String)
    -> Settings.Port
  {
    var port = Settings.Port()
    port.name = reader.text("name") ?? ""
    port.device = reader.text("device")
    if reader.has("player") { port.player = readPlayer(reader.section("player"), folder: folder) }
    port.queues = reader.integer("queues") ?? workers
    port.rxDescriptors = reader.integer("rxDescriptors") ?? port.rxDescriptors
    port.mbufCount = reader.integer("mbufCount")
    port.mbufSizeBytes = reader.integer("mbufSizeBytes") ?? port.mbufSizeBytes
    port.promiscuous = reader.flag("promiscuous", port.promiscuous)
    port.mtuBytes = reader.integer("mtuBytes") ?? port.mtuBytes
    port.rss = reader.choice("rss", port.rss)
    port.checksumOffload = reader.flag("checksumOffload", port.checksumOffload)
    reader.finish()
    return port
  }

  private static func readPlayer(_ reader: SectionReader, folder: String) -> Settings.Player {
    var player = Settings.Player()
    player.capture = reader.text("capture").map { resolve($0, folder) } ?? ""
    player.spread = reader.choice("spread", player.spread)
    if let nodes = reader.elements("passes") {
      let paces = nodes.map { $0.scalar.flatMap { readPaces($0.string) } }
      let count = paces.reduce(0) { $0 + ($1?.count ?? 0) }
      if paces.isEmpty || count > 100_000 || paces.contains(nil) {
        reader.note(
          "passes",
          "holds something else than paces; each is `original`, `max`, or a number such as 2,"
            + " and `max*100` stands for a hundred")
      } else {
        player.passes = paces.flatMap { $0 ?? [] }
      }
    }
    reader.finish()
    return player
  }

  /// `original`, `max`, `2.5`, each perhaps with `*TIMES` behind it.
  private static func readPaces(_ text: String) -> [Double]? {
    let parts = text.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
      .map(String.init)
    guard let word = parts.first else { return nil }
    let pace: Double?
    switch word {
    case "original": pace = 1
    case "max": pace = 0
    default: pace = Double(word).flatMap { (0.01...1_000_000).contains($0) ? $0 : nil }
    }
    let times = parts.count > 1 ? Int(parts[1]) : 1
    guard let pace, let times, (1...100_000).contains(times) else { return nil }
    return Array(repeating: pace, count: times)
  }

  private static func readFlows(_ reader: SectionReader) -> Settings.Flows {
    var flows = Settings.Flows()
    flows.capacity = reader.integer("capacity") ?? flows.capacity
    flows.vlanInKey = reader.flag("vlanInKey", flows.vlanInKey)
    let timeouts = reader.section("timeouts")
    func set(_ name: String, _ path: WritableKeyPath<Settings.Timeouts, Double>) {
      flows.timeouts[keyPath: path] = timeouts.number(name, flows.timeouts[keyPath: path])
    }
    set("activeSeconds", \.activeSeconds)
    set("tcpSeconds", \.tcpSeconds)
    set("udpSeconds", \.udpSeconds)
    set("icmpSeconds", \.icmpSeconds)
    set("otherSeconds", \.otherSeconds)
    set("halfOpenSeconds", \.halfOpenSeconds)
    set("closedSeconds", \.closedSeconds)
    timeouts.finish()
    reader.finish()
    return flows
  }

  private static func readSink(_ reader: SectionReader, folder: String) -> Settings.Sink {
    var sink = Settings.Sink()
    sink.type = reader.choice("type", sink.type)
    if let nodes = reader.elements("types") {
      let types = nodes.compactMap { $0.scalar.flatMap { EventType(rawValue: $0.string) } }
      if types.count != nodes.count {
        reader.note(
          "types",
          "holds something else than event types; they are "
            + EventType.allCases.map(\.rawValue).joined(separator: ", "))
      }
      sink.types = Set(types)
    }
    sink.format = reader.choice("format", sink.format)
    sink.queueMegabytes = reader.integer("queueMegabytes") ?? sink.queueMegabytes
    sink.url = reader.text("url") ?? ""
    sink.username = reader.text("username")
    sink.password = readPassword(reader, folder: folder)
    sink.maxStreamLength = reader.integer("maxStreamLength") ?? sink.maxStreamLength
    sink.batchRecords = reader.integer("batchRecords") ?? sink.batchRecords
    sink.lingerMilliseconds = reader.integer("lingerMilliseconds") ?? sink.lingerMilliseconds
    sink.connectTimeoutSeconds = reader.number(
      "connectTimeoutSeconds", sink.connectTimeoutSeconds)
    sink.requireAtStart = reader.flag("requireAtStart", sink.requireAtStart)
    sink.path = reader.text("path").map { resolve($0, folder) } ?? ""
    sink.rotateMegabytes = reader.integer("rotateMegabytes")
    sink.rotateSeconds = reader.optionalNumber("rotateSeconds")
    sink.keepFiles = reader.integer("keepFiles") ?? sink.keepFiles
    reader.finish()
    return sink
  }

  /// The password from a file's first line or from the environment; never from the configuration.
  private static func readPassword(_ reader: SectionReader, folder: String) -> String? {
    if reader.has("passwordFile") && reader.has("passwordEnvironment") {
      reader.note(
        "passwordEnvironment", "stands beside passwordFile; one of them would be right")
      return nil
    }
    if let path = reader.text("passwordFile").map({ resolve($0, folder) }) {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8),
        let line = text.split(whereSeparator: \.isNewline).first
      else {
        reader.note("passwordFile", "\(path) cannot be read, or holds nothing")
        return nil
      }
      return String(line)
    }
    if let name = reader.text("passwordEnvironment") {
      guard let value = reader.list.environment[name], !value.isEmpty else {
        reader.note(
          "passwordEnvironment", "names the environment variable \(name), which is not set")
        return nil
      }
      return value
    }
    return nil
  }

  private static func resolve(_ path: String, _ folder: String) -> String {
    path.hasPrefix("/") || path.isEmpty ? path : "\(folder)/\(path)"
  }
}
