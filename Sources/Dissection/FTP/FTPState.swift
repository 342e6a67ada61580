internal import FlowEngine

/// A command that has no last reply yet.
struct FTPPending: BitwiseCopyable {
  /// `command` and `command_data`.
  var draft = EventDraft()
  /// ``FTPCommand``
  var command: UInt8 = 0
  var port: UInt16 = 0
}

enum FTPCommand: UInt8, BitwiseCopyable {
  case other = 0
  case user
  case password
  case port
  case extendedPort
  case passive
  case extendedPassive
  case auth
  case file
  case list
  /// None that is known: what it is may be a secret, and so may what the server says of it.
  case unknown
}

/// An FTP control connection.
struct FTPState: LineState {
  enum Flags {
    static let greeted: UInt8 = 1 << 0
    static let dropClientLine: UInt8 = 1 << 1
    static let dropServerLine: UInt8 = 1 << 2
    /// Lines of a reply of several lines are being read.
    static let withinReply: UInt8 = 1 << 3
    static let replyTruncated: UInt8 = 1 << 4
    static let asksTLS: UInt8 = 1 << 5
  }

  var flags: UInt8 = 0
  /// Lines of the reply so far.
  var lines: UInt8 = 0
  /// Code of the reply of several lines.
  var code: UInt16 = 0
  /// End point of the data channel announced last: its port, and whether it is the server's.
  var dataPort: UInt16 = 0
  var dataIsServers = false
  var replyBytes: UInt32 = 0
  var codes = EventDraft()
  var replies = EventDraft()
  var pending = ShortQueue<8, FTPPending>(repeating: FTPPending())
  var user = ShortText<128>()
  /// The password given last, or what was masked because it may be one.
  var secret = SecretEcho()

  static var dropClientLine: UInt8 { Flags.dropClientLine }
  static var dropServerLine: UInt8 { Flags.dropServerLine }
}
