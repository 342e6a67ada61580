import ControlAPI
import Foundation

/// Turns a request's `params` into a method's parameters.
///
/// By-position parameters get their names from ``ControlParameters/names``. What the method does
/// not have is refused by name: a misspelt parameter must not pass for its default.
///
/// - Throws: ``RPCError`` with code -32602.
func decodeParameters<Parameters: ControlParameters>(
  _ type: Parameters.Type, from params: JSONValue?, of method: String
) throws(RPCError) -> Parameters {
  let members = try namedParameters(params, names: Parameters.names, method: method)
  var bytes: [UInt8] = []
  JSONValue.object(members).write(to: &bytes)
  do {
    return try JSONDecoder().decode(type, from: Data(bytes))
  } catch let error as RPCError {
    throw error
  } catch let error as DecodingError {
    throw describe(error)
  } catch {
    throw RPCError(.invalidParams, "the parameters cannot be read: \(error)")
  }
}

private func namedParameters(
  _ params: JSONValue?, names: [String], method: String
) throws(RPCError) -> [JSONValue.Member] {
  let takes =
    names.isEmpty ? "\(method) takes none" : "\(method) takes \(names.joined(separator: ", "))"
  let allowed = JSONValue.array(names.map { .string($0) })
  switch params {
  case .object(let members):
    let unknown = members.map(\.name).filter { !names.contains($0) }
    if !unknown.isEmpty {
      let quoted = unknown.map { "\"\($0)\"" }.joined(separator: ", ")
      throw RPCError(
        .invalidParams, "unknown parameter \(quoted); \(takes)",
        data: ["unknown": .array(unknown.map { .string($0) }), "allowed": allowed])
    }
    return members
  case .array(let values):
    if values.count > names.count {
      throw RPCError(
        .invalidParams, "\(values.count) parameters are too many; \(takes)",
        data: ["given": .number(String(values.count)), "allowed": allowed])
    }
    return zip(names, values).map { JSONValue.Member($0, $1) }
  default: return []
  }
}

private func describe(_ error: DecodingError) -> RPCError {
  let name: ([any CodingKey]) -> String = { path in
    path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
  }
  switch error {
  case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
    let expected = plainName(type)
    let parameter = name(context.codingPath)
    return RPCError(
      .invalidParams, "\(parameter) must be \(expected)",
      data: ["parameter": .string(parameter), "expected": .string(expected)])
  case .keyNotFound(let key, let context):
    let parameter = name(context.codingPath + [key])
    return RPCError(
      .invalidParams, "parameter \(parameter) is missing", data: ["parameter": .string(parameter)])
  case .dataCorrupted(let context):
    // Foundation's way to say that a number does not fit.
    let parameter = name(context.codingPath)
    return RPCError(
      .invalidParams, "\(parameter) has a value that is not possible",
      data: ["parameter": .string(parameter)])
  @unknown default: return RPCError(.invalidParams)
  }
}

private func plainName(_ type: Any.Type) -> String {
  switch type {
  case is any BinaryInteger.Type: "a whole number"
  case is any BinaryFloatingPoint.Type: "a number"
  case is String.Type: "a string"
  case is Bool.Type: "true or false"
  default: "of another type"
  }
}
