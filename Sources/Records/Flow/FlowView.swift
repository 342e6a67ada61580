import FlowEngine

/// A flow record as its readers see it: originator and responder instead of A and B, words instead
/// of numbers. Made once a record, on the stack; what takes computing is computed when asked for.
struct FlowView {
  let record: UnsafePointer<FlowRecord>
  let identity: FlowIdentity
  let originator: FlowEndpoint
  let responder: FlowEndpoint

  @inline(__always)
  init(_ record: UnsafePointer<FlowRecord>, identity: FlowIdentity) {
    self.record = record
    self.identity = identity
    originator = record.pointee.originator
    responder = record.pointee.responder
  }

  var flowID: UInt64 {
    identity.flowID(key: record.pointee.hot.key, cold: record.pointee.cold)
  }

  var connectionState: ConnectionState {
    ConnectionState.of(
      record, withoutData: originator.payloadBytes == 0 && responder.payloadBytes == 0)
  }

  var proto: UInt8 { record.pointee.proto }
  var ipVersion: UInt8 { record.pointee.ipVersion }
  var isUpdate: Bool { record.pointee.isUpdate }

  var app: FlowApp { record.pointee.knownApp }

  /// The name of a protocol in ``FlowApp``; nil where it is not known.
  static func appName(_ number: UInt8) -> StaticString? {
    number == 0 ? nil : AppProtocol(rawValue: number)?.name
  }

  /// The same of one that is told only where it differs from what the flow speaks.
  func differingAppName(_ number: UInt8) -> StaticString? {
    number == app.proto ? nil : Self.appName(number)
  }

  var isTCP: Bool { record.pointee.isTCP }
  var isICMP: Bool { record.pointee.isICMP }
  var hasPorts: Bool { record.pointee.hasPorts }

  /// Type of the responder's ICMP messages, which the key carries in place of its port.
  var responseICMPType: UInt16? {
    isICMP && responder.packets > 0 ? responder.port : nil
  }

  /// Code of the responder's first ICMP message.
  var responseICMPCode: UInt8? {
    isICMP && responder.packets > 0 ? record.pointee.cold.responseICMPCode : nil
  }

  /// Whether there is a payload to be counted.
  var hasPayload: Bool {
    proto == IPProtocol.tcp || proto == IPProtocol.udp || isICMP
  }

  /// The tunnel around the flow, where it is in one.
  var tunnel: (Tunnel, TunnelKind)? { record.pointee.innermostTunnel }

  /// What was left out, where anything was while the flow lived.
  var sampling: FlowSampling? {
    let sampling = record.pointee.sampling
    return sampling.rawValue == 0 ? nil : sampling
  }

  /// Nanoseconds from the first packet to the first one the other way, where there was one.
  var roundTripNanoseconds: UInt64? {
    let firstReply = record.pointee.cold.firstReply
    guard originator.packets > 0, responder.packets > 0, firstReply != 0 else { return nil }
    // Wrapping: the difference of two times within 584 years; stamps out of order give none.
    let difference = firstReply &- record.pointee.cold.firstSeen
    return difference >= 0 ? UInt64(difference) : nil
  }

  /// Whole seconds between first and latest packet, as Suricata counts them.
  var ageSeconds: UInt64 {
    let start = TimestampText.split(record.pointee.cold.firstSeen).second
    let end = TimestampText.split(record.pointee.hot.lastSeen).second
    return end > start ? UInt64(end - start) : 0
  }

  /// Stands for no VLAN in a record.
  static var noVLAN: UInt16 { 0xffff }

  var isFragmented: Bool { record.pointee.hot.flags & FlowFlags.fragmented != 0 }

  var hasMACs: Bool {
    let a = originator.mac
    let b = responder.mac
    return a.0 | a.1 | a.2 | b.0 | b.1 | b.2 != 0
  }

  var tcpFlags: UInt8 { originator.tcpFlags | responder.tcpFlags }

  var tcpState: TCPState {
    let hot = record.pointee.hot
    return record.pointee.originatorIsB
      ? TCPState(originator: hot.sideB, responder: hot.sideA)
      : TCPState(originator: hot.sideA, responder: hot.sideB)
  }
}

extension FlowRecord {
  var innermostTunnel: (Tunnel, TunnelKind)? {
    guard parts & Parts.tunnel != 0, let kind = TunnelKind(rawValue: tunnel.kind) else {
      return nil
    }
    return (tunnel, kind)
  }

  @inline(__always) var isAnomaly: Bool { kind == FlowRecordKind.anomaly }
  @inline(__always) var proto: UInt8 { hot.key.proto }
  @inline(__always) var ipVersion: UInt8 { hot.key.ipVersion }
  @inline(__always) var isUpdate: Bool { kind == FlowRecordKind.flowUpdate }
  @inline(__always) var isTCP: Bool { proto == IPProtocol.tcp }
  @inline(__always) var isICMP: Bool { proto == IPProtocol.icmp || proto == IPProtocol.icmpv6 }

  /// Whether the ports are ports: in Suricata's records only of these three.
  @inline(__always) var hasPorts: Bool {
    proto == IPProtocol.tcp || proto == IPProtocol.udp || proto == IPProtocol.sctp
  }
}

extension FlowRecord {
  /// What the flow speaks; zeros where it is not known, or has a number that nobody gave.
  var knownApp: FlowApp { FlowView.appName(app.proto) == nil ? FlowApp() : app }
}

extension ByteWriter {
  @inline(__always)
  mutating func proto(_ number: UInt8) {
    if let name = FlowWords.proto(number) {
      word(name)
    } else {
      decimal(number)
    }
  }

  /// VLAN ids joined by commas; nothing where there are none.
  @inline(__always)
  mutating func vlans(_ cold: FlowCold) { vlans((cold.vlanOuter, cold.vlanInner)) }

  @inline(__always)
  mutating func vlans(_ ids: (UInt16, UInt16)) {
    guard ids.0 != FlowView.noVLAN else { return }
    decimal(ids.0)
    guard ids.1 != FlowView.noVLAN else { return }
    byte(UInt8(ascii: ","))
    decimal(ids.1)
  }

  /// Zeek's letters as they stand in the record, 16 at the most.
  @inline(__always)
  mutating func history(_ cold: FlowCold) {
    let length = min(Int(cold.historyLength), 16)
    withUnsafeBytes(of: cold.historyText) { text in
      for letter in text.prefix(length) { byte(letter) }
    }
  }
}
