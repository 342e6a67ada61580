import FlowEngine

/// The values of a record's fields, as tests want them.
extension ExpressionProgram {
  // MARK: Numbers

  /// Numbers as they are, durations in nanoseconds, times in microseconds since 1970.
  @inline(__always)
  func numbers(_ source: ExpressionSource, _ view: FlowView) -> ExpressionNumbers {
    let originator = view.originator
    let responder = view.responder
    switch source {
    case .eitherPort:
      guard view.hasPorts else { return .none }
      return ExpressionNumbers(
        count: 2, first: Int128(originator.port), second: Int128(responder.port))
    // Sums of two counters of 64 bits have room in 128.
    case .bytes: return ExpressionNumbers(Int128(originator.bytes) + Int128(responder.bytes))
    case .packets: return ExpressionNumbers(Int128(originator.packets) + Int128(responder.packets))
    case .ipBytes: return ExpressionNumbers(Int128(originator.ipBytes) + Int128(responder.ipBytes))
    case .duration:
      let record = view.record
      return ExpressionNumbers(
        max(Int128(record.pointee.hot.lastSeen) - Int128(record.pointee.cold.firstSeen), 0))
    case .field(let field): return numbers(field, view)
    case .eitherAddress, .eitherMAC: return .none
    }
  }

  private func numbers(_ field: FlowField, _ view: FlowView) -> ExpressionNumbers {
    let record = view.record
    switch field {
    case .timestamp: return ExpressionNumbers(Self.microseconds(record.pointee.exportTime))
    case .start: return ExpressionNumbers(Self.microseconds(record.pointee.cold.firstSeen))
    case .end: return ExpressionNumbers(Self.microseconds(record.pointee.hot.lastSeen))
    case .flowID: return ExpressionNumbers(view.flowID)
    case .vlan: return Self.vlans(record.pointee.cold)
    case .sourcePort: return ExpressionNumbers(view.hasPorts ? view.originator.port : nil)
    case .destinationPort: return ExpressionNumbers(view.hasPorts ? view.responder.port : nil)
    case .ipVersion: return ExpressionNumbers(view.ipVersion)
    case .icmpType: return ExpressionNumbers(view.isICMP ? record.pointee.cold.icmpType : nil)
    case .icmpCode: return ExpressionNumbers(view.isICMP ? record.pointee.cold.icmpCode : nil)
    case .responseICMPType: return ExpressionNumbers(view.responseICMPType)
    case .startNanosecond:
      return ExpressionNumbers(TimestampText.split(record.pointee.cold.firstSeen).nanosecond)
    case .endNanosecond:
      return ExpressionNumbers(TimestampText.split(record.pointee.hot.lastSeen).nanosecond)
    case .age: return ExpressionNumbers(Int128(view.ageSeconds) * 1_000_000_000)
    case .roundTrip: return ExpressionNumbers(view.roundTripNanoseconds)
    case .startEpoch: return ExpressionNumbers(includesSequence ? startEpochMicroseconds : nil)
    case .worker: return ExpressionNumbers(includesSequence ? record.pointee.worker : nil)
    case .sequence: return ExpressionNumbers(includesSequence ? record.pointee.sequence : nil)
    case .updateOrdinal:
      return ExpressionNumbers(view.isUpdate ? record.pointee.updateOrdinal : nil)
    default: return Self.side(field, view)
    }
  }

  /// Fields that there are for each direction.
  private static func side(_ field: FlowField, _ view: FlowView) -> ExpressionNumbers {
    let originator = view.originator
    let responder = view.responder
    let update = view.isUpdate
    func sent<Value: BinaryInteger>(_ end: FlowEndpoint, _ value: Value) -> ExpressionNumbers {
      ExpressionNumbers(end.packets > 0 ? value : nil)
    }
    switch field {
    case .packetsToServer: return ExpressionNumbers(originator.packets)
    case .packetsToClient: return ExpressionNumbers(responder.packets)
    case .bytesToServer: return ExpressionNumbers(originator.bytes)
    case .bytesToClient: return ExpressionNumbers(responder.bytes)
    case .ipBytesToServer: return ExpressionNumbers(originator.ipBytes)
    case .ipBytesToClient: return ExpressionNumbers(responder.ipBytes)
    case .packetsToServerDelta: return ExpressionNumbers(update ? originator.packetsDelta : nil)
    case .packetsToClientDelta: return ExpressionNumbers(update ? responder.packetsDelta : nil)
    case .bytesToServerDelta: return ExpressionNumbers(update ? originator.bytesDelta : nil)
    case .bytesToClientDelta: return ExpressionNumbers(update ? responder.bytesDelta : nil)
    case .ipBytesToServerDelta: return ExpressionNumbers(update ? originator.ipBytesDelta : nil)
    case .ipBytesToClientDelta: return ExpressionNumbers(update ? responder.ipBytesDelta : nil)
    case .ttlToServer: return sent(originator, originator.ttl)
    case .ttlToClient: return sent(responder, responder.ttl)
    case .dscpToServer: return sent(originator, originator.trafficClass >> 2)
    case .dscpToClient: return sent(responder, responder.trafficClass >> 2)
    case .windowToServer: return view.isTCP ? sent(originator, originator.tcpWindow) : .none
    case .windowToClient: return view.isTCP ? sent(responder, responder.tcpWindow) : .none
    default: return .none
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
  func addresses(_ source: ExpressionSource, _ view: FlowView) -> (IPAddress?, IPAddress?) {
    switch source {
    case .field(.sourceAddress): (view.originator.address, nil)
    case .field(.destinationAddress): (nil, view.responder.address)
    default: (view.originator.address, view.responder.address)
    }
  }

  /// 48 bits each, the first byte on top.
  func macs(_ source: ExpressionSource, _ view: FlowView) -> (UInt64?, UInt64?) {
    switch source {
    case .field(.sourceMAC): (Self.mac(view.originator.mac), nil)
    case .field(.destinationMAC): (nil, Self.mac(view.responder.mac))
    default: (Self.mac(view.originator.mac), Self.mac(view.responder.mac))
    }
  }

  private static func mac(_ words: (UInt16, UInt16, UInt16)) -> UInt64 {
    UInt64(words.0.bigEndian) << 32 | UInt64(words.1.bigEndian) << 16 | UInt64(words.2.bigEndian)
  }

  // MARK: Words

  /// The index of the field's word in ``ExpressionWords``; nil where the record has none.
  @inline(__always)
  func word(_ source: ExpressionSource, _ view: FlowView) -> UInt8? {
    let record = view.record
    guard case .field(let field) = source else { return nil }
    switch field {
    case .eventType: return view.isUpdate ? 1 : 0
    case .proto: return view.proto
    case .state:
      let state = record.pointee.hot.state
      return state <= FlowState.closed ? state : FlowState.new
    case .reason: return view.isUpdate ? nil : Self.known(record.pointee.endReason)
    case .endReason: return Self.known(record.pointee.endReason)
    case .tcpFlags: return view.isTCP ? view.tcpFlags : nil
    case .tcpFlagsToServer: return view.isTCP ? view.originator.tcpFlags : nil
    case .tcpFlagsToClient: return view.isTCP ? view.responder.tcpFlags : nil
    case .tcpState: return view.isTCP ? view.tcpState.rawValue : nil
    case .connectionState: return view.connectionState.rawValue
    default: return nil
    }
  }

  /// Reasons without a name are all one.
  private static func known(_ endReason: UInt8) -> UInt8 {
    endReason <= FlowEndReason.lackOfResources ? endReason : 0
  }

  // MARK: Truth

  @inline(__always)
  func boolean(_ source: ExpressionSource, _ view: FlowView) -> Bool {
    guard case .field(let field) = source else { return false }
    if field == .fragmented { return view.isFragmented }
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
    return view.isTCP && view.tcpFlags & flag != 0
  }

  /// Whether EVE has the field in this record.
  func isPresent(_ source: ExpressionSource, _ view: FlowView) -> Bool {
    switch source {
    case .eitherAddress, .bytes, .packets, .ipBytes, .duration: return true
    case .eitherPort: return view.hasPorts
    case .eitherMAC, .field(.sourceMAC), .field(.destinationMAC): return view.hasMACs
    case .field(.sourceAddress), .field(.destinationAddress), .field(.communityID),
      .field(.sensor):
      return true
    case .field(.interface): return Int(view.record.pointee.cold.portIndex) < ports.count
    case .field(.history): return view.record.pointee.cold.historyLength > 0
    default: return word(source, view) != nil || numbers(source, view).count > 0
    }
  }
}
