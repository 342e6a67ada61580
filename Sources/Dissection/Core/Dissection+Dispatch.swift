internal import FlowEngine

// Which dissector has which protocol: a switch, so that each call is a plain one.

extension Dissection {
  /// A look at first bytes.
  static func probe(_ proto: AppProtocol, _ bytes: Bytes, _ context: ProbeContext) -> Probe {
    if context.isTCP {
      switch proto {
      case .dns: return DNSStream.probe(bytes, context)
      case .tls: return TLSStream.probe(bytes, context)
      case .http: return HTTPStream.probe(bytes, context)
      case .http2: return HTTP2Stream.probe(bytes, context)
      case .ssh: return SSHStream.probe(bytes, context)
      case .smtp: return SMTPStream.probe(bytes, context)
      case .ftp: return FTPStream.probe(bytes, context)
      case .ftpData: return FTPDataStream.probe(bytes, context)
      case .imap: return IMAPStream.probe(bytes, context)
      case .pop3: return POP3Stream.probe(bytes, context)
      case .telnet: return TelnetStream.probe(bytes, context)
      case .mqtt: return MQTTStream.probe(bytes, context)
      case .sip: return SIPStream.probe(bytes, context)
      default: return Signatures.probe(proto, bytes, context)
      }
    }
    switch proto {
    case .dns: return DNSDatagrams.probe(bytes, context)
    case .mdns: return DNSDatagrams.probe(bytes, context)
    case .llmnr: return DNSDatagrams.probe(bytes, context)
    case .quic: return QUICDatagrams.probe(bytes, context)
    case .dhcp: return DHCPDatagrams.probe(bytes, context)
    case .dhcpv6: return DHCPv6Datagrams.probe(bytes, context)
    case .ntp: return NTPDatagrams.probe(bytes, context)
    case .snmp: return SNMPDatagrams.probe(bytes, context)
    case .sip: return SIPDatagrams.probe(bytes, context)
    case .tftp: return TFTPDatagrams.probe(bytes, context)
    default: return Signatures.probe(proto, bytes, context)
    }
  }

  // MARK: Streams

  /// Bytes of a direction to whoever has the flow.
  mutating func dissect(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) -> Progress {
    // What is looked at does not depend on how far a segment goes beyond the depth, nor does what is found.
    let left = bytesLeft(state, side, toServer)
    guard left > 0 else { return .directionDone() }
    if state.pointee.proto == AppProtocol.unknown.rawValue {
      let progress = detectStream(state, side, toServer, bytes.prefix(left))
      // The other side's bytes, which waited for this, may have been all that is wanted of the flow.
      if state.pointee.proto == AppProtocol.unknown.rawValue || !isLive(state) { return progress }
    } else if side.pointee.flags & StreamSide.Flags.probed == 0,
      !confirm(state, side, toServer, bytes.prefix(left))
    {
      return .needs(bytes.count + 1)
    }
    // Of the protocol that has just been found it may be another one.
    let bytes = bytes.prefix(bytesLeft(state, side, toServer))
    if bytes.isEmpty { return .directionDone() }
    var d = delivery(state, toServer: toServer)
    d.offset = side.pointee.offset
    switch AppProtocol(rawValue: state.pointee.proto) ?? .unknown {
    case .dns: return DNSStream.take(d, own(state, DNSStream.State.self), bytes)
    case .tls: return TLSStream.take(d, own(state, TLSStream.State.self), bytes)
    case .http: return HTTPStream.take(d, own(state, HTTPStream.State.self), bytes)
    case .http2: return HTTP2Stream.take(d, own(state, HTTP2Stream.State.self), bytes)
    case .ssh: return SSHStream.take(d, own(state, SSHStream.State.self), bytes)
    case .smtp: return SMTPStream.take(d, own(state, SMTPStream.State.self), bytes)
    case .ftp: return FTPStream.take(d, own(state, FTPStream.State.self), bytes)
    case .ftpData: return FTPDataStream.take(d, own(state, FTPDataStream.State.self), bytes)
    case .imap: return IMAPStream.take(d, own(state, IMAPStream.State.self), bytes)
    case .pop3: return POP3Stream.take(d, own(state, POP3Stream.State.self), bytes)
    case .telnet: return TelnetStream.take(d, own(state, TelnetStream.State.self), bytes)
    case .mqtt: return MQTTStream.take(d, own(state, MQTTStream.State.self), bytes)
    case .sip: return SIPStream.take(d, own(state, SIPStream.State.self), bytes)
    // Known by its signature: the other direction's first bytes are still held to it, and nothing more is
    // asked.
    default: return .directionDone()
    }
  }

  mutating func dissectGap(
    _ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool, _ rest: Bytes, _ missing: UInt64
  ) -> GapAnswer {
    let d = delivery(state, toServer: toServer)
    switch AppProtocol(rawValue: state.pointee.proto) ?? .unknown {
    // Not known yet: what stands behind the hole may tell.
    case .dns:
      return DNSStream.gap(d, own(state, DNSStream.State.self), rest: rest, missing: missing)
    case .tls:
      return TLSStream.gap(d, own(state, TLSStream.State.self), rest: rest, missing: missing)
    case .http:
      return HTTPStream.gap(d, own(state, HTTPStream.State.self), rest: rest, missing: missing)
    case .http2:
      return HTTP2Stream.gap(d, own(state, HTTP2Stream.State.self), rest: rest, missing: missing)
    case .ssh:
      return SSHStream.gap(d, own(state, SSHStream.State.self), rest: rest, missing: missing)
    case .smtp:
      return SMTPStream.gap(d, own(state, SMTPStream.State.self), rest: rest, missing: missing)
    case .ftp:
      return FTPStream.gap(d, own(state, FTPStream.State.self), rest: rest, missing: missing)
    case .ftpData:
      return FTPDataStream.gap(
        d, own(state, FTPDataStream.State.self), rest: rest, missing: missing)
    case .imap:
      return IMAPStream.gap(d, own(state, IMAPStream.State.self), rest: rest, missing: missing)
    case .pop3:
      return POP3Stream.gap(d, own(state, POP3Stream.State.self), rest: rest, missing: missing)
    case .telnet:
      return TelnetStream.gap(d, own(state, TelnetStream.State.self), rest: rest, missing: missing)
    case .mqtt:
      return MQTTStream.gap(d, own(state, MQTTStream.State.self), rest: rest, missing: missing)
    case .sip:
      return SIPStream.gap(d, own(state, SIPStream.State.self), rest: rest, missing: missing)
    case .unknown: return .resume
    default: return .done
    }
  }

  mutating func dissectClosed(
    _ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool, _ rest: Bytes
  ) {
    let d = delivery(state, toServer: toServer)
    switch AppProtocol(rawValue: state.pointee.proto) ?? .unknown {
    case .dns: DNSStream.closed(d, own(state, DNSStream.State.self), rest: rest)
    case .tls: TLSStream.closed(d, own(state, TLSStream.State.self), rest: rest)
    case .http: HTTPStream.closed(d, own(state, HTTPStream.State.self), rest: rest)
    case .http2: HTTP2Stream.closed(d, own(state, HTTP2Stream.State.self), rest: rest)
    case .ssh: SSHStream.closed(d, own(state, SSHStream.State.self), rest: rest)
    case .smtp: SMTPStream.closed(d, own(state, SMTPStream.State.self), rest: rest)
    case .ftp: FTPStream.closed(d, own(state, FTPStream.State.self), rest: rest)
    case .ftpData: FTPDataStream.closed(d, own(state, FTPDataStream.State.self), rest: rest)
    case .imap: IMAPStream.closed(d, own(state, IMAPStream.State.self), rest: rest)
    case .pop3: POP3Stream.closed(d, own(state, POP3Stream.State.self), rest: rest)
    case .telnet: TelnetStream.closed(d, own(state, TelnetStream.State.self), rest: rest)
    case .mqtt: MQTTStream.closed(d, own(state, MQTTStream.State.self), rest: rest)
    case .sip: SIPStream.closed(d, own(state, SIPStream.State.self), rest: rest)
    default: break
    }
  }

  // MARK: Datagrams

  mutating func dissectDatagram(
    _ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool, _ bytes: Bytes, _ missing: Int
  ) -> DatagramAnswer {
    let d = delivery(state, toServer: toServer)
    switch AppProtocol(rawValue: state.pointee.proto) ?? .unknown {
    case .dns:
      return DNSDatagrams.take(d, own(state, DNSDatagrams.State.self), bytes, missing: missing)
    case .mdns:
      return DNSDatagrams.take(d, own(state, DNSDatagrams.State.self), bytes, missing: missing)
    case .llmnr:
      return DNSDatagrams.take(d, own(state, DNSDatagrams.State.self), bytes, missing: missing)
    case .quic:
      return QUICDatagrams.take(d, own(state, QUICDatagrams.State.self), bytes, missing: missing)
    case .dhcp:
      return DHCPDatagrams.take(d, own(state, DHCPDatagrams.State.self), bytes, missing: missing)
    case .dhcpv6:
      return DHCPv6Datagrams.take(
        d, own(state, DHCPv6Datagrams.State.self), bytes, missing: missing)
    case .ntp:
      return NTPDatagrams.take(d, own(state, NTPDatagrams.State.self), bytes, missing: missing)
    case .snmp:
      return SNMPDatagrams.take(d, own(state, SNMPDatagrams.State.self), bytes, missing: missing)
    case .sip:
      return SIPDatagrams.take(d, own(state, SIPDatagrams.State.self), bytes, missing: missing)
    case .tftp:
      return TFTPDatagrams.take(d, own(state, TFTPDatagrams.State.self), bytes, missing: missing)
    default: return .done
    }
  }

  // MARK: The end

  mutating func endDissector(_ state: UnsafeMutablePointer<FlowState>) {
    let isTCP = core.flows.hot[Int(state.pointee.entry)].key.proto == IPProtocol.tcp
    let d = delivery(state, toServer: true)
    let proto = AppProtocol(rawValue: state.pointee.proto) ?? .unknown
    if isTCP {
      switch proto {
      case .dns: DNSStream.end(d, own(state, DNSStream.State.self))
      case .tls: TLSStream.end(d, own(state, TLSStream.State.self))
      case .http: HTTPStream.end(d, own(state, HTTPStream.State.self))
      case .http2: HTTP2Stream.end(d, own(state, HTTP2Stream.State.self))
      case .ssh: SSHStream.end(d, own(state, SSHStream.State.self))
      case .smtp: SMTPStream.end(d, own(state, SMTPStream.State.self))
      case .ftp: FTPStream.end(d, own(state, FTPStream.State.self))
      case .ftpData: FTPDataStream.end(d, own(state, FTPDataStream.State.self))
      case .imap: IMAPStream.end(d, own(state, IMAPStream.State.self))
      case .pop3: POP3Stream.end(d, own(state, POP3Stream.State.self))
      case .telnet: TelnetStream.end(d, own(state, TelnetStream.State.self))
      case .mqtt: MQTTStream.end(d, own(state, MQTTStream.State.self))
      case .sip: SIPStream.end(d, own(state, SIPStream.State.self))
      default: break
      }
    } else {
      switch proto {
      case .dns: DNSDatagrams.end(d, own(state, DNSDatagrams.State.self))
      case .mdns: DNSDatagrams.end(d, own(state, DNSDatagrams.State.self))
      case .llmnr: DNSDatagrams.end(d, own(state, DNSDatagrams.State.self))
      case .quic: QUICDatagrams.end(d, own(state, QUICDatagrams.State.self))
      case .dhcp: DHCPDatagrams.end(d, own(state, DHCPDatagrams.State.self))
      case .dhcpv6: DHCPv6Datagrams.end(d, own(state, DHCPv6Datagrams.State.self))
      case .ntp: NTPDatagrams.end(d, own(state, NTPDatagrams.State.self))
      case .snmp: SNMPDatagrams.end(d, own(state, SNMPDatagrams.State.self))
      case .sip: SIPDatagrams.end(d, own(state, SIPDatagrams.State.self))
      case .tftp: TFTPDatagrams.end(d, own(state, TFTPDatagrams.State.self))
      default: break
      }
    }
  }

  // MARK: Calls

  @inline(__always)
  private func own<State>(
    _ state: UnsafeMutablePointer<FlowState>, _ type: State.Type
  ) -> UnsafeMutablePointer<State> {
    (UnsafeMutableRawPointer(state) + FlowState.ownOffset).assumingMemoryBound(to: State.self)
  }
}
