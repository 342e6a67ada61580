import FlowEngine
import Records

extension Settings {
  /// The effective settings as YAML, defaults filled in, secrets masked. Where nothing was masked,
  /// reading it gives these settings again.
  package func describe() -> String {
    var out = Description()
    out.add("sensor", sensor)
    out.add("drainSeconds", drainSeconds)
    out.section("engine") { $0.add(engine) }
    out.list("ports", ports) { $0.add($1) }
    out.list("filters", filters) { $0.add($1) }
    out.section("flows") { out in
      out.add("capacity", flows.capacity)
      out.add("vlanInKey", flows.vlanInKey)
      out.add("tunnelDepth", flows.tunnelDepth)
      out.add("checksums", flows.checksums.rawValue)
      out.section("timeouts") { $0.add(flows.timeouts) }
    }
    out.section("fragments") { out in
      out.add("capacity", fragments.capacity)
      out.add("heldPackets", fragments.heldPackets)
      out.add("timeoutSeconds", fragments.timeoutSeconds)
    }
    out.section("dissection") { out in
      out.add("enabled", dissection.enabled)
      out.add("protocols", elements: dissection.protocols.map { "\($0.name)" })
      out.add("flowCapacity", dissection.flowCapacity)
      out.add("bufferMegabytes", dissection.bufferMegabytes)
      out.add("heldKilobytes", dissection.heldKilobytes)
      out.add("ringMegabytes", dissection.ringMegabytes)
      out.add("overlap", dissection.overlap)
      out.add("midstream", dissection.midstream)
      out.add("depthKilobytes", dissection.depthKilobytes)
      out.add("depths", elements: dissection.depths.map { Description.quoted($0.text) })
      out.add("headersOnly", dissection.headersOnly)
      out.add("hashFiles", dissection.hashFiles)
      out.add("redact", elements: dissection.redact.map(Description.quoted))
    }
    out.section("handoff") { $0.add("ringSlots", handoff.ringSlots) }
    out.section("overload") { out in
      out.add("sampling", overload.sampling)
      out.add("minimumInterval", overload.minimumInterval)
      out.add("maximumInterval", overload.maximumInterval)
      out.add("fullBursts", overload.fullBursts)
      out.add("calmSeconds", overload.calmSeconds)
    }
    out.section("records") { out in
      out.add("ringSlots", records.ringSlots)
      out.add("statsIntervalSeconds", records.statsIntervalSeconds)
      out.add("communityIdSeed", records.communityIdSeed)
      out.add("anomaliesPerSecond", records.anomaliesPerSecond)
    }
    out.list("sinks", sinks) { $0.add($1) }
    out.section("control") { out in
      out.add("socket", control.socket)
      let octal = String(control.mode, radix: 8)
      out.add("mode", String(repeating: "0", count: max(0, 4 - octal.count)) + octal)
      out.add("group", control.group)
      out.add("viewers", elements: control.viewers.map(Description.quoted))
      out.add("operators", elements: control.operators.map(Description.quoted))
      out.add("admins", elements: control.admins.map(Description.quoted))
      out.add("auditLog", control.auditLog)
      out.add("auditRequired", control.auditRequired)
      out.section("limits") { out in
        out.add("clients", control.limits.clients)
        out.add("messageBytes", control.limits.messageBytes)
        out.add("requestsPerBatch", control.limits.requestsPerBatch)
        out.add("subscriptionsPerClient", control.limits.subscriptionsPerClient)
        out.add("idleSeconds", control.limits.idleSeconds)
        out.add("writeSeconds", control.limits.writeSeconds)
      }
    }
    if let listen = metrics.listen {
      out.section("metrics") { $0.add("listen", listen.description) }
    }
    out.section("log") { out in
      out.add("level", log.level)
      out.add("format", log.format)
    }
    return out.text
  }

  /// `redis://user:***@host` of `redis://user:secret@host`.
  static func masked(url: String) -> String {
    guard let scheme = url.firstRange(of: "://"), let at = url.lastIndex(of: "@"),
      scheme.upperBound <= at, url.hasPrefix("redis:") || url.hasPrefix("rediss:")
    else { return url }
    let user = url[scheme.upperBound..<at].prefix { $0 != ":" }
    guard user.endIndex < at else { return url }
    return "\(url[..<scheme.upperBound])\(user):***\(url[at...])"
  }
}

/// YAML in the making: block style, texts in double quotes, absent values left out.
private struct Description {
  var text = ""
  private var indent = ""
  private var isElementStart = false

  private mutating func line(_ content: String) {
    let lead = isElementStart ? indent.dropLast(2) + "- " : indent[...]
    text += "\(lead)\(content)\n"
    isElementStart = false
  }

  mutating func add(_ key: String, _ value: String?) {
    if let value { line("\(key): \(Self.quoted(value))") }
  }

  mutating func add(_ key: String, _ value: Int?) {
    if let value { line("\(key): \(value)") }
  }

  mutating func add(_ key: String, _ value: Bool) { line("\(key): \(value)") }

  mutating func add(_ key: String, _ value: Double?) {
    if let value { line("\(key): \(SectionReader.plain(value))") }
  }

  mutating func add<E: RawRepresentable>(_ key: String, _ value: E) where E.RawValue == String {
    line("\(key): \(value.rawValue == "null" ? "\"null\"" : value.rawValue)")
  }

  mutating func add(_ key: String, elements: [String]) {
    line("\(key): [\(elements.joined(separator: ", "))]")
  }

  mutating func comment(_ words: String) { line("# \(words)") }

  mutating func section(_ key: String, _ body: (inout Description) -> Void) {
    line("\(key):")
    indent += "  "
    body(&self)
    indent.removeLast(2)
  }

  mutating func list<Element>(
    _ key: String, _ elements: [Element], _ body: (inout Description, Element) -> Void
  ) {
    guard !elements.isEmpty else { return line("\(key): []") }
    line("\(key):")
    indent += "    "
    for element in elements {
      isElementStart = true
      body(&self, element)
    }
    indent.removeLast(4)
  }

  static func quoted(_ text: String) -> String {
    "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }

  // MARK: Sections

  mutating func add(_ engine: Settings.Engine) {
    add("workers", engine.workers)
    if let cores = engine.cores { add("cores", elements: cores.map(String.init)) }
    add("mainCore", engine.mainCore)
    add("shareCores", engine.shareCores)
    add("noHugepages", engine.noHugepages)
    add("memoryMegabytes", engine.memoryMegabytes)
    add("filePrefix", engine.filePrefix)
    add("ealArguments", elements: engine.ealArguments.map(Self.quoted))
    add("polling", engine.polling)
    add("maximumSleepMicroseconds", engine.maximumSleepMicroseconds)
    add("burstPackets", engine.burstPackets)
    add("prefetchDistance", engine.prefetchDistance)
    add("traceInterval", engine.traceInterval)
  }

  mutating func add(_ filter: Settings.Filter) {
    add("name", filter.name)
    add("expression", filter.expression.isEmpty ? nil : filter.expression)
    add("action", filter.action)
    add("oneIn", filter.oneIn)
    add("tag", filter.tag)
    if let ports = filter.ports { add("ports", elements: ports.map(Self.quoted)) }
    add("inner", filter.inner)
  }

  mutating func add(_ port: Settings.Port) {
    add("name", port.name)
    add("device", port.device)
    if let player = port.player {
      section("player") { out in
        out.add("capture", player.capture)
        out.add("spread", player.spread)
        out.add("passes", elements: player.passes.map(Self.pace))
      }
    }
    add("queues", port.queues)
    add("rxDescriptors", port.rxDescriptors)
    add("mbufCount", port.mbufCount)
    add("mbufSizeBytes", port.mbufSizeBytes)
    add("promiscuous", port.promiscuous)
    add("mtuBytes", port.mtuBytes)
    add("rss", port.rss)
    add("checksumOffload", port.checksumOffload)
    add("linkDownIsError", port.linkDownIsError)
  }

  private static func pace(_ pace: Double) -> String {
    pace == 1 ? "original" : pace == 0 ? "max" : SectionReader.plain(pace)
  }

  mutating func add(_ timeouts: Settings.Timeouts) {
    add("activeSeconds", timeouts.activeSeconds)
    add("tcpSeconds", timeouts.tcpSeconds)
    add("udpSeconds", timeouts.udpSeconds)
    add("icmpSeconds", timeouts.icmpSeconds)
    add("otherSeconds", timeouts.otherSeconds)
    add("halfOpenSeconds", timeouts.halfOpenSeconds)
    add("closedSeconds", timeouts.closedSeconds)
  }

  mutating func add(_ sink: Settings.Sink) {
    add("type", sink.type)
    add("types", elements: sink.types.map(\.rawValue).sorted())
    add("format", sink.format)
    add("queueMegabytes", sink.queueMegabytes)
    switch sink.type {
    case .redis:
      add("url", Settings.masked(url: sink.url))
      add("username", sink.username)
      if sink.password != nil { comment("password: ***") }
      add("caFile", sink.caFile)
      add("certificateFile", sink.certificateFile)
      add("keyFile", sink.keyFile)
      add("maxStreamLength", sink.maxStreamLength)
      add("batchRecords", sink.batchRecords)
      add("lingerMilliseconds", sink.lingerMilliseconds)
      add("connectTimeoutSeconds", sink.connectTimeoutSeconds)
      add("requireAtStart", sink.requireAtStart)
      add("spoolDirectory", sink.spoolDirectory)
      add("spoolMegabytes", sink.spoolMegabytes)
      add("spoolFsync", sink.spoolFsync)
      add("retransmitMegabytes", sink.retransmitMegabytes)
    case .file:
      add("path", sink.path)
      add("rotateMegabytes", sink.rotateMegabytes)
      add("rotateSeconds", sink.rotateSeconds)
      add("keepFiles", sink.keepFiles)
    case .stdout, .null: break
    }
  }
}
