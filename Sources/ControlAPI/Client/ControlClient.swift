import Foundation

/// A connection to a running engine, for programs that ask one thing at a time. Calls block until
/// the answer is there or the timeout is over.
///
/// Not for use by several threads at once.
package final class ControlClient {
  private var socket: ControlClientSocket
  private var nextID = 1
  /// Those that came while an answer was waited for.
  private var notifications: [RPCRequest] = []

  /// Connects.
  ///
  /// - Throws: ``ControlClientError`` that names the path and says what to do.
  package init(socketPath: String, timeoutSeconds: Double = 10) throws(ControlClientError) {
    socket = try ControlClientSocket(path: socketPath, timeoutSeconds: timeoutSeconds)
  }

  /// Calls a method and decodes its result.
  ///
  /// - Throws: ``RPCError`` as the server answers it, or ``ControlClientError``.
  package func call<Parameters: ControlParameters, Result: Decodable>(
    _ method: ControlMethod, _ parameters: Parameters = NoParameters(),
    as type: Result.Type = Result.self
  ) throws -> Result {
    try decode(type, from: callValue(method, parameters))
  }

  /// Calls a method and gives its result as it came, whatever a newer server has put into it.
  package func callValue<Parameters: ControlParameters>(
    _ method: ControlMethod, _ parameters: Parameters = NoParameters()
  ) throws -> JSONValue {
    var params: JSONValue?
    if !Parameters.names.isEmpty {
      params = try JSONParser.parse([UInt8](JSONEncoder().encode(parameters))[...])
    }
    return try callValue(method: method.rawValue, params: params)
  }

  /// Calls a method by its name on the wire.
  package func callValue(method: String, params: JSONValue? = nil) throws -> JSONValue {
    let id = JSONValue.number(String(nextID))
    nextID += 1
    var line: [UInt8] = []
    RPCRequest(method: method, params: params, id: id).json.write(to: &line)
    line.append(UInt8(ascii: "\n"))
    let deadline = socket.deadline()
    try socket.write(line, until: deadline)
    while true {
      let answer = try parse(try socket.readLine(until: deadline))
      if let notification = notification(answer) {
        notifications.append(notification)
        continue
      }
      if let error = answer["error"] {
        // An id of null: the server refuses the connection, or could not read the request.
        guard let error = RPCError(error) else { throw malformed("its error has no code") }
        throw error
      }
      guard answer["jsonrpc"] == "2.0", let result = answer["result"] else {
        throw malformed("it is no response")
      }
      guard answer["id"] == id else { throw malformed("it answers another request") }
      return result
    }
  }

  /// The next notification of a subscription, in the order in which they came.
  ///
  /// - Throws: ``ControlClientError``; `timedOut` where none comes within `seconds`.
  package func nextNotification(withinSeconds seconds: Double) throws -> RPCRequest {
    if !notifications.isEmpty { return notifications.removeFirst() }
    let line = try parse(
      try socket.readLine(until: ControlClientSocket.now() + seconds))
    if let notification = notification(line) { return notification }
    // The server says why it ends the connection: an error whose id is null.
    if let error = line["error"].flatMap(RPCError.init) { throw error }
    throw malformed("it is no notification")
  }

  /// A request without an id; nil where the line is something else.
  private func notification(_ line: JSONValue) -> RPCRequest? {
    guard line["method"] != nil, let request = try? RPCRequest(line), request.id == nil else {
      return nil
    }
    return request
  }

  /// Decodes a result.
  package func decode<Result: Decodable>(
    _ type: Result.Type, from value: JSONValue
  ) throws(ControlClientError) -> Result {
    var bytes: [UInt8] = []
    value.write(to: &bytes)
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw malformed(
        "its result is not as this version (API \(ControlVersion.text)) expects: \(error)")
    }
  }

  private func parse(_ line: [UInt8]) throws(ControlClientError) -> JSONValue {
    do {
      return try JSONParser.parse(line[...])
    } catch {
      throw malformed("it is not JSON: \(error)")
    }
  }

  private func malformed(_ reason: String) -> ControlClientError {
    ControlClientError(.badAnswer, "the answer from \(socket.path) cannot be used: \(reason)")
  }
}
