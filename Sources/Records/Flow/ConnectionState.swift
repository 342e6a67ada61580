package import FlowEngine

/// Zeek's `conn_state`, told from the history of both directions.
///
/// Zeek runs a state machine for each end point and names their last states
/// (base/protocols/conn, `conn_state`). What that machine ends in follows from which of S, H, A, D,
/// F and R each side has sent and, where both FIN and RST came, from their order.
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
    let hot = record.pointee.hot
    let originator = record.pointee.originatorIsB ? hot.sideB : hot.sideA
    let responder = record.pointee.originatorIsB ? hot.sideA : hot.sideB
    switch hot.key.proto {
    case IPProtocol.tcp: return tcp(record, originator.history, responder.history)
    case IPProtocol.udp:
      if originator.packets > 0 { return responder.packets > 0 ? .sf : .s0 }
      return responder.packets > 0 ? .shr : .oth
    default: return .oth
    }
  }

  /// Zeek's end point states, as far as `conn_state` tells them apart.
  private enum Endpoint {
    case inactive, partial, synSent, synAckSent, established, closed, reset
  }

  private static func tcp(
    _ record: UnsafePointer<FlowRecord>, _ originator: UInt16, _ responder: UInt16
  ) -> ConnectionState {
    let handshake = HistoryBits.syn | HistoryBits.synAck
    let moved = HistoryBits.ack | HistoryBits.data
    let answered = responder & handshake != 0

    var os = Endpoint.inactive
    if originator & HistoryBits.syn != 0 {
      os = answered ? .established : .synSent
    } else if originator & HistoryBits.synAck != 0 {
      os = answered ? .established : .synAckSent
    } else if originator & moved != 0 {
      // Without SYN, but acknowledging a SYN/ACK: only the SYN was missed.
      os = answered ? .established : .partial
    }
    var rs = Endpoint.inactive
    if answered {
      rs = .established
    } else if responder & HistoryBits.data != 0
      || (responder & HistoryBits.ack != 0 && os != .synSent)
    {
      rs = .partial
    }
    if originator & HistoryBits.fin != 0 { os = .closed }
    if responder & HistoryBits.fin != 0 { rs = .closed }
    let bothClosed = os == .closed && rs == .closed
    if originator & HistoryBits.rst != 0
      && !(bothClosed && finBeforeReset(record, UInt8(ascii: "F"), UInt8(ascii: "R")))
    {
      os = .reset
    }
    if responder & HistoryBits.rst != 0
      && !(bothClosed && finBeforeReset(record, UInt8(ascii: "f"), UInt8(ascii: "r")))
    {
      rs = .reset
    }
    return name(os, rs, withoutData: (originator | responder) & HistoryBits.data == 0)
  }

  /// A side that sent its FIN first and a RST later closed normally, where the other side has sent
  /// a FIN too. Letters that no longer fitted into the history came late: the RST's.
  private static func finBeforeReset(
    _ record: UnsafePointer<FlowRecord>, _ fin: UInt8, _ reset: UInt8
  ) -> Bool {
    let cold = record.pointee.cold
    return withUnsafeBytes(of: cold.historyText) { text in
      for letter in text.prefix(Int(cold.historyLength)) {
        if letter == fin { return true }
        if letter == reset { return false }
      }
      return true
    }
  }

  private static func name(_ os: Endpoint, _ rs: Endpoint, withoutData: Bool) -> ConnectionState {
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
