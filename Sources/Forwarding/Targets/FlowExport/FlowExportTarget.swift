/// A NetFlow v9 or IPFIX collector.
///
/// Takes `flow` and, where ``FlowExportSettings/exportsUpdates`` is set, `flow_update`; what is
/// neither, or lacks addresses, times or counts, is refused. A batch is delivered when UDP has sent
/// it, or when the peer of a TCP connection has acknowledged it; else all of it is sent again.
package final class FlowExportTarget: ForwardTarget {
  package let name: String
  package let destination: String
  package let limits = BatchLimits(records: 4096, bytes: 16 << 20)
  package private(set) var counters = FlowExportCounters()

  private let settings: FlowExportSettings
  private let transport: any ExportTransport
  private var clock: ExportClock
  private var domains: [UInt32: ExportDomain] = [:]
  private var remainders: FlowRemainders
  private var reader = FlowReader()
  private var pace: ExportPace

  package init(_ settings: FlowExportSettings) {
    self.settings = settings
    name = settings.exportProtocol == .ipfix ? "ipfix" : "netflow"
    let scheme = settings.transport == .udp ? "udp" : "tcp"
    let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
    destination = "\(scheme)://\(host):\(settings.port)"
    transport =
      settings.transport == .udp ? UDPExportTransport(settings) : TCPExportTransport(settings)
    clock = ExportClock(nowNanoseconds: ExportClock.now)
    remainders = FlowRemainders(flows: settings.rememberedFlows)
    pace = ExportPace(recordsPerSecond: settings.recordsPerSecond)
  }

  package func open() throws(TargetFault) {
    if let fault = settings.fault { throw TargetFault(fault, isFinal: true) }
    try connect(Interruption())
  }

  package func deliver(_ batch: [ForwardRecord], interruption: Interruption) throws(TargetFault)
    -> [DeliveryOutcome]
  {
    try connect(interruption)
    remainders.begin()
    clock.renew(nowNanoseconds: ExportClock.now)
    var plan = ExportPlan(settings, clock)
    let outcomes = batch.map { take($0, into: &plan) }
    do throws(TargetFault) {
      for domain in plan.domains { try send(plan, domain, interruption) }
      try transport.settle(interruption)
    } catch {
      remainders.rollBack()
      forgetTemplates()
      throw error
    }
    counters.nothingNew += plan.nothingNew
    counters.notRemembered += plan.notRemembered
    counters.absoluteTimes += plan.absoluteTimes
    return outcomes
  }

  package func tick() throws(TargetFault) {
    let monotonic = ExportClock.monotonic
    for id in domains.keys.sorted() where domains[id]?.isRefreshDue(monotonic: monotonic) == true {
      let interruption = Interruption()
      try connect(interruption)
      do throws(TargetFault) {
        try send(ExportPlan(settings, clock), id, interruption)
      } catch {
        forgetTemplates()
        throw error
      }
    }
  }

  package func close() { transport.close() }

  // MARK: - Steps

  private func connect(_ interruption: Interruption) throws(TargetFault) {
    guard try transport.connect(interruption) else { return }
    counters.connections += 1
    // A UDP socket made anew is the same session for a collector, which goes by addresses; but it
    // may be another collector, or one that was started again.
    for id in domains.keys {
      if settings.transport == .tcp {
        domains[id]?.beginSession()
      } else {
        domains[id]?.forgetTemplates()
      }
    }
  }

  private func forgetTemplates() {
    for id in domains.keys { domains[id]?.forgetTemplates() }
  }

  /// What becomes of a record if all that is sent arrives.
  private func take(_ record: ForwardRecord, into plan: inout ExportPlan) -> DeliveryOutcome {
    let clampedBefore = reader.clamped
    let sensor = record.stream.sensor
    do throws(FlowReadError) {
      var flow = try reader.read(record.document)
      if case .update = flow.kind, !settings.exportsUpdates {
        return .refused(
          "a flow_update while whole flows are exported: it would be counted twice "
            + "(--updates exports both, and each packet once)")
      }
      counters.clamped += reader.clamped - clampedBefore
      if settings.exportsUpdates && !trim(&flow, sensor: sensor, &plan) { return .delivered }
      let id = settings.domain ?? max(1, NameHash.of(sensor))
      plan.add(flow, domain: id, sensor: sensor)
      if domains[id] == nil {
        let name = settings.domain == nil ? sensor : nil
        domains[id] = ExportDomain(id: id, name: name, settings)
      }
      return .delivered
    } catch {
      return .refused(error.description)
    }
  }

  /// Leaves in a flow what has not been exported; false where that is nothing.
  private func trim(_ flow: inout ExportedFlow, sensor: String, _ plan: inout ExportPlan) -> Bool {
    switch remainders.take(flow, sensor: sensor) {
    case .nothing:
      plan.nothingNew += 1
      return false
    case .new(let counts, let since, let isRemembered):
      if flow.kind == .flow && !isRemembered { plan.notRemembered += 1 }
      flow.count(counts)
      if let since { flow.begin(notBefore: since) }
      return true
    }
  }

  /// Sends what a batch has for a domain: templates that are due, then the records.
  private func send(_ plan: ExportPlan, _ id: UInt32, _ interruption: Interruption)
    throws(TargetFault)
  {
    guard var domain = domains[id] else { return }
    defer { domains[id] = domain }
    var builder = MessageBuilder(settings.exportProtocol, domain: id, limit: settings.messageBytes)
    var writer = FlowRecordWriter(clock: clock)
    plan.write(to: &builder, &domain, &writer)
    counters.clamped += writer.clamped
    for message in builder.finish() {
      try pace.wait(for: message.flowRecords, interruption)
      let stamped = domain.stamped(message, clock: clock, nowNanoseconds: ExportClock.now)
      try transport.send(stamped.bytes, interruption)
      domain.sent(stamped)
      counters.messages += 1
      counters.messageBytes += UInt64(stamped.bytes.count)
      counters.dataRecords += UInt64(stamped.flowRecords)
      counters.templates += UInt64(stamped.templates)
    }
  }
}

extension FlowExportTarget {
  package var figures: [TargetFigure] {
    [
      TargetFigure("messages", counters.messages),
      TargetFigure("data records", counters.dataRecords),
      TargetFigure("templates", counters.templates),
      TargetFigure("told of nothing new", counters.nothingNew),
      TargetFigure("not remembered", counters.notRemembered),
      TargetFigure("values cut to fit", counters.clamped),
      TargetFigure("with absolute times", counters.absoluteTimes),
      TargetFigure("connections", counters.connections),
    ]
  }
}
