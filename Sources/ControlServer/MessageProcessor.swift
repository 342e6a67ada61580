import ControlAPI
import Logging

/// Answers one line: JSON-RPC 2.0 from the bytes of a message to the bytes of its response.
struct MessageProcessor: Sendable {
  let methods: MethodTable
  let limits: ControlServerLimits
  var audit: AuditTrail?
  let logger: Logger

  /// The response without a line end; nil where there is nothing to answer (notifications).
  func respond(to line: [UInt8], from peer: ControlPeer) -> [UInt8]? {
    var work = begin(line)
    while true {
      if case .done(let response) = run(&work, on: work.pace, from: peer) { return response }
    }
  }

  // MARK: - Step by step

  /// Reads a message: the work that it is.
  func begin(_ line: [UInt8]) -> MessageWork {
    let message: JSONValue
    do {
      message = try JSONParser.parse(line[...], maximumDepth: limits.depth)
    } catch {
      return MessageWork(response: RPCResponse.failure(id: .null, error: rpcError(for: error)))
    }
    guard case .array(let requests) = message else {
      return MessageWork(requests: [message], isBatch: false, pace: pace(of: message))
    }
    if let error = fault(ofBatch: requests) {
      return MessageWork(response: RPCResponse.failure(id: .null, error: error))
    }
    return MessageWork(requests: requests, isBatch: true, pace: pace(of: requests[0]))
  }

  /// Answers the requests that belong to this thread, up to the first that does not.
  func run(
    _ work: inout MessageWork, on pace: MethodPace, from peer: ControlPeer
  ) -> MessageWork.Step {
    while let request = work.next {
      work.pace = self.pace(of: request)
      if work.pace != pace { return .goesOn(work.pace) }
      work.take(respond(to: request, from: peer, alreadyAnswered: work.response.count))
    }
    return .done(work.whole)
  }

  private func pace(of request: JSONValue) -> MethodPace {
    guard case .string(let name) = request["method"] else { return .atOnce }
    return methods[name]?.pace ?? .atOnce
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

  /// Section 6 of the specification: a batch has requests in it.
  private func fault(ofBatch requests: [JSONValue]) -> RPCError? {
    if requests.isEmpty {
      return RPCError(.invalidRequest, data: ["reason": "the batch is empty"])
    }
    if requests.count > limits.requestsPerBatch {
      return RPCError(
        .limitExceeded,
        "the batch has \(requests.count) requests; \(limits.requestsPerBatch) are possible",
        data: [
          "limit": "requestsPerBatch", "maximum": .number(String(limits.requestsPerBatch)),
        ])
    }
    return nil
  }

  private func respond(
    to message: JSONValue, from peer: ControlPeer, alreadyAnswered bytes: Int
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
      let error = RPCError(
        .notPermitted,
        "\(method.name) needs the role \(method.role.name), yours is "
          + peer.role.name,
        data: ["needs": .string(method.role.name), "role": .string(peer.role.name)])
      audit?.refuse(method, request.params, by: peer, error)
      throw error
    }
    let call: PreparedCall
    do throws(RPCError) {
      call = try method.prepare(request.params)
    } catch {
      if method.effect == .audited { audit?.refuse(method, request.params, by: peer, error) }
      throw error
    }
    if method.effect == .audited {
      return try change(method, request, from: peer, call)
    }
    if method.pace == .inItsOwnTime && peer.session.isGone {
      throw RPCError(.timedOut, "the client has gone")
    }
    return try perform(method, from: peer, call).get().result
  }

  /// A call that is logged: before it is made, and what came of it.
  private func change(
    _ method: MethodEntry, _ request: RPCRequest, from peer: ControlPeer,
    _ call: @escaping PreparedCall
  ) throws(RPCError) -> [UInt8] {
    let line = try audit?.begin(method, request.params, by: peer) ?? nil
    let outcome = perform(method, from: peer, call)
    audit?.end(line, method, by: peer, outcome)
    let answer = try outcome.get()
    logger.notice(
      "control: \(method.name)",
      metadata: [
        "params": "\(request.params?.text ?? "none")", "uid": "\(peer.credentials.uid)",
        "pid": "\(peer.credentials.pid)",
      ])
    return answer.result
  }

  private func perform(
    _ method: MethodEntry, from peer: ControlPeer, _ call: PreparedCall
  ) -> Result<MethodAnswer, RPCError> {
    do {
      return .success(try call(peer))
    } catch let error as RPCError {
      return .failure(error)
    } catch {
      logger.error(
        "control method failed", metadata: ["method": "\(method.name)", "error": "\(error)"])
      return .failure(RPCError(.internalError, data: ["reason": .string("\(error)")]))
    }
  }
}
