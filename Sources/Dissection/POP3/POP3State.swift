internal import FlowEngine

enum POP3Command: UInt8, BitwiseCopyable {
  case other = 0
  /// Its answer has lines up to one with a dot alone: of a list, or of a message.
  case list
  case message
  /// A message, and not all of it.
  case top
  case auth
  case startTLS
  /// A line of a login behind AUTH.
  case sasl
  /// None that is known.
  case unknown
}

struct POP3Pending: BitwiseCopyable {
  /// The request.
  var draft = EventDraft()
  var command: UInt8 = 0
}

/// A POP3 connection.
struct POP3State: LineState {
  enum Flags {
    static let greeted: UInt8 = 1 << 0
    static let dropClientLine: UInt8 = 1 << 1
    static let dropServerLine: UInt8 = 1 << 2
    /// Lines up to one with a dot alone are being read.
    static let withinData: UInt8 = 1 << 3
    /// The client's next line belongs to a login.
    static let sasl: UInt8 = 1 << 4
    /// The bytes at hand go on with a line of the data.
    static let withinLine: UInt8 = 1 << 5
    static let asksTLS: UInt8 = 1 << 6
  }

  var flags: UInt8 = 0
  var lines: UInt8 = 0
  var isMessage = false
  /// What is asked for is the message's beginning.
  var isBeginning = false
  var isSuccess = false
  var keptBytes: UInt32 = 0
  var dataBytes: UInt64 = 0
  /// The response's members so far, and the lines of its data.
  var response = EventDraft()
  var data = EventDraft()
  /// The message at hand, where attachments are hashed.
  var mail = Mail()
  /// What was masked last.
  var secret = SecretEcho()
  var pending = ShortQueue<8, POP3Pending>(repeating: POP3Pending())

  static var dropClientLine: UInt8 { Flags.dropClientLine }
  static var dropServerLine: UInt8 { Flags.dropServerLine }
}
