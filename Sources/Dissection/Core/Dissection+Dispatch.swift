internal import FlowEngine

// Which dissector has which protocol: one switch for streams and one for datagrams. What is asked of it is a
// generic call, so that after inlining each is a plain one.

/// Something that is asked of whichever dissector has a stream.
private protocol StreamCall {
  associatedtype Answer

  func callAsFunction<Dissector: StreamDissector>(_ dissector: Dissector.Type) -> Answer
}

/// The same of a flow's datagrams.
private protocol DatagramCall {
  associatedtype Answer

  func callAsFunction<Dissector: DatagramDissector>(_ dissector: Dissector.Type) -> Answer
}

extension Dissection {
  /// nil of a protocol that has no dissector.
  @inline(__always)
  private static func ask<Call: StreamCall>(
    _ proto: AppProtocol, stream call: Call
  ) -> Call.Answer? {
    switch proto {
    case .dns: call(DNSStream.self)
    case .tls: call(TLSStream.self)
    case .http: call(HTTPStream.self)
    case .http2: call(HTTP2Stream.self)
    case .ssh: call(SSHStream.self)
    case .smtp: call(SMTPStream.self)
    case .ftp: call(FTPStream.self)
    case .ftpData: call(FTPDataStream.self)
    case .imap: call(IMAPStream.self)
    case .pop3: call(POP3Stream.self)
    case .telnet: call(TelnetStream.self)
    case .mqtt: call(MQTTStream.self)
    case .sip: call(SIPStream.self)
    default: nil
    }
  }

  /// nil of a protocol that has no dissector.
  @inline(__always)
  private static func ask<Call: DatagramCall>(
    _ proto: AppProtocol, datagrams call: Call
  ) -> Call.Answer? {
    switch proto {
    case .dns, .mdns, .llmnr: call(DNSDatagrams.self)
    case .quic: call(QUICDatagrams.self)
    case .dhcp: call(DHCPDatagrams.self)
    case .dhcpv6: call(DHCPv6Datagrams.self)
    case .ntp: call(NTPDatagrams.self)
    case .snmp: call(SNMPDatagrams.self)
    case .sip: call(SIPDatagrams.self)
    case .tftp: call(TFTPDatagrams.self)
    default: nil
    }
  }

  private static func proto(of state: UnsafeMutablePointer<FlowState>) -> AppProtocol {
    AppProtocol(rawValue: state.pointee.proto) ?? .unknown
  }

  // MARK: First bytes

  private struct Look: StreamCall, DatagramCall {
    let bytes: Bytes
    let context: ProbeContext

    @inline(__always)
    func callAsFunction<Dissector: StreamDissector>(_ dissector: Dissector.Type) -> Probe {
      Dissector.probe(bytes, context)
    }

    @inline(__always)
    func callAsFunction<Dissector: DatagramDissector>(_ dissector: Dissector.Type) -> Probe {
      Dissector.probe(bytes, context)
    }
  }

  /// A look at first bytes.
  static func probe(_ proto: AppProtocol, _ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let look = Look(bytes: bytes, context: context)
    let answer = context.isTCP ? ask(proto, stream: look) : ask(proto, datagrams: look)
    return answer ?? Signatures.probe(proto, bytes, context)
  }

  // MARK: Streams

  private struct Take: StreamCall {
    let d: Delivery
    let bytes: Bytes

    @inline(__always)
    func callAsFunction<Dissector: StreamDissector>(_ dissector: Dissector.Type) -> Progress {
      Dissector.take(d, d.own(Dissector.State.self), bytes)
    }
  }

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
    // Known by its signature: the other direction's first bytes are still held to it, and nothing more is
    // asked.
    return Self.ask(Self.proto(of: state), stream: Take(d: d, bytes: bytes)) ?? .directionDone()
  }

  private struct Gap: StreamCall {
    let d: Delivery
    let rest: Bytes
    let missing: UInt64

    @inline(__always)
    func callAsFunction<Dissector: StreamDissector>(_ dissector: Dissector.Type) -> GapAnswer {
      Dissector.gap(d, d.own(Dissector.State.self), rest: rest, missing: missing)
    }
  }

  mutating func dissectGap(
    _ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool, _ rest: Bytes, _ missing: UInt64
  ) -> GapAnswer {
    let proto = Self.proto(of: state)
    let gap = Gap(d: delivery(state, toServer: toServer), rest: rest, missing: missing)
    // Not known yet: what stands behind the hole may tell.
    return Self.ask(proto, stream: gap) ?? (proto == .unknown ? .resume : .done)
  }

  private struct Closed: StreamCall {
    let d: Delivery
    let rest: Bytes

    @inline(__always)
    func callAsFunction<Dissector: StreamDissector>(_ dissector: Dissector.Type) {
      Dissector.closed(d, d.own(Dissector.State.self), rest: rest)
    }
  }

  mutating func dissectClosed(
    _ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool, _ rest: Bytes
  ) {
    let closed = Closed(d: delivery(state, toServer: toServer), rest: rest)
    _ = Self.ask(Self.proto(of: state), stream: closed)
  }

  // MARK: Datagrams

  private struct TakeDatagram: DatagramCall {
    let d: Delivery
    let bytes: Bytes
    let missing: Int

    @inline(__always)
    func callAsFunction<Dissector: DatagramDissector>(
      _ dissector: Dissector.Type
    ) -> DatagramAnswer {
      Dissector.take(d, d.own(Dissector.State.self), bytes, missing: missing)
    }
  }

  mutating func dissectDatagram(
    _ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool, _ bytes: Bytes, _ missing: Int
  ) -> DatagramAnswer {
    let take = TakeDatagram(
      d: delivery(state, toServer: toServer), bytes: bytes, missing: missing)
    return Self.ask(Self.proto(of: state), datagrams: take) ?? .done
  }

  // MARK: The end

  private struct End: StreamCall, DatagramCall {
    let d: Delivery

    @inline(__always)
    func callAsFunction<Dissector: StreamDissector>(_ dissector: Dissector.Type) {
      Dissector.end(d, d.own(Dissector.State.self))
    }

    @inline(__always)
    func callAsFunction<Dissector: DatagramDissector>(_ dissector: Dissector.Type) {
      Dissector.end(d, d.own(Dissector.State.self))
    }
  }

  mutating func endDissector(_ state: UnsafeMutablePointer<FlowState>) {
    let end = End(d: delivery(state, toServer: true))
    if core.flows.hot[Int(state.pointee.entry)].key.proto == IPProtocol.tcp {
      _ = Self.ask(Self.proto(of: state), stream: end)
    } else {
      _ = Self.ask(Self.proto(of: state), datagrams: end)
    }
  }
}

extension Delivery {
  /// The dissector's own part of the flow's state.
  @inline(__always)
  fileprivate func own<State>(_ type: State.Type) -> UnsafeMutablePointer<State> {
    (UnsafeMutableRawPointer(flow) + FlowState.ownOffset).assumingMemoryBound(to: State.self)
  }
}
