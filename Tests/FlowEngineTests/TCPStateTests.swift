import FlowEngine
import Testing

/// Where a TCP connection stands, told from the segments that were seen, wherever its sequence numbers
/// begin.
@Suite struct TCPStateTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var states: [TCPEndpointState]
    var history: String
    var talk: @Sendable (Conversation) -> Void

    init(
      _ name: String, _ states: [TCPEndpointState], _ history: String,
      _ talk: @escaping @Sendable (Conversation) -> Void
    ) {
      testDescription = name
      self.states = states
      self.history = history
      self.talk = talk
    }
  }

  /// Each of Zeek's values of `conn_state`, by the last states of both sides.
  static let cases: [Case] = [
    Case("S0", [.synSent, .inactive], "S") { $0.client("S", 0) },
    Case("S1", [.established, .established], "ShA") { $0.handshake() },
    Case("SF", [.closed, .closed], "ShAFf") {
      $0.handshake()
      $0.goodbye()
    },
    Case("REJ", [.synSent, .reset], "Sr") {
      $0.client("S", 0)
      $0.server("RA", 0, ack: 1)
    },
    Case("S2", [.closed, .established], "ShAFa") {
      $0.handshake()
      $0.client("FA", 1, ack: 1)
      $0.server("A", 1, ack: 2)
    },
    Case("S3", [.established, .closed], "ShAf") {
      $0.handshake()
      $0.server("FA", 1, ack: 1)
      $0.client("A", 1, ack: 2)
    },
    Case("RSTO", [.reset, .established], "ShADR") {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 10)
      $0.client("R", 11)
    },
    Case("RSTR", [.established, .reset], "ShADr") {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 10)
      $0.server("RA", 1, ack: 11)
    },
    Case("RSTOS0", [.reset, .inactive], "SR") {
      $0.client("S", 0)
      $0.client("R", 1)
    },
    Case("RSTRH", [.inactive, .reset], "^hr") {
      $0.server("SA", 0, ack: 1)
      $0.server("R", 1)
    },
    Case("SH", [.closed, .inactive], "SF") {
      $0.client("S", 0)
      $0.client("FA", 1, ack: 1)
    },
    Case("SHR", [.inactive, .closed], "^hf") {
      $0.server("SA", 0, ack: 1)
      $0.server("FA", 1, ack: 1)
    },
    Case("OTH", [.partial, .inactive], "D") { $0.client("PA", 500, ack: 900, data: 10) },
    // What is on the way between them.
    Case("both from the middle", [.partial, .partial], "DdA") {
      $0.client("PA", 500, ack: 900, data: 10)
      $0.server("PA", 900, ack: 510, data: 20)
      $0.client("A", 510, ack: 920)
    },
    Case("without the client's SYN", [.established, .established], "^hA") {
      $0.server("SA", 0, ack: 1)
      $0.client("A", 1, ack: 1)
    },
    Case("a SYN acknowledged before it is answered", [.established, .established], "SahA") {
      $0.client("S", 0)
      $0.server("A", 0, ack: 1)
      $0.server("SA", 0, ack: 1)
      $0.client("A", 1, ack: 1)
    },
    Case("simultaneous open", [.established, .established], "SsAaDd") {
      $0.client("S", 0)
      $0.server("S", 0)
      $0.client("SA", 0, ack: 1)
      $0.server("SA", 0, ack: 1)
      $0.client("A", 1, ack: 1)
      $0.server("A", 1, ack: 1)
      $0.client("PA", 1, ack: 1, data: 3)
      $0.server("PA", 1, ack: 4, data: 5)
    },
    Case("RST behind both FINs", [.closed, .closed], "ShAFfR") {
      $0.handshake()
      $0.client("FA", 1, ack: 1)
      $0.server("FA", 1, ack: 2)
      $0.client("R", 2)
    },
    Case("FIN of both at once", [.closed, .closed], "ShAFfa") {
      $0.handshake()
      $0.client("FA", 1, ack: 1)
      $0.server("FA", 1, ack: 1)
      $0.client("A", 2, ack: 2)
      $0.server("A", 2, ack: 2)
    },
  ]

  @Test(arguments: cases)
  func statesAndHistory(_ expected: Case) throws {
    for beginning in Conversation.beginnings {
      let talk = Conversation(from: beginning)
      expected.talk(talk)
      let flow = try talk.flow()
      #expect(flow.tcpStates == expected.states, "from \(beginning)")
      #expect(flow.history == expected.history, "from \(beginning)")
      #expect(Int(flow.originator.port) == talk.clientPort)
      #expect(talk.bed.anomalies.isEmpty)
    }
  }

  // MARK: RST

  /// Without a scale the window counts as 64 KiB at the least; with one it is what the receiver said.
  @Test(
    arguments: [
      (nil, 1000, 65_535, true), (nil, 1000, 65_536, false), (7, 1000, 128_000, true),
      (7, 1000, 128_001, false), (0, 65_535, 65_536, false), (14, 100, 1_638_400, true),
      (14, 100, 1_638_401, false),
    ] as [(UInt8?, Int, UInt32, Bool)])
  func aResetCountsWithinTheWindow(
    _ scale: UInt8?, _ window: Int, _ distance: UInt32, _ closes: Bool
  ) throws {
    for beginning in Conversation.beginnings {
      for direction in [true, false] {
        let talk = Conversation(from: beginning)
        talk.handshake(scale: scale)
        talk.server("A", 1, ack: 1, window: window)
        talk.client("A", 1, ack: 1, window: window)
        let sequence = direction ? 1 &+ distance : 1 &- distance
        talk.server("R", sequence)
        let flow = try talk.flow()
        #expect((flow.tcpStates[1] == .reset) == closes)
        #expect((flow.hot.state == FlowState.closed) == closes)
        #expect(flow.history.contains("r") == closes)
        #expect(talk.bed.total(.rstOutsideWindow) == (closes ? 0 : 1))
        #expect(talk.bed.reported() == (closes ? [] : [.rstOutsideWindow]))
        #expect(flow.responder.packets == 3)
      }
    }
  }

  /// A side that answers without the option scales nothing, nor does the other.
  @Test func aScaleHoldsWhereBothSayOne() throws {
    let talk = Conversation()
    talk.client("S", 0, options: Conversation.scale(7))
    talk.server("SA", 0, ack: 1)
    talk.client("A", 1, ack: 1, window: 1000)
    talk.server("R", 100_000)
    #expect(try talk.flow().tcpStates == [.established, .established])
    #expect(talk.bed.total(.rstOutsideWindow) == 1)
  }

  /// What comes behind a RST outside the window is counted as though it had not been there.
  @Test func aResetOutsideTheWindowChangesNothing() throws {
    let talk = Conversation()
    talk.handshake()
    talk.client("PA", 1, ack: 1, data: 100)
    talk.client("R", 5_000_000)
    talk.server("A", 1, ack: 101)
    talk.client("PA", 101, ack: 1, data: 100)
    talk.goodbye(201)
    let flow = try talk.flow()
    #expect(flow.history == "ShADaFf")
    #expect(flow.tcpStates == [.closed, .closed])
    #expect(flow.originator.payloadBytes == 200)
    #expect(flow.originator.trouble == FlowTrouble())
  }

  // MARK: Beyond the window

  /// Of what no window lets through nothing is believed: data and FINs ahead, FINs behind.
  @Test func segmentsBeyondTheWindowChangeNothing() throws {
    for beginning in Conversation.beginnings {
      let talk = Conversation(from: beginning)
      talk.handshake(scale: 7)
      talk.client("PA", 1, ack: 1, data: 100)
      talk.server("A", 1, ack: 101)
      let far: UInt32 = 128_000 + 65_536
      talk.client("PA", 101 &+ far, ack: 1, data: 100)
      talk.client("FA", 102 &+ far &* 2, ack: 1)
      talk.client("A", 103 &+ far &* 3, ack: 1)
      talk.client("FA", 50, ack: 1)
      talk.client("PA", 101, ack: 1, data: 100)
      talk.server("A", 1, ack: 201)
      talk.goodbye(201)
      let flow = try talk.flow()
      #expect(flow.history == "ShADaFf")
      #expect(flow.tcpStates == [.closed, .closed])
      #expect(flow.originator.payloadBytes == 200)
      #expect(flow.originator.trouble == FlowTrouble())
      #expect(talk.bed.total(.tcpOutsideWindow) == 3 && talk.bed.total(.finOutsideWindow) == 1)
    }
  }

  enum Witness: CaseIterable { case acknowledgement, earlierAcknowledgement, more }

  /// A stretch that was lost before us, longer than the window: the connection goes on behind it, and what is
  /// counted is as though the first segment there had been believed.
  @Test(arguments: Witness.allCases) func aStretchThatWasLostIsOneHole(_ witness: Witness) throws {
    for beginning in Conversation.beginnings {
      let talk = Conversation(from: beginning)
      talk.handshake(scale: 7)
      talk.client("PA", 1, ack: 1, data: 100)
      talk.server("A", 1, ack: 101)
      let far: UInt32 = 10 << 20
      if witness == .earlierAcknowledgement { talk.server("A", 1, ack: far) }
      talk.client("PA", far, ack: 1, data: 100)
      if witness == .acknowledgement { talk.server("A", 1, ack: far + 100) }
      for place in 1...3 { talk.client("PA", far + UInt32(place) * 100, ack: 1, data: 100) }
      talk.server("A", 1, ack: far + 400)
      talk.goodbye(far + 400)
      let flow = try talk.flow()
      #expect(flow.tcpStates == [.closed, .closed])
      #expect(flow.originator.payloadBytes == UInt64(far) - 1 + 400)
      #expect(flow.originator.trouble.gaps == 1)
      #expect(flow.originator.trouble.missedBytes == UInt64(far) - 101)
      #expect(flow.originator.trouble.retransmissions == 0)
      #expect(flow.originator.trouble.outOfOrder == 0)
      let strays: UInt64 =
        switch witness {
        case .acknowledgement: 1
        case .earlierAcknowledgement: 0
        case .more: 3
        }
      #expect(talk.bed.total(.tcpOutsideWindow) == strays)
    }
  }

  // MARK: Who began

  /// Where no SYN was seen the server is who has a server's port, whoever sends first.
  @Test(arguments: [
    (40_000, 443, true), (40_000, 8443, true), (40_000, 6379, true), (40_000, 27_017, true),
    (40_000, 1023, true), (40_000, 1024, false), (40_000, 31_337, false), (443, 8443, false),
  ])
  func inTheMiddleThePortTells(_ client: Int, _ server: Int, _ known: Bool) throws {
    let talk = Conversation(clientPort: client, serverPort: server)
    talk.server("PA", 700, ack: 50, data: 10)
    let flow = try talk.flow()
    #expect(Int(flow.originator.port) == (known ? client : server))
    #expect(flow.history == (known ? "^d" : "D"))
    #expect(flow.hot.flags & FlowFlags.midstream != 0)
  }

  @Test(arguments: [
    (53, true), (123, true), (51_820, true), (5353, true), (80, false), (9999, false),
  ])
  func ofDatagramsToo(_ port: Int, _ known: Bool) throws {
    let bed = WorkerBed()
    bed.start(at: 1)
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(port, 40_000))), at: 1)
    bed.run()
    let flow = try #require(bed.finish().first)
    #expect(Int(flow.originator.port) == (known ? 40_000 : port))
    #expect(flow.history == (known ? "^d" : "D"))
  }

  /// Ports tell nothing where both sides use the same one.
  @Test func betweenEqualsTheFirstPacketTells() throws {
    let bed = WorkerBed()
    bed.start(at: 1)
    let frame = Frames.ethernet(
      0x0800, Frames.ipv4(17, Frames.udp(53, 53), src: 0x0a00_0009, dst: 0x0a00_0001))
    bed.add(frame, at: 1)
    bed.run()
    #expect(try #require(bed.finish().first).originator.address.v4 == 0x0a00_0009)
  }
}
