/// Writes a flow as a data record.
struct FlowRecordWriter {
  var clock: ExportClock
  /// Strings that were cut.
  private(set) var clamped: UInt64 = 0

  /// The longest string: a record of a shape with all of them still fits the shortest message.
  static let longestText = 96

  init(clock: ExportClock) { self.clock = clock }

  /// `interface` is the number of the flow's port.
  mutating func write(
    _ flow: ExportedFlow, _ elements: [InformationElement], interface: UInt32,
    to bytes: inout [UInt8]
  ) {
    for element in elements {
      let sent = element.isReverse ? flow.sent.responder : flow.sent.originator
      switch element.value {
      case .packets: bytes.append(network: sent.packets)
      case .octets: bytes.append(network: sent.octets)
      case .frameOctets: bytes.append(network: sent.frameOctets)
      case .tcpFlags: bytes.append(sent.tcpFlags)
      case .timeToLive: bytes.append(sent.timeToLive)
      // DSCP is the upper six bits of the octet (RFC 2474); ECN's two are not recorded.
      case .classOfService: bytes.append(sent.dscp << 2)
      case .icmp: bytes.append(network: sent.icmp)
      case .sourceAddress: bytes += flow.source
      case .destinationAddress: bytes += flow.destination
      case .sourcePort: bytes.append(network: flow.ports?.originator ?? 0)
      case .destinationPort: bytes.append(network: flow.ports?.responder ?? 0)
      case .protocolNumber: bytes.append(flow.protocolNumber)
      case .startMilliseconds: bytes.append(network: flow.start / 1_000_000)
      case .endMilliseconds: bytes.append(network: flow.end / 1_000_000)
      case .startNTP: bytes.append(network: Self.ntp(flow.start))
      case .endNTP: bytes.append(network: Self.ntp(flow.end))
      case .startUptime: bytes.append(network: clock.uptime(nanoseconds: flow.start))
      case .endUptime: bytes.append(network: clock.uptime(nanoseconds: flow.end))
      case .interface: bytes.append(network: interface)
      case .vlan: bytes.append(network: flow.vlan ?? 0)
      case .sourceMAC: bytes += flow.macs?.originator ?? [0, 0, 0, 0, 0, 0]
      case .destinationMAC: bytes += flow.macs?.responder ?? [0, 0, 0, 0, 0, 0]
      case .endReason: bytes.append(flow.endReason)
      case .flowID: bytes.append(network: flow.id)
      // RFC 5103 section 6.3: the source is who began.
      case .biflowDirection: bytes.append(1)
      case .application: text(flow.application ?? "", to: &bytes)
      case .connectionState: text(flow.connectionState, to: &bytes)
      case .history: text(flow.history, to: &bytes)
      case .communityID: text(flow.communityID, to: &bytes)
      case .roundTrip: bytes.append(network: flow.roundTripNanoseconds)
      case .samplingInterval: bytes.append(network: flow.samplingInterval)
      }
    }
  }

  private mutating func text(_ text: String, to bytes: inout [UInt8]) {
    if Self.append(text, to: &bytes) { clamped += 1 }
  }

  /// Appends a string of variable length (RFC 7011 section 7: lengths below 255 are one byte); true
  /// where it had to be cut.
  static func append(_ text: String, to bytes: inout [UInt8]) -> Bool {
    let start = prefix(text, bytes: longestText)
    bytes.append(UInt8(start.count))
    bytes += start
    return start.count < text.utf8.count
  }

  /// As many whole characters as fit.
  static func prefix(_ text: String, bytes limit: Int) -> [UInt8] {
    var taken: [UInt8] = []
    for scalar in text.unicodeScalars {
      let scalarBytes = Array(String(scalar).utf8)
      if taken.count + scalarBytes.count > limit { break }
      taken += scalarBytes
    }
    return taken
  }

  /// dateTimeNanoseconds (RFC 7011 section 6.1.9): NTP's seconds since 1900 and 2^-32 seconds.
  /// Modulo 2^32: from 2036 on the seconds begin at 0 again, as NTP's eras do. The fraction is
  /// rounded up, so that a reader that rounds down gets the same nanosecond.
  static func ntp(_ nanoseconds: Int64) -> UInt64 {
    let seconds = UInt64(nanoseconds / 1_000_000_000) &+ 2_208_988_800
    // Less than 10^9 · 2^32, which 62 bits hold; the quotient is at most 2^32 - 4.
    let fraction =
      (UInt64(nanoseconds % 1_000_000_000) << 32 + 999_999_999) / 1_000_000_000
    return seconds << 32 | fraction
  }
}
