/// A request or notification of JSON-RPC 2.0 (its section 4).
package struct RPCRequest: Equatable, Sendable {
  package var method: String
  /// An array or an object; nil where there are none.
  package var params: JSONValue?
  /// A string, a number or null; nil for a notification, which is never answered.
  package var id: JSONValue?

  package init(method: String, params: JSONValue? = nil, id: JSONValue? = nil) {
    self.method = method
    self.params = params
    self.id = id
  }

  /// As it goes over the wire, without a line end.
  package var json: JSONValue {
    var members: [JSONValue.Member] = [.init("jsonrpc", "2.0"), .init("method", .string(method))]
    if let params { members.append(.init("params", params)) }
    if let id { members.append(.init("id", id)) }
    return .object(members)
  }
}

/// A request that is none, and the id that its answer bears: its own where it has a valid one,
/// else null.
package struct InvalidRequest: Error, Equatable, Sendable {
  package var error: RPCError
  package var id: JSONValue
}

extension RPCRequest {
  /// Checks a value against section 4 of the specification. Members that it does not name are
  /// ignored.
  package init(_ json: JSONValue) throws(InvalidRequest) {
    guard case .object = json else {
      throw Self.invalid("a request is a JSON object", id: nil)
    }
    let id = json["id"]
    switch id {
    case nil, .null, .string, .number: break
    default: throw Self.invalid("id must be a string, a number or null", id: nil)
    }
    guard json["jsonrpc"] == "2.0" else {
      throw Self.invalid("jsonrpc must be \"2.0\"", id: id)
    }
    guard case .string(let method) = json["method"] else {
      throw Self.invalid("method must be a string", id: id)
    }
    let params = json["params"]
    switch params {
    case nil, .array, .object: break
    default: throw Self.invalid("params must be an array or an object", id: id)
    }
    self.init(method: method, params: params, id: id)
  }

  private static func invalid(_ reason: String, id: JSONValue?) -> InvalidRequest {
    InvalidRequest(
      error: RPCError(.invalidRequest, data: ["reason": .string(reason)]), id: id ?? .null)
  }
}

/// Writes responses (section 5 of the specification), without a line end.
package enum RPCResponse {
  /// - Parameter result: JSON on one line.
  package static func success(id: JSONValue, result: [UInt8]) -> [UInt8] {
    var bytes = Array(#"{"jsonrpc":"2.0","result":"#.utf8)
    bytes.reserveCapacity(bytes.count + result.count + 32)
    bytes.append(contentsOf: result)
    bytes.append(contentsOf: #","id":"#.utf8)
    id.write(to: &bytes)
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  package static func failure(id: JSONValue, error: RPCError) -> [UInt8] {
    var members: [JSONValue.Member] = [
      .init("code", .number(String(error.code.rawValue))), .init("message", .string(error.message)),
    ]
    if let data = error.data { members.append(.init("data", data)) }
    let response: JSONValue = ["jsonrpc": "2.0", "error": .object(members), "id": id]
    var bytes: [UInt8] = []
    response.write(to: &bytes)
    return bytes
  }
}

extension RPCError {
  /// From a response's `error` member; nil where it is none.
  package init?(_ json: JSONValue) {
    guard case .number(let digits) = json["code"], let code = Int(digits),
      case .string(let message) = json["message"]
    else { return nil }
    self.init(RPCErrorCode(rawValue: code), message, data: json["data"])
  }
}
