internal import FlowEngine

enum IMAPCommand: UInt8, BitwiseCopyable {
  case other = 0
  case login
  case authenticate
  case startTLS
  case mailbox
  /// It has a mailbox, too, and mails in literals.
  case append
  /// None that is known: neither it nor its tag is shown, nor what the server says of it.
  case unknown

  var hasMailbox: Bool { self == .mailbox || self == .append }
}

struct IMAPPending: BitwiseCopyable {
  var draft = EventDraft()
  var command: UInt8 = 0
  var tag = ShortText<20>()
  /// A literal that was not looked at belongs to its login: nothing of the answer is shown.
  var hasSecret = false
}

/// An IMAP connection.
struct IMAPState: LineState {
  enum Flags {
    static let greeted: UInt8 = 1 << 0
    static let dropClientLine: UInt8 = 1 << 1
    static let dropServerLine: UInt8 = 1 << 2
    /// The line at hand goes on with one that ended in a literal.
    static let clientGoesOn: UInt8 = 1 << 3
    static let serverGoesOn: UInt8 = 1 << 4
    static let asksTLS: UInt8 = 1 << 5
    /// The next literal of the client's is the argument that is wanted.
    static let wantsLiteral: UInt8 = 1 << 6
  }

  static let mostPending = 8

  var flags: UInt8 = 0
  var pendingCount: UInt8 = 0
  var authenticating: UInt8 = 0
  var latest: UInt8 = 0
  /// Bytes of the literal that is wanted.
  var literal: UInt32 = 0
  var dataBytes: UInt64 = 0
  /// The message that the server's line at hand is about; 0: none.
  var fetching: UInt32 = 0
  var capabilities = EventDraft()
  /// What was masked last.
  var secret = SecretEcho()
  /// Mails that the client sends, and that it fetches.
  var sent = IMAPMail()
  var fetched = IMAPMail()
  /// In no order: an empty tag is a free place.
  var pending: InlineArray<8, IMAPPending> = InlineArray(repeating: IMAPPending())

  static var dropClientLine: UInt8 { Flags.dropClientLine }
  static var dropServerLine: UInt8 { Flags.dropServerLine }
}
