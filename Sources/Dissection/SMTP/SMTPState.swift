internal import FlowEngine

/// A text of at the most `N` bytes within a state.
struct ShortText<let N: Int>: BitwiseCopyable {
  private var bytes: InlineArray<N, UInt8> = InlineArray(repeating: 0)
  private(set) var count: UInt16 = 0

  var isEmpty: Bool { count == 0 }

  /// What is longer is cut.
  mutating func set(_ text: Bytes) {
    let text = text.prefix(N)
    withUnsafeMutableBytes(of: &bytes) { memory in
      memory.copyMemory(from: UnsafeRawBufferPointer(start: text.base, count: text.count))
    }
    count = UInt16(truncatingIfNeeded: text.count)
  }

  /// One byte more, where there is room.
  mutating func append(_ byte: UInt8) {
    guard count < N else { return }
    bytes[Int(count)] = byte
    count &+= 1
  }

  mutating func dropLast() { if count > 0 { count &-= 1 } }

  /// The text for as long as `body` runs.
  mutating func with<Result>(_ body: (Bytes) -> Result) -> Result {
    let count = Int(count)
    return withUnsafeBytes(of: &bytes) { memory in
      guard let start = memory.baseAddress else { return body(.empty) }
      return body(Bytes(start.assumingMemoryBound(to: UInt8.self), count))
    }
  }
}

enum SMTPCommand: UInt8, BitwiseCopyable {
  case other = 0
  case hello
  case mail
  case recipient
  case data
  /// The end of what DATA announced.
  case endOfData
  case chunk
  case lastChunk
  case reset
  case startTLS
  case auth
  case quit
}

/// An SMTP connection: at any time it has one message under way.
struct SMTPState: LineState {
  enum Phase: UInt8, BitwiseCopyable {
    case commands = 0
    /// Behind DATA, up to a line with a dot alone.
    case data
    /// Behind BDAT, as many bytes as it said.
    case chunk
  }

  enum Flags {
    /// The server's greeting has been seen, or will not be.
    static let greeted: UInt16 = 1 << 0
    /// MAIL FROM has been given.
    static let mail: UInt16 = 1 << 1
    /// The message is there to its end.
    static let complete: UInt16 = 1 << 2
    /// A record has been made.
    static let told: UInt16 = 1 << 3
    /// The client's next line is part of a login, and nobody looks at it.
    static let secretLine: UInt16 = 1 << 4
    /// The rest of a line is to be dropped.
    static let dropClientLine: UInt16 = 1 << 5
    static let dropServerLine: UInt16 = 1 << 6
    /// Bytes of the message are missing.
    static let gap: UInt16 = 1 << 7
    /// STARTTLS was the client's latest command.
    static let asksTLS: UInt16 = 1 << 8
    /// Bytes of a message have come since DATA or BDAT.
    static let begun: UInt16 = 1 << 9
    /// The chunk at hand is the last one.
    static let lastChunk: UInt16 = 1 << 10
    /// The message under way is given up, if the server agrees.
    static let reset: UInt16 = 1 << 11
  }

  var flags: UInt16 = 0
  var phaseValue: UInt8 = 0
  var recipientCount: UInt16 = 0
  /// Messages so far in this connection.
  var messages: UInt16 = 0
  /// Transaction of the message under way.
  var transaction: UInt32 = 0
  /// The message under way.
  var mail = Mail()
  /// Bytes of the chunk that are still to come.
  var chunkLeft: UInt64 = 0
  /// Commands that have had no reply yet: pipelined ones (RFC 2920) are answered in turn.
  var queue = ShortQueue<32, SMTPCommand>(repeating: .other)
  var recipients = EventDraft()
  var helo = ShortText<160>()
  var mechanism = ShortText<24>()
  var sender = ShortText<256>()
  var lastReply = ShortText<160>()

  var phase: Phase {
    get { Phase(rawValue: phaseValue) ?? .commands }
    set { phaseValue = newValue.rawValue }
  }

  static var dropClientLine: UInt16 { Flags.dropClientLine }
  static var dropServerLine: UInt16 { Flags.dropServerLine }

  /// False where more than there is room for are unanswered: nobody knows any more which reply is whose.
  @discardableResult
  mutating func ask(_ command: SMTPCommand) -> Bool {
    if queue.isFull {
      queue.clear()
      return false
    }
    queue.push(command)
    return true
  }
}
