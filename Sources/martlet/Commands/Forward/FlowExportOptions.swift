import ArgumentParser
import Forwarding

/// What NetFlow v9 and IPFIX have in common.
struct FlowExportOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The collector: a name or address, and a port behind a colon.", valueName: "host:port"))
  var collector: String

  @Option(
    help: ArgumentHelp(
      """
      Observation domain or source id of all that is sent. Default: each sensor's own, made of \
      its name.
      """, valueName: "number"))
  var domain: UInt32?

  @Flag(
    help: """
      Export flow_update, too: of a long flow each update brings what is new, and its end the \
      rest. For one forwarder in its group only.
      """)
  var updates = false

  @Option(
    help: ArgumentHelp(
      "With --updates: of how many flows it is remembered what was exported.", valueName: "flows"))
  var remember = 1_000_000

  @Option(
    help: ArgumentHelp(
      """
      Send no more flow records a second than this, since collectors drop what their buffer does \
      not hold; 0 for no limit. Default: \(FlowExportOptions.defaultRate) over UDP, none over TCP.
      """, valueName: "records"))
  var perSecond: Int?

  @Option(
    help: ArgumentHelp(
      "The longest message. Default: 1420, which fits Ethernet with a tunnel; 16000 over TCP.",
      valueName: "bytes"))
  var messageBytes: Int?

  @Option(
    help: ArgumentHelp("Over UDP: send templates again so often.", valueName: "seconds"))
  var templateSeconds = 60

  @Option(
    help: ArgumentHelp(
      "Over UDP: send templates again after so many messages.", valueName: "messages"))
  var templateMessages = 100

  @Option(
    help: ArgumentHelp(
      "How long a connection may take to be made, and a batch to be taken.", valueName: "seconds"))
  var timeout = 10.0

  /// Records a second over UDP, where nothing was said: a collector with a usual buffer keeps up.
  static let defaultRate = 20_000

  func settings(
    _ exportProtocol: FlowExportProtocol, transport: FlowExportSettings.Transport,
    defaultPort: UInt16
  ) throws -> FlowExportSettings {
    guard let address = CollectorAddress(collector, defaultPort: defaultPort) else {
      throw ValidationError(
        "\"\(collector)\" is no collector: give a name or address and a port, as in "
          + "192.0.2.1:\(defaultPort) or [2001:db8::1]:\(defaultPort)")
    }
    var settings = FlowExportSettings(exportProtocol, host: address.host, port: address.port)
    settings.transport = transport
    settings.domain = domain
    settings.exportsUpdates = updates
    settings.rememberedFlows = remember
    settings.recordsPerSecond = perSecond ?? (transport == .udp ? Self.defaultRate : 0)
    settings.messageBytes = messageBytes ?? (transport == .udp ? 1420 : 16_000)
    settings.templateSeconds = templateSeconds
    settings.templateMessages = templateMessages
    settings.timeoutSeconds = timeout
    return settings
  }

  /// The target, if its settings can work.
  static func target(_ settings: FlowExportSettings) throws -> any ForwardTarget {
    if let fault = settings.fault { throw ValidationError(fault) }
    return FlowExportTarget(settings)
  }

  /// The common options with the types of records that are exported.
  func reading(_ options: ForwardOptions) throws -> ForwardOptions {
    var options = options
    let types = updates ? ["flow", "flow_update"] : ["flow"]
    if let other = options.type.first(where: { !types.contains($0) }) {
      throw ValidationError(
        other == "flow_update"
          ? "--type flow_update needs --updates, or its packets would be counted twice"
          : "--type \(other): flow exports have \(types.joined(separator: " and ")) only")
    }
    if options.fields != nil || options.dropFields != nil || options.schema != .eve {
      throw ValidationError(
        "a flow export needs whole EVE records: leave out --fields, --drop-fields and --schema")
    }
    if options.type.isEmpty { options.type = types }
    return options
  }
}
