/// An observation domain (IPFIX) or source (NetFlow v9): numbers its messages, and knows what its
/// collector has been told.
struct ExportDomain {
  let id: UInt32
  /// Of the sensor; nil where several sensors share the domain.
  let name: String?
  private let settings: FlowExportSettings
  /// NetFlow v9: messages sent. IPFIX: data records sent in this transport session. Modulo 2^32.
  private var sequence: UInt32 = 0
  private var templates: [FlowShape: FlowTemplate] = [:]
  /// Shapes in the order of their first use, and those of them whose template has been sent.
  private var shapes: [FlowShape] = []
  private var sentShapes: Set<FlowShape> = []
  private var interfaces = InterfaceNumbers()
  private var sentInterfaces = 0
  private var sentOptions = false
  /// Monotonic nanoseconds, and messages since.
  private var templatesSentAt: Int64 = 0
  private var messagesSinceTemplates = 0
  private var messagesSent: UInt64 = 0
  private var bytesSent: UInt64 = 0
  private var flowRecordsSent: UInt64 = 0

  init(id: UInt32, name: String?, _ settings: FlowExportSettings) {
    self.id = id
    self.name = name
    self.settings = settings
  }

  /// A new transport session: the collector knows nothing.
  mutating func beginSession() {
    forgetTemplates()
    if settings.exportProtocol == .ipfix { sequence = 0 }
  }

  /// What was sent may not have arrived: templates go out again.
  mutating func forgetTemplates() {
    sentShapes.removeAll(keepingCapacity: true)
    sentInterfaces = 0
    sentOptions = false
  }

  /// Whether templates must be sent again by time or by messages: over UDP only.
  func isRefreshDue(monotonic: Int64) -> Bool {
    settings.transport == .udp && !shapes.isEmpty
      && (messagesSinceTemplates >= settings.templateMessages
        || monotonic - templatesSentAt >= Int64(settings.templateSeconds) * 1_000_000_000)
  }

  mutating func interface(_ name: String) -> UInt32 { interfaces.number(name) }

  mutating func template(_ shape: FlowShape) -> FlowTemplate {
    if let template = templates[shape] { return template }
    let template = FlowTemplate(shape, settings)
    templates[shape] = template
    shapes.append(shape)
    return template
  }

  /// Puts before the records of a batch what the collector has to know for it.
  mutating func announce(in builder: inout MessageBuilder, monotonic: Int64) {
    if isRefreshDue(monotonic: monotonic) { forgetTemplates() }
    if sentShapes.isEmpty {
      templatesSentAt = monotonic
      messagesSinceTemplates = 0
    }
    for shape in shapes where sentShapes.insert(shape).inserted {
      builder.add(template: template(shape).record, isOfOptions: false)
    }
    if settings.sendsOptions { announceOptions(in: &builder) }
  }

  private mutating func announceOptions(in builder: inout MessageBuilder) {
    if !sentOptions {
      for options in OptionsTemplate.allCases {
        builder.add(template: options.record(settings.exportProtocol), isOfOptions: true)
      }
      builder.add(record: exporterRecord(), template: OptionsTemplate.exporter.id, isOfFlow: false)
      sentOptions = true
    }
    for interface in interfaces.all[sentInterfaces...] {
      builder.add(
        record: interfaceRecord(interface.name, interface.number),
        template: OptionsTemplate.interface.id, isOfFlow: false)
    }
    sentInterfaces = interfaces.all.count
  }

  /// A message as it is to be sent now; ``sent(_:)`` must follow when it was.
  func stamped(_ message: ExportMessage, clock: ExportClock, nowNanoseconds: Int64)
    -> ExportMessage
  {
    var message = message
    message.stamp(
      settings.exportProtocol, sequence: sequence, clock: clock, nowNanoseconds: nowNanoseconds)
    return message
  }

  mutating func sent(_ message: ExportMessage) {
    // Both count modulo 2^32 (RFC 7011 section 3.1).
    sequence &+=
      settings.exportProtocol == .ipfix ? UInt32(truncatingIfNeeded: message.dataRecords) : 1
    messagesSinceTemplates += 1
    messagesSent += 1
    bytesSent += UInt64(message.bytes.count)
    flowRecordsSent += UInt64(message.flowRecords)
  }

  // MARK: - Options

  private func exporterRecord() -> [UInt8] {
    var record: [UInt8] = []
    record.append(network: id)
    if settings.exportProtocol == .ipfix {
      _ = FlowRecordWriter.append(name ?? "", to: &record)
    }
    record.append(network: messagesSent)
    record.append(network: flowRecordsSent)
    record.append(network: bytesSent)
    return record
  }

  private func interfaceRecord(_ name: String, _ number: UInt32) -> [UInt8] {
    var record: [UInt8] = []
    record.append(network: number)
    if settings.exportProtocol == .ipfix {
      _ = FlowRecordWriter.append(name, to: &record)
      return record
    }
    let bytes = FlowRecordWriter.prefix(name, bytes: OptionsTemplate.interfaceNameBytes)
    record += bytes
    record += repeatElement(0, count: OptionsTemplate.interfaceNameBytes - bytes.count)
    return record
  }
}
