import FlowEngine

/// A record that is tested. A test reads few of its fields, so it makes a ``FlowView``, which holds
/// them all, only for what is not simply there.
struct ExpressionRecord {
  let record: UnsafePointer<FlowRecord>
  let identity: FlowIdentity

  @inline(__always) var value: FlowRecord { record.pointee }
  @inline(__always) var originatorSide: FlowSide {
    value.originatorIsB ? value.hot.sideB : value.hot.sideA
  }
  @inline(__always) var responderSide: FlowSide {
    value.originatorIsB ? value.hot.sideA : value.hot.sideB
  }
  @inline(__always) var originatorAddress: IPAddress {
    value.originatorIsB ? value.hot.key.addressB : value.hot.key.addressA
  }
  @inline(__always) var responderAddress: IPAddress {
    value.originatorIsB ? value.hot.key.addressA : value.hot.key.addressB
  }
  @inline(__always) var originatorPort: UInt16 {
    value.originatorIsB ? value.hot.key.portB : value.hot.key.portA
  }
  @inline(__always) var responderPort: UInt16 {
    value.originatorIsB ? value.hot.key.portA : value.hot.key.portB
  }
  /// An end point with all there is of it: for what is asked for seldom.
  @inline(__always) var originator: FlowEndpoint { record.pointee.originator }
  @inline(__always) var responder: FlowEndpoint { record.pointee.responder }
  @inline(__always) var view: FlowView { FlowView(record, identity: identity) }
}

/// The values of a record's fields, as tests want them.
extension ExpressionProgram {
  // MARK: Numbers

  /// Numbers as they are, durations in nanoseconds, times in microseconds since 1970.
  @inline(__always)
  func numbers(_ source: ExpressionSource, _ flow: ExpressionRecord) -> ExpressionNumbers {
    let hot = flow.value.hot
    switch source {
    case .eitherPort:
      guard flow.value.hasPorts else { return .none }
      return ExpressionNumbers(
        count: 2, first: Int128(hot.key.portA), second: Int128(hot.key.portB))
    // Sums of two counters of 64 bits have room in 128.
    case .bytes: return ExpressionNumbers(Int128(hot.sideA.bytes) + Int128(hot.sideB.bytes))
    case .packets: return ExpressionNumbers(Int128(hot.sideA.packets) + Int128(hot.sideB.packets))
    case .ipBytes: return ExpressionNumbers(Int128(hot.sideA.ipBytes) + Int128(hot.sideB.ipBytes))
    case .duration:
      return ExpressionNumbers(max(Int128(hot.lastSeen) - Int128(flow.value.cold.firstSeen), 0))
    case .field(let field): return numbers(field, flow)
    case .eitherAddress, .eitherMAC, .path: return .none
    }
  }

  private func numbers(_ field: FlowField, _ flow: ExpressionRecord) -> ExpressionNumbers {
    switch field {
    case .timestamp: return ExpressionNumbers(Self.microseconds(flow.value.exportTime))
    case .start: return ExpressionNumbers(Self.microseconds(flow.value.cold.firstSeen))
    case .end: return ExpressionNumbers(Self.microseconds(flow.value.hot.lastSeen))
    case .flowID: return ExpressionNumbers(flow.view.flowID)
    case .vlan: return Self.vlans(flow.value.cold)
    case .sourcePort: return ExpressionNumbers(flow.value.hasPorts ? flow.originatorPort : nil)
    case .destinationPort: return ExpressionNumbers(flow.value.hasPorts ? flow.responderPort : nil)
    case .ipVersion: return ExpressionNumbers(flow.value.ipVersion)
    case .icmpType: return ExpressionNumbers(flow.value.isICMP ? flow.value.cold.icmpType : nil)
    case .icmpCode: return ExpressionNumbers(flow.value.isICMP ? flow.value.cold.icmpCode : nil)
    case .responseICMPType: return ExpressionNumbers(flow.view.responseICMPType)
    case .responseICMPCode: return ExpressionNumbers(flow.view.responseICMPCode)
    case .tunnelPort:
      let port = flow.value.innermostTunnel?.0.port ?? 0
      return ExpressionNumbers(port == 0 ? nil : port)
    case .tunnelIdentifier:
      return ExpressionNumbers(flow.value.innermostTunnel?.0.knownIdentifier)
    case .tunnelDepth: return ExpressionNumbers(flow.value.innermostTunnel?.0.depth)
    case .samplingInterval: return ExpressionNumbers(flow.view.sampling?.interval)
    case .samplingHighest: return ExpressionNumbers(flow.view.sampling?.highestInterval)
    case .startNanosecond:
      return ExpressionNumbers(TimestampText.split(flow.value.cold.firstSeen).nanosecond)
    case .endNanosecond:
      return ExpressionNumbers(TimestampText.split(flow.value.hot.lastSeen).nanosecond)
    case .age: return ExpressionNumbers(Int128(flow.view.ageSeconds) * 1_000_000_000)
    case .roundTrip: return ExpressionNumbers(flow.view.roundTripNanoseconds)
    case .startEpoch: return ExpressionNumbers(includesSequence ? startEpochMicroseconds : nil)
    case .worker: return ExpressionNumbers(includesSequence ? flow.value.worker : nil)
    case .sequence: return ExpressionNumbers(includesSequence ? flow.value.sequence : nil)
    case .transactions:
      return flow.value.knownApp.proto == 0
        ? .none : ExpressionNumbers(Int128(flow.value.knownApp.transactions))
    case .updateOrdinal:
      return ExpressionNumbers(flow.value.isUpdate ? flow.value.updateOrdinal : nil)
    default: return Self.side(field, flow)
    }
  }

  /// Fields that there are for each direction.
  private static func side(_ field: FlowField, _ flow: ExpressionRecord) -> ExpressionNumbers {
    let update = flow.value.isUpdate
    func sent<Value: BinaryInteger>(_ end: FlowEndpoint, _ value: Value) -> ExpressionNumbers {
      ExpressionNumbers(end.packets > 0 ? value : nil)
    }
    switch field {
    case .packetsToServer: return ExpressionNumbers(flow.originatorSide.packets)
    case .packetsToClient: return ExpressionNumbers(flow.responderSide.packets)
    case .bytesToServer: return ExpressionNumbers(flow.originatorSide.bytes)
    case .bytesToClient: return ExpressionNumbers(flow.responderSide.bytes)
    case .ipBytesToServer: return ExpressionNumbers(flow.originatorSide.ipBytes)
    case .ipBytesToClient: return ExpressionNumbers(flow.responderSide.ipBytes)
    case .packetsToServerDelta:
      return ExpressionNumbers(update ? flow.originator.packetsDelta : nil)
    case .packetsToClientDelta: return ExpressionNumbers(update ? flow.responder.packetsDelta : nil)
    case .bytesToServerDelta: return ExpressionNumbers(update ? flow.originator.bytesDelta : nil)
    case .bytesToClientDelta: return ExpressionNumbers(update ? flow.responder.bytesDelta : nil)
    case .ipBytesToServerDelta:
      return ExpressionNumbers(update ? flow.originator.ipBytesDelta : nil)
    case .ipBytesToClientDelta: return ExpressionNumbers(update ? flow.responder.ipBytesDelta : nil)
    case .ttlToServer: return sent(flow.originator, flow.originator.ttl)
    case .ttlToClient: return sent(flow.responder, flow.responder.ttl)
    case .dscpToServer: return sent(flow.originator, flow.originator.trafficClass >> 2)
    case .dscpToClient: return sent(flow.responder, flow.responder.trafficClass >> 2)
    case .windowToServer:
      return flow.value.isTCP ? sent(flow.originator, flow.originator.tcpWindow) : .none
    case .windowToClient:
      return flow.value.isTCP ? sent(flow.responder, flow.responder.tcpWindow) : .none
    case .payloadBytesToServer:
      return ExpressionNumbers(flow.view.hasPayload ? flow.originator.payloadBytes : nil)
    case .payloadBytesToClient:
      return ExpressionNumbers(flow.view.hasPayload ? flow.responder.payloadBytes : nil)
    default:
      // EVE leaves a count of 0 out.
      guard let count = flow.view.trouble(field), count > 0 else { return .none }
      return ExpressionNumbers(count)
    }
  }

  private static func vlans(_ cold: FlowCold) -> ExpressionNumbers {
    guard cold.vlanOuter != FlowView.noVLAN else { return .none }
    let hasInner = cold.vlanInner != FlowView.noVLAN
    return ExpressionNumbers(
      count: hasInner ? 2 : 1, first: Int128(cold.vlanOuter), second: Int128(cold.vlanInner))
  }

  /// Microseconds since 1970 of nanoseconds, towards the past, as records cut times off.
  static func microseconds(_ nanoseconds: Int64) -> Int64 {
    let (second, nanosecond) = TimestampText.split(nanoseconds)
    // 2^63 ns are below 2^54 µs.
    return second &* 1_000_000 &+ nanosecond / 1000
  }

  // MARK: Addresses

  @inline(__always)
  func addresses(_ source: ExpressionSource, _ flow: ExpressionRecord) -> (IPAddress?, IPAddress?) {
    switch source {
    case .field(.sourceAddress): (flow.originatorAddress, nil)
    case .field(.destinationAddress): (nil, flow.responderAddress)
    case .field(.tunnelSource): (flow.value.innermostTunnel?.0.source, nil)
    case .field(.tunnelDestination): (flow.value.innermostTunnel?.0.destination, nil)
    default: (flow.originatorAddress, flow.responderAddress)
    }
  }

  /// 4 or 6, of those addresses.
  @inline(__always)
  func version(_ source: ExpressionSource, _ flow: ExpressionRecord) -> UInt8 {
    switch source {
    case .field(.tunnelSource), .field(.tunnelDestination):
      flow.value.innermostTunnel?.0.ipVersion ?? 4
    default: flow.value.ipVersion
    }
  }

  /// 48 bits each, the first byte on top.
  func macs(_ source: ExpressionSource, _ flow: ExpressionRecord) -> (UInt64?, UInt64?) {
    switch source {
    case .field(.sourceMAC): (Self.mac(flow.originator.mac), nil)
    case .field(.destinationMAC): (nil, Self.mac(flow.responder.mac))
    default: (Self.mac(flow.originator.mac), Self.mac(flow.responder.mac))
    }
  }

  private static func mac(_ words: (UInt16, UInt16, UInt16)) -> UInt64 {
    UInt64(words.0.bigEndian) << 32 | UInt64(words.1.bigEndian) << 16 | UInt64(words.2.bigEndian)
  }

  // MARK: Words

  /// The index of the field's word in ``ExpressionWords``; nil where the record has none.
  @inline(__always)
  func word(_ source: ExpressionSource, _ flow: ExpressionRecord) -> UInt8? {
    guard case .field(let field) = source else { return nil }
    switch field {
    case .eventType: return flow.value.isAnomaly ? 2 : flow.value.isUpdate ? 1 : 0
    case .appProto: return flow.value.knownApp.proto == 0 ? nil : flow.value.knownApp.proto
    case .appProtoToServer: return Self.differing(flow.value.knownApp.toServer, flow)
    case .appProtoToClient: return Self.differing(flow.value.knownApp.toClient, flow)
    case .appProtoExpected: return Self.differing(flow.value.knownApp.expected, flow)
    case .appProtoOriginal: return Self.differing(flow.value.knownApp.original, flow)
    case .tunnelKind: return flow.value.innermostTunnel?.1.rawValue
    case .tunnelProto:
      return flow.value.innermostTunnel?.0.proto(ofVersion: flow.value.ipVersion)
    case .proto: return flow.value.proto
    case .state:
      let state = flow.value.hot.state
      return state <= FlowState.closed ? state : FlowState.new
    case .reason: return flow.value.isUpdate ? nil : Self.known(flow.value.endReason)
    case .endReason: return Self.known(flow.value.endReason)
    case .tcpFlags: return flow.value.isTCP ? flow.view.tcpFlags : nil
    case .tcpFlagsToServer: return flow.value.isTCP ? flow.originator.tcpFlags : nil
    case .tcpFlagsToClient: return flow.value.isTCP ? flow.responder.tcpFlags : nil
    case .tcpState: return flow.value.isTCP ? flow.view.tcpState.rawValue : nil
    case .connectionState: return ConnectionState.of(flow.record).rawValue
    default: return nil
    }
  }

  private static func differing(_ number: UInt8, _ flow: ExpressionRecord) -> UInt8? {
    number == flow.value.knownApp.proto || FlowView.appName(number) == nil ? nil : number
  }

  /// Reasons without a name are all one.
  private static func known(_ endReason: UInt8) -> UInt8 {
    endReason <= FlowEndReason.operatorEnd ? endReason : 0
  }

  // MARK: Truth

  @inline(__always)
  func boolean(_ source: ExpressionSource, _ flow: ExpressionRecord) -> Bool {
    guard case .field(let field) = source else { return false }
    if field == .fragmented { return flow.view.isFragmented }
    if field == .samplingPartial { return flow.view.sampling?.isPartial == true }
    // RFC 9293, section 3.1; `alerted` is always false.
    let flag: UInt8 =
      switch field {
      case .fin: 0x01
      case .syn: 0x02
      case .rst: 0x04
      case .psh: 0x08
      case .ack: 0x10
      case .urg: 0x20
      case .ecn: 0x40
      case .cwr: 0x80
      default: 0
      }
    return flow.value.isTCP && flow.view.tcpFlags & flag != 0
  }

  /// Whether EVE has the field in this record.
  func isPresent(_ source: ExpressionSource, _ flow: ExpressionRecord) -> Bool {
    switch source {
    case .eitherAddress, .bytes, .packets, .ipBytes, .duration: return true
    case .eitherPort: return flow.value.hasPorts
    case .eitherMAC, .field(.sourceMAC), .field(.destinationMAC): return flow.view.hasMACs
    case .field(.sourceAddress), .field(.destinationAddress), .field(.communityID),
      .field(.sensor):
      return true
    case .field(.tunnelSource), .field(.tunnelDestination):
      return flow.value.innermostTunnel != nil
    case .field(.interface): return Int(flow.value.cold.portIndex) < ports.count
    case .field(.tags): return flow.value.cold.marks.tags != 0
    case .field(.history): return flow.value.cold.historyLength > 0
    default: return word(source, flow) != nil || numbers(source, flow).count > 0
    }
  }
}
