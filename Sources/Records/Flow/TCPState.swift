import FlowEngine

/// `tcp.state`, as Suricata sees it from the server: which FINs and handshake packets there were.
/// Its states between a FIN and its acknowledgement are not told apart.
enum TCPState: UInt8, CaseIterable {
  case none, synSent, synReceived, established, closeWait, finWait1, closed

  var text: StaticString {
    switch self {
    case .none: "none"
    case .synSent: "syn_sent"
    case .synReceived: "syn_recv"
    case .established: "established"
    case .closeWait: "close_wait"
    case .finWait1: "fin_wait1"
    case .closed: "closed"
    }
  }

  /// The state that two sides of a connection are in by what they have sent.
  init(originator: FlowSide, responder: FlowSide) {
    let both = originator.history | responder.history
    guard both & HistoryBits.rst == 0 else {
      self = .closed
      return
    }
    let moved = HistoryBits.ack | HistoryBits.data
    switch (originator.history & HistoryBits.fin, responder.history & HistoryBits.fin) {
    case (0, 0):
      if originator.history & moved != 0
        && responder.history & (HistoryBits.synAck | moved) != 0
      {
        self = .established
      } else if responder.history & HistoryBits.synAck != 0 {
        self = .synReceived
      } else {
        self = originator.history & HistoryBits.syn != 0 ? .synSent : .none
      }
    case (_, 0): self = .closeWait
    case (0, _): self = .finWait1
    default: self = .closed
    }
  }
}
