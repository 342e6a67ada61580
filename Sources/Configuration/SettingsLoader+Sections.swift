import FlowEngine
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
    settings.filters = root.sections("filters").map(readFilter)
    settings.flows = readFlows(root.section("flows"))
    let fragments = root.section("fragments")
    settings.fragments.capacity = fragments.integer("capacity") ?? settings.fragments.capacity
    settings.fragments.heldPackets =
      fragments.integer("heldPackets") ?? settings.fragments.heldPackets
    settings.fragments.timeoutSeconds = fragments.number(
      "timeoutSeconds", settings.fragments.timeoutSeconds)
    fragments.finish()
    settings.dissection = readDissection(root.section("dissection"))
    let handoff = root.section("handoff")
    settings.handoff.ringSlots = handoff.integer("ringSlots") ?? settings.handoff.ringSlots
    handoff.finish()
    settings.overload = readOverload(root.section("overload"))
    let records = root.section("records")
    settings.records.ringSlots = records.integer("ringSlots") ?? settings.records.ringSlots
    settings.records.statsIntervalSeconds = records.number(
      "statsIntervalSeconds", settings.records.statsIntervalSeconds)
    settings.records.communityIdSeed =
      records.integer("communityIdSeed") ?? settings.records.communityIdSeed
    settings.records.anomaliesPerSecond =
      records.integer("anomaliesPerSecond") ?? settings.records.anomaliesPerSecond
    records.finish()
    settings.sinks = root.sections("sinks").map { readSink($0, folder: folder) }
    settings.control = readControl(root.section("control"), folder: folder)
    let metrics = root.section("metrics")
    settings.metrics.listen = metrics.text("listen").flatMap { readListen($0, metrics) }
    metrics.finish()
    let log = root.section("log")
    settings.log.level = log.choice("level", settings.log.level)
    settings.log.format = log.choice("format", settings.log.format)
    log.finish()
    root.finish()
    return settings
  }

  private static func readDissection(_ reader: SectionReader) -> Settings.Dissection {
    var made = Settings.Dissection()
    made.enabled = reader.flag("enabled", made.enabled)
    made.protocols = readProtocols(reader)
    made.flowCapacity = reader.integer("flowCapacity") ?? made.flowCapacity
    made.bufferMegabytes = reader.integer("bufferMegabytes") ?? made.bufferMegabytes
    made.heldKilobytes = reader.integer("heldKilobytes") ?? made.heldKilobytes
    made.ringMegabytes = reader.integer("ringMegabytes") ?? made.ringMegabytes
    made.overlap = reader.choice("overlap", made.overlap)
    made.midstream = reader.flag("midstream", made.midstream)
    made.depthKilobytes = reader.integer("depthKilobytes") ?? made.depthKilobytes
    made.depths = readDepths(reader)
    made.headersOnly = reader.flag("headersOnly", made.headersOnly)
    made.hashFiles = reader.flag("hashFiles", made.hashFiles)
    made.redact = reader.texts("redact", such: "session") ?? made.redact
    if !made.redact.allSatisfy(isParameterName) {
      reader.note("redact", "holds something else than names of letters, digits, `.`, `_` and `-`")
      made.redact = []
    }
    if made.redact.count > Settings.Dissection.mostRedacted {
      reader.note(
        "redact",
        "holds \(made.redact.count) names; there is room for \(Settings.Dissection.mostRedacted)")
      made.redact = []
    }
    reader.finish()
    return made
  }

  private static func isParameterName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || "._-".utf8.contains(byte)
      }
  }

  private static func readProtocols(_ reader: SectionReader) -> [AppProtocol] {
    let names = reader.texts("protocols", such: "dns") ?? []
    let found = names.compactMap(AppProtocol.named)
    if found.count != names.count {
      reader.note(
        "protocols",
        "holds something else than protocols; they are "
          + Settings.Dissection.protocolNames.joined(separator: ", "))
    }
    return found
  }

  private static func readDepths(_ reader: SectionReader) -> [Settings.Dissection.Depth] {
    let texts = reader.texts("depths", such: "http 1024 64") ?? []
    let depths = texts.compactMap { text -> Settings.Dissection.Depth? in
      let words = text.split(separator: " ")
      guard words.count == 3, let proto = AppProtocol.named(String(words[0])),
        let toServer = Int(words[1]), let toClient = Int(words[2]),
        (0...1_073_741_824).contains(toServer), (0...1_073_741_824).contains(toClient)
      else { return nil }
      return Settings.Dissection.Depth(
        proto: proto, toServerKilobytes: toServer, toClientKilobytes: toClient)
    }
    if depths.count != texts.count {
      reader.note(
        "depths",
        "holds something else than a protocol and KiB to the server and to the client, such as"
          + " \"http 1024 64\"")
    }
    return depths
  }

  private static func readEngine(_ reader: SectionReader) -> Settings.Engine {
    var engine = Settings.Engine()
    engine.workers = reader.integer("workers") ?? engine.workers
    engine.cores = reader.integers("cores", called: "core numbers")
    engine.mainCore = reader.integer("mainCore")
    engine.shareCores = reader.flag("shareCores", engine.shareCores)
    engine.noHugepages = reader.flag("noHugepages", engine.noHugepages)
    engine.memoryMegabytes = reader.integer("memoryMegabytes")
    engine.filePrefix = reader.text("filePrefix")
    engine.ealArguments =
      reader.texts("ealArguments", such: "--log-level=pmd:debug") ?? engine.ealArguments
    engine.polling = reader.choice("polling", engine.polling)
    engine.maximumSleepMicroseconds =
      reader.integer("maximumSleepMicroseconds") ?? engine.maximumSleepMicroseconds
    engine.burstPackets = reader.integer("burstPackets") ?? engine.burstPackets
    engine.prefetchDistance = reader.integer("prefetchDistance") ?? engine.prefetchDistance
    engine.traceInterval = reader.integer("traceInterval") ?? engine.traceInterval
    reader.finish()
    return engine
  }

  private static func readFilter(_ reader: SectionReader) -> Settings.Filter {
    var filter = Settings.Filter()
    filter.name = reader.text("name") ?? ""
    filter.expression = reader.text("expression") ?? ""
    filter.action = reader.choice("action", filter.action)
    filter.oneIn = reader.integer("oneIn")
    filter.tag = reader.text("tag")
    filter.ports = reader.texts("ports", such: "uplink")
    filter.inner = reader.flag("inner", filter.inner)
    reader.finish()
    return filter
  }

  private static func readOverload(_ reader: SectionReader) -> Settings.Overload {
    var overload = Settings.Overload()
    overload.sampling = reader.choice("sampling", overload.sampling)
    overload.minimumInterval = reader.integer("minimumInterval") ?? overload.minimumInterval
    overload.maximumInterval = reader.integer("maximumInterval") ?? overload.maximumInterval
    overload.fullBursts = reader.integer("fullBursts") ?? overload.fullBursts
    overload.calmSeconds = reader.number("calmSeconds", overload.calmSeconds)
    reader.finish()
    return overload
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
    port.linkDownIsError = reader.flag("linkDownIsError", port.linkDownIsError)
    reader.finish()
    return port
  }

  private static func readPlayer(_ reader: SectionReader, folder: String) -> Settings.Player {
    var player = Settings.Player()
    player.capture = reader.text("capture").map { resolve($0, folder) } ?? ""
    player.spread = reader.choice("spread", player.spread)
    player.passes = reader.paces("passes") ?? player.passes
    reader.finish()
    return player
  }

  private static func readFlows(_ reader: SectionReader) -> Settings.Flows {
    var flows = Settings.Flows()
    flows.capacity = reader.integer("capacity") ?? flows.capacity
    flows.vlanInKey = reader.flag("vlanInKey", flows.vlanInKey)
    flows.tunnelDepth = reader.integer("tunnelDepth") ?? flows.tunnelDepth
    flows.checksums = reader.choice("checksums", flows.checksums)
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
    sink.types = reader.choices("types", EventType.self, called: "event types")
    sink.format = reader.choice("format", sink.format)
    sink.queueMegabytes = reader.integer("queueMegabytes") ?? sink.queueMegabytes
    sink.url = reader.text("url") ?? ""
    sink.username = reader.text("username")
    sink.password = readPassword(reader, folder: folder)
    sink.passwordFile = reader.text("passwordFile").map { resolve($0, folder) }
    sink.caFile = reader.text("caFile").map { resolve($0, folder) }
    sink.certificateFile = reader.text("certificateFile").map { resolve($0, folder) }
    sink.keyFile = reader.text("keyFile").map { resolve($0, folder) }
    sink.maxStreamLength = reader.integer("maxStreamLength") ?? sink.maxStreamLength
    sink.batchRecords = reader.integer("batchRecords") ?? sink.batchRecords
    sink.lingerMilliseconds = reader.integer("lingerMilliseconds") ?? sink.lingerMilliseconds
    sink.connectTimeoutSeconds = reader.number(
      "connectTimeoutSeconds", sink.connectTimeoutSeconds)
    sink.requireAtStart = reader.flag("requireAtStart", sink.requireAtStart)
    sink.spoolDirectory = reader.text("spoolDirectory").map { resolve($0, folder) }
    sink.spoolMegabytes = reader.integer("spoolMegabytes") ?? sink.spoolMegabytes
    sink.spoolFsync = reader.flag("spoolFsync", sink.spoolFsync)
    sink.retransmitMegabytes = reader.integer("retransmitMegabytes") ?? sink.retransmitMegabytes
    sink.path = reader.text("path").map { resolve($0, folder) } ?? ""
    sink.rotateMegabytes = reader.integer("rotateMegabytes")
    sink.rotateSeconds = reader.optionalNumber("rotateSeconds")
    sink.keepFiles = reader.integer("keepFiles") ?? sink.keepFiles
    _ = reader.flag("splitByType", false)
    reader.finish()
    return sink
  }

  /// What each of many files may hold at the least: a flood of one type is no reason to lose another.
  static let leastSharedQueueMegabytes = 8

  /// Puts a sink for each event type in the place of one that asks for a file each.
  static func splitFilesByType(_ settings: inout Settings, _ root: SectionReader) {
    guard root.has("sinks") else { return }
    let asked = root.sections("sinks").map { $0.flag("splitByType", false) }
    settings.sinks = zip(settings.sinks, asked).flatMap { sink, isSplit -> [Settings.Sink] in
      guard isSplit, sink.type == .file else { return [sink] }
      let types = EventType.allCases.filter { sink.types.isEmpty || sink.types.contains($0) }
      return types.map { type in
        var one = sink
        one.types = [type]
        one.path = path(sink.path, of: type)
        one.isOneOfMany = true
        // What the one might have held is shared out; most types have few records.
        one.queueMegabytes = max(
          sink.queueMegabytes / types.count, min(sink.queueMegabytes, leastSharedQueueMegabytes))
        return one
      }
    }
  }

  /// `eve-flow.json` of `eve.json`.
  static func path(_ path: String, of type: EventType) -> String {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let dot = path[slash...].lastIndex(of: "."), dot > slash else {
      return "\(path)-\(type.rawValue)"
    }
    return "\(path[..<dot])-\(type.rawValue)\(path[dot...])"
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
        reader.note(
          "passwordFile",
          "\(ProblemList.oneLine(path, atMost: 300)) cannot be read, or holds nothing")
        return nil
      }
      return String(line)
    }
    if let name = reader.text("passwordEnvironment") {
      guard let value = reader.list.environment[name], !value.isEmpty else {
        reader.note(
          "passwordEnvironment",
          "names the environment variable \(SectionReader.clipped(name)), which is not set")
        return nil
      }
      return value
    }
    return nil
  }

  static func resolve(_ path: String, _ folder: String) -> String {
    path.hasPrefix("/") || path.isEmpty ? path : "\(folder)/\(path)"
  }
}
