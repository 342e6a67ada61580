/// An error object of JSON-RPC 2.0 (its section 5.1), thrown by handlers and received by clients.
package struct RPCError: Error, Equatable, Sendable, CustomStringConvertible {
  package var code: RPCErrorCode
  /// One sentence: what was wrong, and what would be right.
  package var message: String
  /// The same for programs: the parameter's name, the limit, the allowed values.
  package var data: JSONValue?

  package init(_ code: RPCErrorCode, _ message: String? = nil, data: JSONValue? = nil) {
    self.code = code
    self.message = message ?? code.summary
    self.data = data
  }

  package var description: String { "\(message) (\(code.rawValue))" }
}

/// Every error code that the server uses. -32768 … -32000 are JSON-RPC's own; -32000 … -32099 of
/// them are left to servers and taken here.
package struct RPCErrorCode: RawRepresentable, Hashable, Sendable, Codable {
  package var rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// The line is not JSON.
  package static let parseError = RPCErrorCode(rawValue: -32700)
  /// JSON, but not a request of JSON-RPC 2.0.
  package static let invalidRequest = RPCErrorCode(rawValue: -32600)
  package static let methodNotFound = RPCErrorCode(rawValue: -32601)
  /// A parameter that the method does not have, of a wrong type, or out of range.
  package static let invalidParams = RPCErrorCode(rawValue: -32602)
  package static let internalError = RPCErrorCode(rawValue: -32603)

  /// The peer's uid may not connect, or its role may not call the method.
  package static let notPermitted = RPCErrorCode(rawValue: -32000)
  /// A message is longer, deeper, or a batch larger than the server takes.
  package static let limitExceeded = RPCErrorCode(rawValue: -32001)
  /// As many clients are connected as the server takes.
  package static let tooManyClients = RPCErrorCode(rawValue: -32002)
  /// The connection was silent, or did not read its answers, for too long and is closed.
  package static let timedOut = RPCErrorCode(rawValue: -32003)
  /// The engine's state does not allow it (it is still starting, or draining already).
  package static let wrongState = RPCErrorCode(rawValue: -32004)

  /// A client asks for a version of the API that this server does not speak.
  package static let versionNotServed = RPCErrorCode(rawValue: -32005)
  /// The audit log cannot be written, and what is not logged is not done.
  package static let auditUnavailable = RPCErrorCode(rawValue: -32006)

  package static let all: [RPCErrorCode] = [
    .parseError, .invalidRequest, .methodNotFound, .invalidParams, .internalError, .notPermitted,
    .limitExceeded, .tooManyClients, .timedOut, .wrongState, .versionNotServed, .auditUnavailable,
  ]

  /// The specification's own wording where it has one.
  package var summary: String {
    switch self {
    case .parseError: "Parse error"
    case .invalidRequest: "Invalid Request"
    case .methodNotFound: "Method not found"
    case .invalidParams: "Invalid params"
    case .internalError: "Internal error"
    case .notPermitted: "Not permitted"
    case .limitExceeded: "Limit exceeded"
    case .tooManyClients: "Too many clients"
    case .timedOut: "Timed out"
    case .wrongState: "Not possible in the engine's present state"
    case .versionNotServed: "Version not served"
    case .auditUnavailable: "The audit log cannot be written"
    default: "Server error"
    }
  }
}
