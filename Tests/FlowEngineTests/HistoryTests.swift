import FlowEngine
import Testing

/// Zeek's history: each letter once a side, those of losses at the 1st, 10th, 100th time.
@Suite struct HistoryTests {
  static let counts = [(1, 1), (9, 1), (10, 2), (99, 2), (100, 3), (999, 3), (1000, 4)]

  private func letters(_ letter: Character, _ talk: Conversation) throws -> Int {
    try talk.flow().history.count { $0 == letter }
  }

  @Test(arguments: counts)
  func retransmissions(_ count: Int, _ letters: Int) throws {
    let talk = Conversation()
    talk.handshake()
    for _ in 0...count { talk.client("PA", 1, ack: 1, data: 10) }
    #expect(try self.letters("T", talk) == letters)
  }

  @Test(arguments: counts)
  func zeroWindows(_ count: Int, _ letters: Int) throws {
    let talk = Conversation()
    talk.handshake()
    for _ in 0..<count { talk.server("A", 1, ack: 1, window: 0) }
    #expect(try self.letters("w", talk) == letters)
  }

  @Test(arguments: counts)
  func gaps(_ count: Int, _ letters: Int) throws {
    let talk = Conversation()
    talk.handshake()
    for i in 0..<UInt32(count) {
      talk.server("PA", 101 + i * 200, ack: 1, data: 100)
      talk.client("A", 1, ack: 201 + i * 200)
    }
    #expect(try self.letters("g", talk) == letters)
  }

  /// Several gaps by one acknowledgement are counted one by one.
  @Test func gapsThatComeTogether() throws {
    let talk = Conversation()
    talk.handshake()
    for round in 0..<5 as Range<UInt32> {
      for i in 0..<2 as Range<UInt32> {
        talk.server("PA", round * 400 + 101 + i * 200, ack: 1, data: 100)
      }
      talk.client("A", 1, ack: round * 400 + 401)
    }
    #expect(try letters("g", talk) == 2)
  }

  @Test(arguments: counts)
  func checksums(_ count: Int, _ letters: Int) throws {
    let bed = WorkerBed { $0.checksums = .count }
    bed.start(at: 100)
    for _ in 0..<count {
      bed.add(
        Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(5000, 53, payload: [1, 2]))).summed()
          .flipping(43), at: 100)
    }
    bed.run()
    let flow = try #require(bed.finish().first)
    #expect(flow.history.count { $0 == "C" } == letters)
    #expect(flow.originator.trouble.badChecksums == UInt32(count))
  }

  /// What a segment that cannot be is called, and that a letter comes once.
  @Test(arguments: [
    ("SF", "Q"), ("SR", "Q"), ("SFR", "I"), ("FR", "I"), ("SFA", "Q"), ("FRA", "I"),
  ])
  func flagsThatContradict(_ flags: String, _ letter: String) throws {
    let talk = Conversation()
    talk.client(flags, 0, ack: 0)
    talk.client(flags, 0, ack: 0)
    let flow = try talk.flow()
    #expect(flow.history.filter { $0 != "^" }.uppercased() == letter)
    #expect(talk.bed.total(.badTCPFlags) == 2)
    #expect(talk.bed.reported() == [.badTCPFlags])
  }

  /// A FIN or RST with another sequence number is another one; the same again is not.
  @Test func anotherFinIsWrittenAgain() throws {
    let talk = Conversation()
    talk.handshake()
    talk.client("FA", 1, ack: 1)
    talk.client("FA", 1, ack: 1)
    #expect(try talk.flow().history == "ShAF")
    let other = Conversation()
    other.handshake()
    other.client("FA", 1, ack: 1)
    other.client("FA", 11, ack: 1)
    #expect(try other.flow().history == "ShAFF")
  }

  @Test func anotherRstIsWrittenAgain() throws {
    let talk = Conversation()
    talk.handshake()
    talk.client("R", 1)
    talk.client("R", 1)
    #expect(try talk.flow().history == "ShAR")
    let other = Conversation()
    other.handshake()
    other.client("R", 1)
    other.client("R", 21)
    #expect(try other.flow().history == "ShARR")
  }

  /// Sixteen letters are kept, and the flow goes on behind them.
  @Test func theHistoryHasAnEnd() throws {
    let talk = Conversation()
    talk.handshake()
    talk.client("R", 1)
    for i in 1...40 as ClosedRange<UInt32> { talk.client("R", 1 + i) }
    let flow = try talk.flow()
    #expect(flow.history == "ShARRRRRRRRRRRRR")
    #expect(flow.originator.packets == 43)
  }

  /// A letter of its own for each side, and the direction's turn where it was taken the wrong way.
  @Test func eachSideHasItsLetters() throws {
    let talk = Conversation(clientPort: 40_000, serverPort: 40_001)
    talk.server("PA", 10, ack: 10, data: 5)
    talk.client("PA", 10, ack: 15, data: 5)
    #expect(try talk.flow().history == "Dd")
  }
}
