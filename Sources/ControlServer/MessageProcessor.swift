import ControlAPI
import Logging

/// Answers one line: JSON-RPC 2.0 from the bytes of a message to the bytes of its response.
struct MessageProcessor: Sendable {
  let methods: MethodTable
  let limits: ControlServerLimits
  let logger: Logger

  /// The response without a line end; nil where there is nothing to answer (notifications).
  func respond(to line: [UInt8], from peer: ControlPeer) -> [UInt8]? {
    let message: JSONValue
    do {
      message = try JSONParser.parse(line[...], maximumDepth: limits.depth)
    } catch {
      return RPCResponse.failure(id: .null, error: rpcError(for: error))
    }
    guard case .array(let requests) = message else { return respond(to: message, from: peer) }
    return respond(toBatch: requests, from: peer)
  }

  private func rpcError(for error: JSONParseError) -> RPCError {
    if error.isTooDeep {
      return RPCError(
        .limitExceeded, "the message is nested deeper than \(limits.depth)",
        data: ["limit": "depth", "maximum": .number(String(limits.depth))])
    }
    return RPCError(
      .parseError,
      data: ["reason": .string(error.reason), "offset": .number(String(error.offset))])
  }

  /// Section 6 of the specification: an array of the responses that are due, or nothing at all.
  private func respond(toBatch requests: [JSONValue], from peer: ControlPeer) -> [UInt8]? {
    if requests.isEmpty {
      return RPCResponse.failure(
        id: .null, error: RPCError(.invalidRequest, data: ["reason": "the batch is empty"]))
    }
    if requests.count > limits.requestsPerBatch {
      return RPCResponse.failure(
        id: .null,
        error: RPCError(
          .limitExceeded,
          "the batch has \(requests.count) requests; \(limits.requestsPerBatch) are possible",
          data: [
            "limit": "requestsPerBatch", "maximum": .number(String(limits.requestsPerBatch)),
          ]))
    }
    var bytes: [UInt8] = [UInt8(ascii: "[")]
    for request in requests {
      guard let response = respond(to: request, from: peer, alreadyAnswered: bytes.count)
      else { continue }
      if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(contentsOf: response)
    }
    if bytes.count == 1 { return nil }
    bytes.append(UInt8(ascii: "]"))
    return bytes
  }

  private func respond(
    to message: JSONValue, from peer: ControlPeer, alreadyAnswered bytes: Int = 0
  ) -> [UInt8]? {
    let request: RPCRequest
    do {
      request = try RPCRequest(message)
    } catch {
      return RPCResponse.failure(id: error.id, error: error.error)
    }
    let outcome: Result<[UInt8], RPCError>
    do throws(RPCError) {
      outcome = .success(try call(request, from: peer, alreadyAnswered: bytes))
    } catch {
      outcome = .failure(error)
    }
    guard let id = request.id else { return nil }
    switch outcome {
    case .success(let result): return RPCResponse.success(id: id, result: result)
    case .failure(let error): return RPCResponse.failure(id: id, error: error)
    }
  }

  private func call(
    _ request: RPCRequest, from peer: ControlPeer, alreadyAnswered bytes: Int
  ) throws(RPCError) -> [UInt8] {
    guard bytes < limits.responseBytes else {
      throw RPCError(
        .limitExceeded,
        "the answers before this one have \(bytes) bytes, more than \(limits.responseBytes); ask "
          + "again outside the batch",
        data: ["limit": "responseBytes", "maximum": .number(String(limits.responseBytes))])
    }
    guard let method = methods[request.method] else {
      throw RPCError(.methodNotFound, data: ["method": .string(request.method)])
    }
    guard peer.role >= method.role else {
      throw RPCError(
        .notPermitted,
        "\(method.name) needs the role \(method.role.name), yours is "
          + peer.role.name,
        data: ["needs": .string(method.role.name), "role": .string(peer.role.name)])
    }
    do {
      return try method.call(peer, request.params)
    } catch let error as RPCError {
      throw error
    } catch {
      logger.error(
        "control method failed", metadata: ["method": "\(method.name)", "error": "\(error)"])
      throw RPCError(.internalError, data: ["reason": .string("\(error)")])
    }
  }
}
