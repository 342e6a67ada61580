import ArgumentParser
import Forwarding
import Foundation

/// `martlet forward syslog`
struct ForwardSyslog: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "syslog",
    abstract: "Records as syslog messages (RFC 5424) over UDP, TCP or TLS.",
    discussion: """
      The message is the record's JSON; its structured data has the record's id, the same each \
      time the record is sent, and its Community ID. Syslog has no acknowledgement: \
      docs/forward-syslog.md says what is promised all the same.

      EXAMPLES
        martlet forward syslog tls://collector.example --ca-file ca.pem
        martlet forward syslog tcp://collector.example:514 --severity-of tls=debug
        martlet forward syslog udp://10.0.0.9 --per-second 5000
      """)

  static let keyPasswordVariable = "MARTLET_SYSLOG_KEY_PASSWORD"

  @Argument(
    help: ArgumentHelp(
      "udp://HOST[:514], tcp://HOST[:601] or tls://HOST[:6514].", valueName: "destination"))
  var destination: String

  @Option(help: ArgumentHelp("kern, user, daemon, local0 to local7 …", valueName: "name"))
  var facility = SyslogFacility.local0

  @Option(
    help: ArgumentHelp(
      "Of all records: emerg, alert, crit, err, warning, notice, info or debug.",
      valueName: "name"))
  var severity = SyslogSeverity.informational

  @Option(
    help: ArgumentHelp(
      "Of one event type; may be repeated. anomaly is notice unless this says otherwise.",
      valueName: "type=name"))
  var severityOf: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      IANA's number of your enterprise, for the name of the structured data. 32473 is the one for \
      documentation.
      """, valueName: "number"))
  var enterpriseNumber: UInt32 = 32_473

  @Option(
    help: ArgumentHelp(
      """
      A longer message is refused and goes to the dead letters. Default: 65507 over UDP, else \
      1048576.
      """, valueName: "bytes"))
  var maxMessage: Int?

  @Option(
    help: ArgumentHelp(
      "Give a connection up that makes no progress for so long.", valueName: "seconds"))
  var timeout = 30.0

  @Option(
    help: ArgumentHelp(
      "TCP, TLS: how much of what was sent last is sent again after a lost connection.",
      valueName: "bytes"))
  var resend = 8_388_608

  @Option(
    help: ArgumentHelp("TCP, TLS: but nothing sent longer ago than this.", valueName: "seconds"))
  var resendWithin = 30.0

  @Option(
    help: ArgumentHelp("UDP: at most so many messages a second.", valueName: "messages"))
  var perSecond: Double?

  @Option(
    help: ArgumentHelp(
      "TLS: PEM file with the authorities that are trusted. Default: the system's.",
      valueName: "file"))
  var caFile: String?

  @Option(
    help: ArgumentHelp("TLS: PEM file with the client's certificate.", valueName: "file"))
  var certFile: String?

  @Option(
    help: ArgumentHelp(
      "TLS: PEM file with its key; the key's password stands in $\(keyPasswordVariable).",
      valueName: "file"))
  var keyFile: String?

  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  func makeTarget() throws -> any ForwardTarget {
    var settings: SyslogSettings
    do {
      settings = SyslogSettings(destination: try SyslogDestination(destination))
    } catch {
      throw ValidationError("\(error)")
    }
    settings.facility = facility
    settings.severity = severity
    for text in severityOf { try addSeverity(text, to: &settings) }
    settings.enterpriseNumber = enterpriseNumber
    settings.maximumMessageBytes = maxMessage
    settings.timeoutSeconds = timeout
    settings.resendBytes = resend
    settings.resendSeconds = resendWithin
    settings.maximumPerSecond = perSecond
    settings.tls.authorityFile = caFile
    settings.tls.certificateFile = certFile
    settings.tls.keyFile = keyFile
    settings.tls.keyPassword = ProcessInfo.processInfo.environment[Self.keyPasswordVariable]
    settings.report = { Output.writeError("martlet forward: \(printable($0))\n") }
    try check(settings.destination.transport)
    return settings.makeTarget()
  }

  private func addSeverity(_ text: String, to settings: inout SyslogSettings) throws {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let severity = SyslogSeverity(rawValue: parts[1]) else {
      throw ValidationError(
        "--severity-of \(text) must be TYPE=SEVERITY, as in anomaly=warning; severities are "
          + SyslogSeverity.allCases.map(\.rawValue).joined(separator: ", "))
    }
    settings.severities[parts[0]] = severity
  }

  private func check(_ transport: SyslogTransport) throws {
    func require(_ isRight: Bool, _ text: String) throws {
      if !isRight { throw ValidationError(text) }
    }
    // RFC 5424 section 6.1: a receiver takes 480 bytes at least.
    if let maxMessage {
      let most = transport == .udp ? 65_507 : 100_000_000
      try require(
        (480...most).contains(maxMessage),
        "--max-message \(maxMessage) must be 480 to \(most) bytes")
    }
    try require((1...3600).contains(timeout), "--timeout \(timeout) must be 1 to 3600 seconds")
    try require(
      (0...1_073_741_824).contains(resend), "--resend \(resend) must be 0 to 1073741824 bytes")
    try require(
      (0...3600).contains(resendWithin),
      "--resend-within \(resendWithin) must be 0 to 3600 seconds")
    if let perSecond {
      try require(
        transport == .udp, "--per-second is for udp://; tcp:// and tls:// wait by themselves")
      try require(
        (10...10_000_000).contains(perSecond),
        "--per-second \(perSecond) must be 10 to 10000000 messages")
    }
    let isTLSAsked = caFile != nil || certFile != nil || keyFile != nil
    try require(
      transport == .tls || !isTLSAsked,
      "--ca-file, --cert-file and --key-file are for tls://; this is \(transport.rawValue)://"
    )
    try require(
      (certFile == nil) == (keyFile == nil), "--cert-file and --key-file stand together")
  }
}

extension SyslogFacility: ExpressibleByArgument {}
extension SyslogSeverity: ExpressibleByArgument {}
