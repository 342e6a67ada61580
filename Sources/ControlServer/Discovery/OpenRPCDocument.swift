import ControlAPI

/// The API as an OpenRPC document (https://spec.open-rpc.org, version 1.3), made from the table that the
/// handlers are registered in and from their types.
enum OpenRPCDocument {
  static let version = "1.3.2"

  /// - Throws: ``SchemaError`` for a type whose form cannot be derived.
  static func make(_ entries: [MethodEntry]) throws -> JSONValue {
    var builder = SchemaBuilder()
    let methods = try entries.map { try method($0, &builder) }
    let notification = try builder.schema(of: StatsNotification.self)
    return [
      "openrpc": .string(version),
      "info": [
        "title": "Martlet control API", "version": .string(ControlVersion.text),
        "description":
          "JSON-RPC 2.0 on a Unix socket, one message a line. Roles come from the peer's uid and groups.",
        "license": ["name": "Apache-2.0"],
      ],
      "methods": .array(methods),
      "components": [
        "schemas": .object(builder.components),
        "errors": .object(
          RPCErrorCode.all.map { .init(name(of: $0), error($0)) }),
      ],
      "x-notifications": [
        [
          "name": .string(StatsNotification.method),
          "summary": "Counters, to who has subscribed to them", "params": notification,
        ]
      ],
    ]
  }

  private static func method(
    _ entry: MethodEntry, _ builder: inout SchemaBuilder
  ) throws -> JSONValue {
    let type = String(describing: entry.parameterType)
    let params = try builder.parameters(of: entry.parameterType).map { parameter -> JSONValue in
      var members: [JSONValue.Member] = [.init("name", .string(parameter.name))]
      if let words = SchemaDescriptions.all["\(type).\(parameter.name)"] {
        members.append(.init("description", .string(words)))
      }
      return .object(
        members + [
          .init("required", .bool(parameter.isRequired)), .init("schema", parameter.schema),
        ])
    }
    return [
      "name": .string(entry.name), "summary": .string(entry.summary),
      "paramStructure": "either", "params": .array(params),
      "result": [
        "name": .string(String(describing: entry.resultType)),
        "schema": try builder.schema(of: entry.resultType),
      ],
      "errors": .array(errors(of: entry).map(reference)),
      "x-role": .string(entry.role.name), "x-changes": .bool(entry.effect == .audited),
    ]
  }

  /// The errors that calling a method may have, beside those of the message and the connection.
  static func errors(of entry: MethodEntry) -> [RPCErrorCode] {
    var errors: [RPCErrorCode] = [.invalidParams]
    if entry.role > .viewer { errors.append(.notPermitted) }
    errors += entry.errors
    if entry.effect == .audited { errors.append(.auditUnavailable) }
    return errors + [.internalError]
  }

  private static func error(_ code: RPCErrorCode) -> JSONValue {
    ["code": .number(String(code.rawValue)), "message": .string(code.summary)]
  }

  private static func reference(_ code: RPCErrorCode) -> JSONValue {
    ["$ref": .string("#/components/errors/\(name(of: code))")]
  }

  /// `InvalidParams`
  private static func name(of code: RPCErrorCode) -> String {
    code.summary.split(separator: " ").map { $0.prefix(1).uppercased() + $0.dropFirst() }
      .joined().filter { $0.isLetter }
  }
}
