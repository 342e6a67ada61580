internal import CCrypto
internal import FlowEngine

/// A transaction that is not recorded yet.
struct HTTPSlot: BitwiseCopyable {
  /// What is known of it so far.
  var draft = EventDraft()
  /// EVE's `tx_id`.
  var number: UInt32 = 0
  /// When the request's head was there.
  var time: Int64 = 0
  /// The response's body without chunks' framing, and as it was transferred.
  var responseBody: UInt64 = 0
  var responseLength: UInt64 = 0
  /// Bytes of it that were not seen.
  var missing: UInt32 = 0
  var flags: UInt16 = 0
  /// Responses that come before this one's, to requests there was no room for.
  var before: UInt8 = 0
  /// What the response's body is.
  var magic = FileMagic.unknown

  enum Flags {
    static let hasRequest: UInt16 = 1 << 0
    static let requestDone: UInt16 = 1 << 1
    static let hasResponse: UInt16 = 1 << 2
    static let responseDone: UInt16 = 1 << 3
    static let isHead: UInt16 = 1 << 4
    static let isConnect: UInt16 = 1 << 5
    /// A request line without a version: HTTP/0.9.
    static let isSimple: UInt16 = 1 << 6
    static let hasInfo: UInt16 = 1 << 7
    static let incomplete: UInt16 = 1 << 8
    /// The request stands behind a hole, ``HTTPSide/holeEnd``, behind which nothing has been answered yet.
    static let behindHole: UInt16 = 1 << 9
    /// A request of several that were sent together, some of whose answers a hole may have hidden.
    static let unsure: UInt16 = 1 << 10
  }

  func has(_ flag: UInt16) -> Bool { flags & flag == flag }
}

/// One direction: where in a message it stands.
struct HTTPSide: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    case head
    /// `left` bytes.
    case fixed
    case chunkSize
    case chunkData
    case chunkEnd
    case trailers
    case untilClose
    /// Where the next message begins is not known: lines are looked at.
    case lost
    /// A tunnel has been asked for: what follows waits for the answer.
    case held

    var isChunked: Bool { rawValue &- Self.chunkSize.rawValue < 4 }
  }

  /// Bytes left of the body or the chunk.
  var left: UInt64 = 0
  /// Of the body: without framing, and as transferred.
  var body: UInt64 = 0
  var wire: UInt64 = 0
  /// Up to this place in the stream all is counted.
  var mark: UInt64 = 0
  /// When the body began.
  var began: Int64 = 0
  /// The stream's missing bytes when the message began.
  var missingBefore: UInt32 = 0
  /// Bytes of a head, which is shorter than 64 KiB, that have been searched for its end; of trailers, their
  /// bytes so far.
  var scanned: UInt16 = 0
  /// The inflater that has the body, from 1.
  var inflater: UInt8 = 0
  /// A hole has hidden nobody knows how many messages: ``holeEnd``.
  var hasHole = false
  var phase = Phase.head
  var flags: UInt8 = 0
  /// One more than ``slot``: a state begins as zeros, and so without a message.
  private var slotNumber: UInt8 = 0
  var magic = FileMagic.unknown
  /// ``MultipartReader`` of a form that is sent, in a block of the pool; 0: none.
  var form: UInt32 = 0
  /// Where the latest hole has ended; a place in the stream, as all of 32 bits.
  var holeEnd: UInt32 = 0
  /// How much of the other direction the sender had when he began the message (``Flags/begun``).
  var had: UInt32 = 0

  enum Flags {
    /// The message's first line is there, and has been looked at.
    static let lineSeen: UInt8 = 1 << 0
    static let sniffed: UInt8 = 1 << 1
    static let hashed: UInt8 = 1 << 2
    static let atLineStart: UInt8 = 1 << 3
    /// Bytes of the body were not seen.
    static let gap: UInt8 = 1 << 4
    /// The body has a content encoding.
    static let encoded: UInt8 = 1 << 5
    /// A hole may have hidden a message's beginning.
    static let mayLack: UInt8 = 1 << 6
    /// Bytes of the message have been looked at.
    static let begun: UInt8 = 1 << 7
  }

  /// The message's slot; ``HTTPState/none``.
  var slot: UInt8 {
    get { slotNumber &- 1 }
    // `none`, the largest number, becomes 0.
    set { slotNumber = newValue &+ 1 }
  }

  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}

/// What is kept of a connection: transactions under way in a ring, and each direction's place.
///
///     | 7 slots of the ring, 1 for a response alone | request side | response side | digests | places |
struct HTTPState: BitwiseCopyable {
  static let slots = 7
  /// The slot of a response whose request had no room.
  static let lone: UInt8 = 7
  static let none: UInt8 = 0xff

  private var slots:
    (HTTPSlot, HTTPSlot, HTTPSlot, HTTPSlot, HTTPSlot, HTTPSlot, HTTPSlot, HTTPSlot)
  private var sides: (HTTPSide, HTTPSide)
  private var digests: (ccrypto_sha256_state, ccrypto_sha256_state)
  private var places: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  /// Where the latest answer that was followed to its end has ended.
  var answered: UInt32
  /// The ring: its first slot, and how many from there on have a request or a response.
  var first: UInt8
  var requests: UInt8
  var responses: UInt8
  var roles: Roles
  /// Transactions since the connection spoke HTTP.
  var depth: UInt32

  enum Roles: UInt8, BitwiseCopyable {
    case unknown
    case asOpened
    /// Who is taken for the client sends responses.
    case swapped
  }

  static var sidesOffset: Int { 8 * MemoryLayout<HTTPSlot>.stride }
  static var digestsOffset: Int { sidesOffset + 2 * MemoryLayout<HTTPSide>.stride }
  static var placesOffset: Int { digestsOffset + 2 * MemoryLayout<ccrypto_sha256_state>.stride }
}
