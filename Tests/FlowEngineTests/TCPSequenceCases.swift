import FlowEngine
import Testing

/// What a client sends, and what is wrong with it.
struct TCPSequenceCase: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var trouble: FlowTrouble
  /// The client's payload by sequence numbers.
  var payload: UInt64
  var history: String
  var talk: @Sendable (Conversation) -> Void

  init(
    _ name: String, payload: UInt64, _ history: String, _ trouble: FlowTrouble,
    _ talk: @escaping @Sendable (Conversation) -> Void
  ) {
    testDescription = name
    self.payload = payload
    self.history = history
    self.trouble = trouble
    self.talk = talk
  }

  static func wrong(
    retransmissions: UInt32 = 0, outOfOrder: UInt32 = 0, gaps: UInt32 = 0, missedBytes: UInt64 = 0,
    zeroWindows: UInt32 = 0, keepAlives: UInt32 = 0
  ) -> FlowTrouble {
    var trouble = FlowTrouble()
    trouble.retransmissions = retransmissions
    trouble.outOfOrder = outOfOrder
    trouble.gaps = gaps
    trouble.missedBytes = missedBytes
    trouble.zeroWindows = zeroWindows
    trouble.keepAlives = keepAlives
    return trouble
  }

  static let all: [TCPSequenceCase] = [
    TCPSequenceCase("nothing wrong", payload: 300, "ShADa", wrong()) {
      $0.handshake()
      for place in [1, 101, 201] as [UInt32] { $0.client("PA", place, ack: 1, data: 100) }
      $0.server("A", 1, ack: 301)
    },
    TCPSequenceCase("a hole filled late", payload: 300, "ShADTa", wrong(outOfOrder: 1)) {
      $0.handshake()
      for place in [1, 201, 101] as [UInt32] { $0.client("PA", place, ack: 1, data: 100) }
      $0.server("A", 1, ack: 301)
    },
    TCPSequenceCase(
      "a hole acknowledged", payload: 300, "ShADaG",
      wrong(gaps: 1, missedBytes: 100)
    ) {
      $0.handshake()
      for place in [1, 201] as [UInt32] { $0.client("PA", place, ack: 1, data: 100) }
      $0.server("A", 1, ack: 101)
      $0.server("A", 1, ack: 301)
      $0.server("A", 1, ack: 301)
    },
    TCPSequenceCase(
      "a hole filled in its middle", payload: 400, "ShADTaG",
      wrong(outOfOrder: 1, gaps: 2, missedBytes: 200)
    ) {
      $0.handshake()
      $0.client("PA", 301, ack: 1, data: 100)
      $0.client("PA", 101, ack: 1, data: 100)
      $0.server("A", 1, ack: 401)
    },
    TCPSequenceCase(
      "a hole filled in front, then behind", payload: 400, "ShADTa",
      wrong(outOfOrder: 3)
    ) {
      $0.handshake()
      $0.client("PA", 301, ack: 1, data: 100)
      $0.client("PA", 1, ack: 1, data: 100)
      $0.client("PA", 201, ack: 1, data: 100)
      $0.client("PA", 101, ack: 1, data: 100)
      $0.server("A", 1, ack: 401)
    },
    TCPSequenceCase(
      "two holes filled by one segment", payload: 500, "ShADTa",
      wrong(outOfOrder: 1)
    ) {
      $0.handshake()
      for place in [1, 201, 401] as [UInt32] { $0.client("PA", place, ack: 1, data: 100) }
      $0.client("PA", 101, ack: 1, data: 300)
      $0.server("A", 1, ack: 501)
    },
    TCPSequenceCase(
      "four holes filled from behind", payload: 900, "ShADTa",
      wrong(outOfOrder: 4)
    ) {
      $0.handshake()
      for place in [1, 201, 401, 601, 801, 701, 501, 301, 101] as [UInt32] {
        $0.client("PA", place, ack: 1, data: 100)
      }
      $0.server("A", 1, ack: 901)
    },
    // There is room for four: the first is given up at the fifth, and what comes of it is late.
    TCPSequenceCase(
      "five holes filled from behind", payload: 1100, "ShADGTa",
      wrong(retransmissions: 1, outOfOrder: 4, gaps: 1, missedBytes: 100)
    ) {
      $0.handshake()
      for place in [1, 201, 401, 601, 801, 1001, 901, 701, 501, 301, 101] as [UInt32] {
        $0.client("PA", place, ack: 1, data: 100)
      }
      $0.server("A", 1, ack: 1101)
    },
    TCPSequenceCase(
      "six holes acknowledged", payload: 1300, "ShADGa",
      wrong(gaps: 6, missedBytes: 600)
    ) {
      $0.handshake()
      for place in stride(from: 1, through: 1201, by: 200) {
        $0.client("PA", UInt32(place), ack: 1, data: 100)
      }
      $0.server("A", 1, ack: 1301)
    },
    TCPSequenceCase(
      "acknowledged before it comes", payload: 400, "ShADaG",
      wrong(gaps: 1, missedBytes: 200)
    ) {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 100)
      $0.server("A", 1, ack: 301)
      $0.server("A", 1, ack: 301)
      $0.client("PA", 301, ack: 1, data: 100)
      $0.server("A", 1, ack: 401)
    },
    TCPSequenceCase(
      "acknowledged in two steps before it comes", payload: 500, "ShADaG",
      wrong(gaps: 2, missedBytes: 300)
    ) {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 100)
      $0.server("A", 1, ack: 201)
      $0.server("A", 1, ack: 401)
      $0.client("PA", 401, ack: 1, data: 100)
      $0.server("A", 1, ack: 501)
    },
    TCPSequenceCase(
      "sent again", payload: 100, "ShADTa",
      wrong(retransmissions: 2)
    ) {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 100)
      $0.client("PA", 1, ack: 1, data: 100)
      $0.client("PA", 41, ack: 1, data: 20)
      $0.server("A", 1, ack: 101)
    },
    TCPSequenceCase("sent again with more", payload: 150, "ShADa", wrong()) {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 100)
      $0.client("PA", 51, ack: 1, data: 100)
      $0.server("A", 1, ack: 151)
    },
    TCPSequenceCase("keep-alives of no byte", payload: 100, "ShADa", wrong(keepAlives: 2)) {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 100)
      $0.server("A", 1, ack: 101)
      $0.client("A", 100, ack: 1)
      $0.client("A", 100, ack: 1)
    },
    // Zeek's T counts a byte that has been there before, keep-alive or not.
    TCPSequenceCase(
      "a keep-alive of one byte", payload: 100, "ShADaT",
      wrong(keepAlives: 1)
    ) {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 100)
      $0.server("A", 1, ack: 101)
      $0.client("A", 100, ack: 1, data: 1)
    },
    TCPSequenceCase("a keep-alive behind the handshake", payload: 0, "ShA", wrong(keepAlives: 1)) {
      $0.handshake()
      $0.client("A", 0, ack: 1)
    },
    TCPSequenceCase("zero windows", payload: 0, "ShAW", wrong(zeroWindows: 3)) {
      $0.handshake()
      for _ in 0..<3 { $0.client("A", 1, ack: 1, window: 0) }
    },
    // Nobody needs room behind the other side's FIN, and a RST has none.
    TCPSequenceCase("zero windows at the end", payload: 0, "ShAfFR", wrong()) {
      $0.handshake()
      $0.server("FA", 1, ack: 1)
      $0.client("A", 1, ack: 2, window: 0)
      $0.client("FA", 1, ack: 2, window: 0)
      $0.client("R", 2, window: 0)
    },
    TCPSequenceCase(
      "lost before the FIN", payload: 300, "ShADFfG",
      wrong(gaps: 1, missedBytes: 200)
    ) {
      $0.handshake()
      $0.client("PA", 1, ack: 1, data: 100)
      $0.client("FA", 301, ack: 1)
      $0.server("FA", 1, ack: 302)
    },
  ]
}
