package import FlowEngine

/// Zeek's `conn_state`: the last states of both end points under one name (base/protocols/conn).
package enum ConnectionState: UInt8, CaseIterable, Sendable {
  case s0, s1, sf, rej, s2, s3, rsto, rstr, rstos0, rstrh, sh, shr, oth

  package var text: StaticString {
    switch self {
    case .s0: "S0"
    case .s1: "S1"
    case .sf: "SF"
    case .rej: "REJ"
    case .s2: "S2"
    case .s3: "S3"
    case .rsto: "RSTO"
    case .rstr: "RSTR"
    case .rstos0: "RSTOS0"
    case .rstrh: "RSTRH"
    case .sh: "SH"
    case .shr: "SHR"
    case .oth: "OTH"
    }
  }

  /// The state of a flow as it stands in a record.
  package static func of(_ record: UnsafePointer<FlowRecord>) -> ConnectionState {
    of(
      record,
      withoutData: record.pointee.originator.payloadBytes == 0
        && record.pointee.responder.payloadBytes == 0)
  }

  /// The same where it is known whether anybody has sent data.
  static func of(_ record: UnsafePointer<FlowRecord>, withoutData: Bool) -> ConnectionState {
    switch record.pointee.hot.key.proto {
    case IPProtocol.tcp:
      let cold = record.pointee.cold
      let side: UInt8 = record.pointee.originatorIsB ? 1 : 0
      return name(cold.tcpState(side), cold.tcpState(1 &- side), withoutData: withoutData)
    case IPProtocol.udp:
      let isB = record.pointee.originatorIsB
      let a = record.pointee.hot.sideA.packets > 0
      let b = record.pointee.hot.sideB.packets > 0
      if isB ? b : a { return (isB ? a : b) ? .sf : .s0 }
      return (isB ? a : b) ? .shr : .oth
    default: return .oth
    }
  }

  private static func name(
    _ os: TCPEndpointState, _ rs: TCPEndpointState, withoutData: Bool
  ) -> ConnectionState {
    let originatorInactive = os == .inactive || os == .partial
    let responderInactive = rs == .inactive || rs == .partial
    switch (os, rs) {
    case (.synSent, .reset), (.synAckSent, .reset): return .rej
    case (.reset, .reset) where withoutData: return .rej
    case (_, .reset): return originatorInactive ? .rstrh : .rstr
    case (.reset, _): return responderInactive ? .rstos0 : .rsto
    case (.closed, .closed): return .sf
    case (.closed, _): return responderInactive ? .sh : .s2
    case (_, .closed): return originatorInactive ? .shr : .s3
    case (.synSent, .inactive): return .s0
    case (.established, .established): return .s1
    default: return .oth
    }
  }
}
