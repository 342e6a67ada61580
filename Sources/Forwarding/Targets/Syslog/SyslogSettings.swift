/// What the syslog target is told.
package struct SyslogSettings: Sendable {
  package var destination: SyslogDestination
  package var facility = SyslogFacility.local0
  package var severity = SyslogSeverity.informational
  /// By EVE's `event_type`, where it is not ``severity``.
  package var severities: [String: SyslogSeverity] = ["anomaly": .notice]
  /// Stands in the name of the structured data element. 32473 is IANA's number for documentation
  /// (RFC 5612): a site that has a number of its own uses that.
  package var enterpriseNumber: UInt32 = 32_473
  /// A longer message is refused; nil for the most that the transport takes.
  package var maximumMessageBytes: Int?
  /// How long a connection may take to come about, and how long it may stand without progress.
  package var timeoutSeconds: Double = 30
  /// Of what was sent last, this much is kept and sent again when the connection is lost.
  package var resendBytes = 8 << 20
  package var resendSeconds: Double = 30
  /// How long a new connection must last before records are entrusted to it.
  package var probationSeconds: Double = 1
  /// UDP only: messages a second at the most; nil for as fast as the kernel takes them.
  package var maximumPerSecond: Double?
  package var tls = SyslogTLSSettings()
  /// Told what a person should know: a connection that was lost, and what was sent again.
  package var report: @Sendable (String) -> Void = { _ in }

  package init(destination: SyslogDestination) { self.destination = destination }

  /// The limit that holds. A datagram has 65,507 bytes over IPv4.
  var messageLimitBytes: Int {
    switch destination.transport {
    case .udp: min(maximumMessageBytes ?? 65_507, 65_507)
    case .tcp, .tls: maximumMessageBytes ?? 1 << 20
    }
  }

  /// The target for these settings.
  package func makeTarget() -> any ForwardTarget {
    switch destination.transport {
    case .udp: SyslogDatagramTarget(settings: self)
    case .tcp, .tls: SyslogStreamTarget(settings: self)
    }
  }
}

/// Whom the syslog target trusts, and how it shows who it is. Paths of PEM files.
package struct SyslogTLSSettings: Sendable {
  /// The system's authorities where nil.
  package var authorityFile: String?
  package var certificateFile: String?
  package var keyFile: String?
  /// What the key is encrypted with; never printed.
  package var keyPassword: String?

  package init() {}
}
