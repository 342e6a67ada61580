import ControlAPI
import Foundation

/// Which of the two threads a method is answered on; see ``EngineThreads``.
enum MethodPace: Sendable {
  case atOnce
  case inItsOwnTime
}

/// What a method does to the engine, and so whether it goes to the audit log.
enum MethodEffect: Sendable {
  /// Nothing that others see, or a view of one's own.
  case none
  /// Changes the engine, or gives access to packets: logged, with what it was before and is after.
  case audited
}

/// A call whose parameters are in order.
typealias PreparedCall = @Sendable (ControlPeer) throws -> MethodAnswer

/// What came of a call.
struct MethodAnswer: Sendable {
  /// JSON on one line.
  var result: [UInt8]
  /// For the audit log; nil for methods that are not logged.
  var before: JSONValue?
  var after: JSONValue?
}

/// One method: what it is called, who may call it, what it takes, and what it does. The server's
/// answers, its OpenRPC document and the reference in docs/ are all made from this.
struct MethodEntry: Sendable {
  let name: String
  /// One sentence without its full stop.
  let summary: String
  /// The least role that may call it.
  let role: ControlRole
  let pace: MethodPace
  let effect: MethodEffect
  /// Its parameters, in the order of a by-position call.
  let parameterNames: [String]
  let parameterType: any ControlParameters.Type
  let resultType: any (Codable & Sendable).Type
  /// What it answers beside the errors that every method may.
  let errors: [RPCErrorCode]
  /// Reads the parameters, and gives what makes the call with them; either throws an ``RPCError``.
  let prepare: @Sendable (JSONValue?) throws(RPCError) -> PreparedCall

  /// - Parameter logs: what the audit log has as `after`; by default the result's own `before` and
  ///   `after`, or the whole result where it has none.
  init<Parameters: ControlParameters, Result: Codable & Sendable>(
    name: String, _ summary: String, role: ControlRole, pace: MethodPace = .atOnce,
    effect: MethodEffect = .none, errors: [RPCErrorCode] = [],
    logs: (@Sendable (Result) -> JSONValue)? = nil,
    handler: @escaping @Sendable (ControlPeer, Parameters) throws -> Result
  ) {
    self.name = name
    self.summary = summary
    self.role = role
    self.pace = pace
    self.effect = effect
    self.errors = errors
    parameterNames = Parameters.names
    parameterType = Parameters.self
    resultType = Result.self
    prepare = { params throws(RPCError) in
      let parameters = try decodeParameters(Parameters.self, from: params, of: name)
      return { peer in
        let value = try handler(peer, parameters)
        var answer = MethodAnswer(result: try encodeResult(value))
        guard effect == .audited else { return answer }
        if let logs {
          answer.after = logs(value)
        } else {
          let whole = try JSONParser.parse(answer.result[...])
          let isChange = whole["before"] != .none || whole["after"] != .none
          answer.before = whole["before"]
          answer.after = isChange ? whole["after"] : whole
        }
        return answer
      }
    }
  }
}

/// JSON on one line, members in alphabetic order.
func encodeResult(_ value: some Encodable) throws -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
  return [UInt8](try encoder.encode(value))
}

extension MethodEntry {
  /// A method of the control API.
  init<Parameters: ControlParameters, Result: Codable & Sendable>(
    _ method: ControlMethod, _ summary: String, role: ControlRole, pace: MethodPace = .atOnce,
    effect: MethodEffect = .none, errors: [RPCErrorCode] = [],
    logs: (@Sendable (Result) -> JSONValue)? = nil,
    handler: @escaping @Sendable (ControlPeer, Parameters) throws -> Result
  ) {
    self.init(
      name: method.rawValue, summary, role: role, pace: pace, effect: effect, errors: errors,
      logs: logs, handler: handler)
  }
}

/// Every method the server answers, by name and in the order of the reference.
struct MethodTable: Sendable {
  let entries: [MethodEntry]
  private let byName: [String: MethodEntry]

  init(_ entries: [MethodEntry]) {
    self.entries = entries
    byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })
  }

  subscript(name: String) -> MethodEntry? { byName[name] }
}
