import FlowEngine
import Testing

/// A SYN, or numbers of their own, where there is a flow already: another connection on its ports, or not.
@Suite struct TCPReuseTests {
  struct Reuse: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var flows: [UInt64]
    var talk: @Sendable (Conversation) -> Void

    init(
      _ name: String, flows: [UInt64], _ talk: @escaping @Sendable (Conversation) -> Void
    ) {
      testDescription = name
      self.flows = flows
      self.talk = talk
    }
  }

  static let reuses: [Reuse] = [
    Reuse("behind both FINs", flows: [6, 3]) {
      $0.handshake()
      $0.goodbye()
      $0.client("S", 90_000)
      $0.server("SA", 90_000, ack: 90_001)
      $0.client("A", 90_001, ack: 90_001)
    },
    Reuse("behind both FINs, with the same number", flows: [6, 1]) {
      $0.handshake()
      $0.goodbye()
      $0.client("S", 0)
    },
    Reuse("behind both FINs, from the other side", flows: [6, 1]) {
      $0.handshake()
      $0.goodbye()
      $0.server("S", 5)
    },
    Reuse("behind a RST", flows: [4, 1]) {
      $0.handshake()
      $0.server("R", 1)
      $0.client("S", 90_000)
    },
    Reuse("in the middle of a connection", flows: [3, 1]) {
      $0.handshake()
      $0.client("S", 90_000)
    },
    Reuse("an attempt with another number", flows: [1, 1]) {
      $0.client("S", 0)
      $0.client("S", 90_000)
    },
    Reuse("sent again, unanswered", flows: [3]) {
      $0.client("S", 0)
      $0.client("S", 0)
      $0.client("S", 0)
    },
    Reuse("sent again, answered", flows: [4]) {
      $0.handshake()
      $0.client("S", 0)
    },
    Reuse("sent again, refused", flows: [4]) {
      $0.client("S", 0)
      $0.server("RA", 0, ack: 1)
      $0.client("S", 0)
      $0.server("RA", 0, ack: 1)
    },
    Reuse("both at once", flows: [4]) {
      $0.client("S", 0)
      $0.server("S", 0)
      $0.client("SA", 0, ack: 1)
      $0.server("SA", 0, ack: 1)
    },
    Reuse("an answer is no beginning", flows: [4]) {
      $0.handshake()
      $0.server("SA", 90_000, ack: 1)
    },
  ]

  /// Without a SYN: numbers of both sides that are nowhere near what has been said.
  static let leaps: [Reuse] = [
    Reuse("behind both FINs", flows: [6, 2]) {
      $0.handshake()
      $0.goodbye()
      $0.client("PA", 300_000_000, ack: 900_000_000, data: 10)
      $0.server("PA", 900_000_000, ack: 300_000_010, data: 10)
    },
    Reuse("behind a RST", flows: [4, 1]) {
      $0.handshake()
      $0.server("R", 1)
      $0.client("PA", 3_000_000_000, ack: 900_000_000, data: 10)
    },
    Reuse("after a silence", flows: [3, 1]) {
      $0.handshake()
      $0.time += 20
      $0.client("PA", 300_000_000, ack: 900_000_000, data: 10)
    },
    Reuse("in the middle of a connection", flows: [4]) {
      $0.handshake()
      $0.client("PA", 300_000_000, ack: 900_000_000, data: 10)
    },
    Reuse("one number alone", flows: [4]) {
      $0.handshake()
      $0.time += 20
      $0.client("PA", 300_000_000, ack: 1, data: 10)
    },
    Reuse("no data", flows: [4]) {
      $0.handshake()
      $0.time += 20
      $0.client("A", 300_000_000, ack: 900_000_000)
    },
    Reuse("what the other side says is not known", flows: [2]) {
      $0.client("PA", 1, ack: 1, data: 10)
      $0.time += 20
      $0.client("PA", 300_000_000, ack: 900_000_000, data: 10)
    },
    Reuse("where it went on", flows: [4]) {
      $0.handshake()
      $0.time += 20
      $0.client("PA", 1, ack: 1, data: 10)
    },
  ]

  @Test(arguments: reuses + leaps)
  func anotherFlowBeginsWhereItMust(_ reuse: Reuse) {
    for beginning in Conversation.beginnings {
      let talk = Conversation(from: beginning)
      reuse.talk(talk)
      let flows = talk.flows()
      #expect(
        flows.map { $0.originator.packets + $0.responder.packets } == reuse.flows,
        "from \(beginning)")
      #expect(talk.bed.total(.portsReused) == UInt64(reuse.flows.count - 1))
      if flows.count > 1 { #expect(flows[0].endReason == FlowEndReason.endOfFlow) }
    }
  }

  /// Who sends the new SYN is the new flow's originator.
  @Test func theNewFlowHasItsOwnOriginator() {
    let talk = Conversation()
    talk.handshake()
    talk.goodbye()
    talk.server("S", 50_000)
    talk.client("SA", 60_000, ack: 50_001)
    #expect(talk.flows().map { Int($0.originator.port) } == [40_000, 80])
  }

  /// A SYN that comes late, behind data, takes nothing back.
  @Test func aSynSentAgainBehindDataIsNoGap() throws {
    for beginning in Conversation.beginnings {
      let talk = Conversation(from: beginning)
      talk.handshake()
      talk.client("PA", 1, ack: 1, data: 100)
      talk.client("S", 0)
      talk.server("A", 1, ack: 101)
      talk.client("PA", 101, ack: 1, data: 100)
      talk.server("A", 1, ack: 201)
      let flow = try talk.flow()
      #expect(flow.originator.payloadBytes == 200)
      #expect(flow.originator.trouble == FlowTrouble())
      #expect(flow.history == "ShADa")
    }
  }

  /// After its timeout a flow is over, also where what follows would go on with it.
  @Test func aFlowBeginsAfterASilenceThatIsLongerThanItsTimeout() {
    let talk = Conversation()
    talk.handshake()
    talk.client("PA", 1, ack: 1, data: 10)
    talk.time += 100_000
    talk.client("PA", 11, ack: 1, data: 10)
    let flows = talk.flows()
    #expect(flows.map { $0.originator.packets + $0.responder.packets } == [4, 1])
    #expect(flows[0].endReason == FlowEndReason.idleTimeout)
    #expect(talk.bed.total(.portsReused) == 0)
  }
}
