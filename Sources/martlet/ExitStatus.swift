import ControlAPI

/// How the command ends; the numbers are those of sysexits.h.
enum ExitStatus: Int32 {
  case success = 0
  case failure = 1
  /// EX_USAGE
  case usage = 64
  /// EX_DATAERR
  case badData = 65
  /// EX_NOINPUT
  case noInput = 66
  /// EX_UNAVAILABLE
  case unavailable = 69
  /// EX_IOERR
  case ioError = 74
  /// EX_NOPERM
  case notPermitted = 77
  /// As the shell has it: 128 and SIGINT's number.
  case interrupted = 130

  init(_ error: ControlClientError) {
    switch error.kind {
    case .unavailable, .connectionLost, .timedOut: self = .unavailable
    case .notPermitted: self = .notPermitted
    case .badPath: self = .usage
    case .badAnswer: self = .failure
    }
  }

  init(_ error: RPCError) {
    switch error.code {
    case .notPermitted: self = .notPermitted
    case .tooManyClients, .timedOut: self = .unavailable
    default: self = .failure
    }
  }
}

/// What was asked for cannot be had, though nothing is wrong with the engine: no such flow, no packet
/// in time.
struct NothingFound: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

extension RPCError {
  /// The error in one line, with what would be right where the message does not say so itself.
  var explanation: String {
    var text = message
    if code == .methodNotFound {
      return "\(text): this martletd is older or younger than martlet \(Martlet.version)"
    }
    func add(_ words: String, unless part: String) {
      if !part.isEmpty && !text.contains(part) { text += "; \(words)" }
    }
    switch data?["reason"] {
    case .string(let reason)?: add(reason, unless: reason)
    default: break
    }
    if let expected = data?["expected"]?.words {
      add("expected: \(expected)", unless: expected)
    }
    if let minimum = data?["minimum"]?.words, let maximum = data?["maximum"]?.words,
      !(text.contains(minimum) && text.contains(maximum))
    {
      add("\(minimum) to \(maximum) are possible", unless: "\(minimum) to \(maximum)")
    }
    if case .array(let allowed)? = data?["allowed"] {
      let words = allowed.compactMap(\.words)
      if words.isEmpty {
        add("there is none yet", unless: "there is none")
      } else if !words.allSatisfy({ text.contains($0) }) {
        add("there are: \(words.joined(separator: ", "))", unless: "there are: ")
      }
    }
    return code == .internalError || code.summary == "Server error"
      ? "\(text) (\(code.rawValue))" : text
  }
}

extension JSONValue {
  /// A string or a number as it is read; nil for the others.
  fileprivate var words: String? {
    switch self {
    case .string(let text): text
    case .number(let digits): digits
    default: nil
    }
  }
}
