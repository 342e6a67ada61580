import FlowEngine
import Testing

/// Loss, repetition and order, told from sequence numbers and acknowledgements, wherever they begin.
@Suite struct TCPSequenceTests {
  @Test(arguments: TCPSequenceCase.all)
  func whatOneSideSent(_ expected: TCPSequenceCase) throws {
    for beginning in Conversation.beginnings {
      let talk = Conversation(from: beginning)
      expected.talk(talk)
      let flow = try talk.flow()
      let all = flow.originator.trouble
      // Those of a record: what the engine keeps for itself stands beside them.
      let trouble = TCPSequenceCase.wrong(
        retransmissions: all.retransmissions, outOfOrder: all.outOfOrder, gaps: all.gaps,
        missedBytes: all.missedBytes, zeroWindows: all.zeroWindows, keepAlives: all.keepAlives)
      #expect(trouble == expected.trouble, "from \(beginning)")
      #expect(flow.originator.payloadBytes == expected.payload, "from \(beginning)")
      #expect(flow.history == expected.history, "from \(beginning)")
      let bed = talk.bed
      #expect(bed.total(.tcpOutOfOrder) == UInt64(trouble.outOfOrder))
      #expect(bed.total(.tcpRetransmissions) == UInt64(trouble.retransmissions))
      #expect(bed.total(.tcpKeepAlives) == UInt64(trouble.keepAlives))
      #expect(bed.total(.tcpZeroWindows) == UInt64(trouble.zeroWindows))
      #expect(bed.total(.tcpGap) == UInt64(trouble.gaps))
      #expect(bed.total(.tcpMissedBytes) == trouble.missedBytes)
      #expect(bed.reported() == (trouble.gaps > 0 ? [.tcpGap] : []))
    }
  }

  /// Where the handshake was not seen the bytes are counted all the same, and the letter is not written.
  @Test func aGapInTheMiddleHasNoLetter() throws {
    let talk = Conversation()
    talk.client("PA", 501, ack: 901, data: 100)
    talk.server("A", 901, ack: 601)
    talk.client("PA", 701, ack: 901, data: 100)
    talk.server("A", 901, ack: 801)
    let flow = try talk.flow()
    #expect(flow.originator.trouble.missedBytes == 100)
    #expect(flow.history == "Da")
    #expect(talk.bed.reported() == [.tcpGap])
  }

  /// Each side has its own: what the server lost is not the client's.
  @Test func theServersLossIsTheServers() throws {
    let talk = Conversation()
    talk.handshake()
    talk.server("PA", 1, ack: 1, data: 100)
    talk.server("PA", 201, ack: 1, data: 100)
    talk.client("A", 1, ack: 301)
    talk.server("PA", 201, ack: 1, data: 100)
    let flow = try talk.flow()
    #expect(flow.originator.trouble == FlowTrouble())
    #expect(flow.responder.trouble.missedBytes == 100)
    #expect(flow.responder.trouble.retransmissions == 1)
    #expect(flow.responder.payloadBytes == 300)
    #expect(flow.history == "ShAdgt")
  }

  /// A window of a flow that only one side of was seen: nothing is known to be missing.
  @Test func oneWayTrafficHasHolesAndNoGaps() throws {
    let talk = Conversation()
    talk.client("S", 0)
    talk.client("A", 1, ack: 1)
    talk.client("PA", 1, ack: 1, data: 100)
    talk.client("PA", 201, ack: 1, data: 100)
    talk.client("FA", 301, ack: 501)
    let flow = try talk.flow()
    #expect(flow.originator.trouble.gaps == 0)
    #expect(flow.originator.payloadBytes == 300)
    #expect(flow.responder.packets == 0)
    #expect(flow.responder.payloadBytes == 0)
    #expect(flow.history == "SADF")
    #expect(flow.tcpStates == [.closed, .inactive])
  }

  /// 4.3 GB in segments whose first bytes alone were captured: sequence numbers wrap more than once.
  @Test(arguments: [1, 2])
  func payloadBeyondTheWrap(_ turns: Int) throws {
    let talk = Conversation(from: (0xffff_0000, 7))
    talk.handshake()
    // A total length of 0 leaves the length to the frame: what segmentation offload writes.
    let size = 200_000
    let count = turns * Int(UInt32.max) / size + 100
    var sequence = talk.clientStart &+ 1
    for i in 0..<count {
      let header = Frames.tcp(40_000, 80, seq: sequence, ack: talk.serverStart &+ 1)
      talk.bed.add(
        Frames.ethernet(0x0800, Frames.ipv4(6, header, totalLength: 0)), at: talk.time,
        wire: 54 + size)
      sequence &+= UInt32(size)
      if i % 512 == 0 { talk.bed.run() }
    }
    let flow = try talk.flow()
    #expect(flow.originator.payloadBytes == UInt64(count * size))
    #expect(flow.originator.trouble == FlowTrouble())
  }

  /// Whatever two sides send: the numbers that they begin with change nothing of it.
  @Test func whereNumbersBeginMakesNoDifference() throws {
    for seed in 1...6 as ClosedRange<UInt64> {
      var expected: String?
      // Within 700 of the wrap every number that means something passes through 0.
      let starts: [UInt32] = [1000, 0x8000_0000] + (0..<12).map { 0 &- UInt32($0 * 67) }
      for start in starts {
        var random = SplitMix(state: seed)
        let talk = Conversation(from: (start, start &+ 17))
        talk.handshake()
        for _ in 0..<40 {
          let place = UInt32.random(in: 0...7, using: &random) * 100 + 1
          let ack = UInt32.random(in: 0...7, using: &random) * 100 + 1
          let data = [0, 1, 100, 300].randomElement(using: &random)!
          if Bool.random(using: &random) {
            talk.client("A", place, ack: ack, data: data)
          } else {
            talk.server("A", place, ack: ack, data: data)
          }
        }
        let flow = try talk.flow()
        let sides = [flow.originator, flow.responder].map {
          let t = $0.trouble
          return [
            UInt64(t.retransmissions), UInt64(t.outOfOrder), UInt64(t.gaps), t.missedBytes,
            UInt64(t.keepAlives), $0.payloadBytes,
          ]
        }
        let outcome = "\(flow.history) \(sides)"
        if let expected {
          #expect(outcome == expected, "seed \(seed), from \(start)")
        } else {
          expected = outcome
        }
      }
    }
  }
}
