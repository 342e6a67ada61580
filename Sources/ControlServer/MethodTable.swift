import ControlAPI
import Foundation

/// One method: what it is called, who may call it, what it takes, and what it does.
struct MethodEntry: Sendable {
  let name: String
  /// The least role that may call it.
  let role: ControlRole
  /// Its parameters, in the order of a by-position call.
  let parameterNames: [String]
  /// Gives the result as JSON on one line, or throws an ``RPCError``.
  let call: @Sendable (ControlPeer, JSONValue?) throws -> [UInt8]

  init<Parameters: ControlParameters, Result: Encodable & Sendable>(
    name: String, role: ControlRole,
    handler: @escaping @Sendable (ControlPeer, Parameters) throws -> Result
  ) {
    self.name = name
    self.role = role
    parameterNames = Parameters.names
    call = { peer, params in
      let parameters = try decodeParameters(Parameters.self, from: params, of: name)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
      return [UInt8](try encoder.encode(handler(peer, parameters)))
    }
  }
}

extension MethodEntry {
  /// A method of the control API.
  init<Parameters: ControlParameters, Result: Encodable & Sendable>(
    _ method: ControlMethod, role: ControlRole,
    handler: @escaping @Sendable (ControlPeer, Parameters) throws -> Result
  ) {
    self.init(name: method.rawValue, role: role, handler: handler)
  }
}

/// Every method the server answers, by name.
struct MethodTable: Sendable {
  private let entries: [String: MethodEntry]

  init(_ entries: [MethodEntry]) {
    self.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })
  }

  subscript(name: String) -> MethodEntry? { entries[name] }
}
