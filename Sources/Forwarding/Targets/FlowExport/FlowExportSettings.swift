/// The protocols of flow export.
package enum FlowExportProtocol: Sendable, Equatable {
  /// RFC 3954.
  case netflow9
  /// RFC 7011.
  case ipfix

  /// The first field of a message's header.
  var version: UInt16 { self == .netflow9 ? 9 : 10 }
  /// In bytes: RFC 3954 section 5.1, RFC 7011 section 3.1.
  var headerBytes: Int { self == .netflow9 ? 20 : 16 }
  /// Where the export time stands in the header, in bytes.
  var exportTimeOffset: Int { self == .netflow9 ? 8 : 4 }
  /// Where the sequence number stands in the header, in bytes.
  var sequenceOffset: Int { self == .netflow9 ? 12 : 8 }
  /// The set that holds templates.
  var templateSet: UInt16 { self == .netflow9 ? 0 : 2 }
  /// The set that holds templates of options.
  var optionsTemplateSet: UInt16 { self == .netflow9 ? 1 : 3 }
}

/// Where flows are exported to, and how.
package struct FlowExportSettings: Sendable {
  package enum Transport: Sendable, Equatable {
    case udp
    /// IPFIX only.
    case tcp
  }

  /// In which unit IPFIX gives a flow's start and end.
  package enum TimeUnit: Sendable, Equatable {
    /// Elements 152 and 153.
    case milliseconds
    /// Elements 156 and 157.
    case nanoseconds
  }

  package var exportProtocol: FlowExportProtocol
  package var transport = Transport.udp
  package var host: String
  package var port: UInt16
  /// One record a flow with both directions (RFC 5103) rather than one a direction; IPFIX only.
  package var isBiflow = false
  package var timeUnit = TimeUnit.milliseconds
  /// Observation domain (IPFIX) or source id (NetFlow) of every sensor; nil: each sensor's own,
  /// made of its name.
  package var domain: UInt32?
  /// Martlet's own elements come under this private enterprise number; nil: they do not.
  package var enterpriseNumber: UInt32?
  /// Names of interfaces, and of sensors, and what was exported go with the templates as options.
  /// They count as data records in IPFIX's sequence numbers (RFC 7011 section 3.1), which tshark
  /// knows and nfcapd 1.7.1 takes for an error, and nfacctd 1.7.7 calls their template malformed;
  /// so
  /// IPFIX goes without them unless told otherwise.
  package var sendsOptions: Bool
  /// `flow_update` records are exported, too, and each record brings what is new since the last.
  package var exportsUpdates = false
  /// For how many flows it is remembered what of them has been exported.
  package var rememberedFlows = 1_000_000
  /// The longest message, and the longest payload of a datagram.
  package var messageBytes = 1420
  /// Over UDP: templates are sent again after this many seconds and after this many messages,
  /// whichever comes first (RFC 7011 section 8.4).
  package var templateSeconds = 60
  package var templateMessages = 100
  /// Data records a second; 0: as fast as it goes.
  package var recordsPerSecond = 0
  /// For connecting, and for the peer to take what was sent.
  package var timeoutSeconds = 10.0

  /// RFC 791: a datagram that every host takes. A record of each kind is shorter.
  package static let messageBytesRange = 576...65_507

  package init(_ exportProtocol: FlowExportProtocol, host: String, port: UInt16) {
    self.exportProtocol = exportProtocol
    self.host = host
    self.port = port
    sendsOptions = exportProtocol == .netflow9
  }

  /// What is wrong with the settings, in words; nil where nothing is.
  package var fault: String? {
    let isIPFIX = exportProtocol == .ipfix
    if host.isEmpty { return "the collector's address is empty: give HOST:PORT" }
    if port == 0 { return "port 0 is no collector's: give 1 to 65535" }
    if !isIPFIX && transport == .tcp {
      return "NetFlow v9 goes over UDP; over TCP there is IPFIX"
    }
    if !isIPFIX && isBiflow { return "NetFlow v9 has one record a direction; biflows are IPFIX's" }
    if !isIPFIX && timeUnit == .nanoseconds {
      return "NetFlow v9 tells times in milliseconds; nanoseconds are IPFIX's"
    }
    if !isIPFIX && enterpriseNumber != nil {
      return "NetFlow v9 has no enterprise numbers; they are IPFIX's"
    }
    if enterpriseNumber == 0 || enterpriseNumber == InformationElement.reverseEnterprise {
      return
        "\(enterpriseNumber ?? 0) is IANA's own; give the enterprise number of your organisation"
    }
    if !Self.messageBytesRange.contains(messageBytes) {
      return "a message has \(Self.messageBytesRange.lowerBound) to "
        + "\(Self.messageBytesRange.upperBound) bytes, not \(messageBytes)"
    }
    if templateSeconds < 1 { return "templates are sent again after 1 second or more" }
    if templateMessages < 1 { return "templates are sent again after 1 message or more" }
    if recordsPerSecond < 0 { return "a rate is 0 (no limit) or more records a second" }
    if rememberedFlows < 2 { return "2 flows or more are to be remembered" }
    if !(timeoutSeconds > 0) { return "a time-out is more than 0 seconds" }
    return nil
  }
}
