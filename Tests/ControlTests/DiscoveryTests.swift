import ControlAPI
import Foundation
import Testing

@testable import ControlServer

/// `rpc.discover` and `rpc.version`, and the document held against what the handlers do.
struct DiscoveryTests {
  static let table = MethodTable.methods(
    MethodContext(
      engine: FixedEngine(), views: StatsViews(limit: 8), limits: ControlServerLimits(),
      audit: nil))

  static func document() throws -> JSONValue {
    let entry = try #require(table["rpc.discover"])
    let peer = ControlPeer(credentials: .init(pid: 1, uid: 0, gid: 0), role: .admin)
    return try JSONParser.parse(entry.prepare(nil)(peer).result[...])
  }

  static func methods(_ document: JSONValue) -> [JSONValue] {
    guard case .array(let methods) = document["methods"] else { return [] }
    return methods
  }

  /// Parameters with which the stub engine answers each method that needs some.
  static let parameters: [ControlMethod: JSONValue] = [
    .logSetLevel: ["level": "debug"], .statsReset: ["view": "v"],
    .statsUnsubscribe: ["subscription": 1],
    .filterAdd: ["name": "a", "expression": "tcp", "action": "drop"],
    .filterReplace: ["name": "a"], .filterRemove: ["name": "a"],
    .filterMove: ["name": "a", "position": 0], .filterTest: ["expression": "tcp"],
    .flowsGet: ["flowId": 1], .flowsKill: ["flowId": 1],
    .tuningSet: ["key": "polling", "value": "busy"], .portsStart: ["port": "tap0"],
    .portsStop: ["port": "tap0"],
  ]

  /// Every method's answer by the stub engine.
  static func answers() throws -> [(method: String, result: JSONValue)] {
    let session = ClientSession()
    var peer = ControlPeer(credentials: .init(pid: 1, uid: 0, gid: 0), role: .admin)
    peer.session = session
    return try table.entries.map { entry in
      let params = ControlMethod(rawValue: entry.name).flatMap { parameters[$0] }
      return (entry.name, try JSONParser.parse(entry.prepare(params)(peer).result[...]))
    }
  }

  @Test func everyMethodIsThere() throws {
    #expect(Set(Self.table.entries.map(\.name)) == Set(ControlMethod.allCases.map(\.rawValue)))
    let document = try Self.document()
    #expect(document["openrpc"] == "1.3.2")
    #expect(document["info"]?["version"] == .string(ControlVersion.text))
    let methods = Self.methods(document)
    #expect(methods.map { $0["name"] } == Self.table.entries.map { .string($0.name) })
    for (method, entry) in zip(methods, Self.table.entries) {
      guard case .array(let params) = method["params"] else {
        Issue.record("no params")
        continue
      }
      #expect(params.map { $0["name"] } == entry.parameterNames.map { .string($0) })
      #expect(method["x-role"] == .string(entry.role.name))
      #expect(method["x-changes"] == .bool(entry.effect == .audited))
    }
  }

  /// What the brief of the specification asks of a document, beyond its types.
  @Test func theRulesOfOpenRPC() throws {
    let document = try Self.document()
    let validator = SchemaValidator(document: document)
    let methods = Self.methods(document)
    #expect(Set(methods.map { $0["name"]?.text }).count == methods.count, "names are unique")
    func references(_ value: JSONValue) -> [String] {
      switch value {
      case .array(let elements): return elements.flatMap(references)
      case .object(let members):
        return members.flatMap { member -> [String] in
          if member.name == "$ref", case .string(let text) = member.value { return [text] }
          return references(member.value)
        }
      default: return []
      }
    }
    let all = Set(references(document))
    #expect(all.count > 40)
    for reference in all { #expect(validator.resolve(reference) != .none, "\(reference)") }
    for method in methods {
      let name = method["name"]?.text ?? ""
      guard case .string(let summary) = method["summary"],
        case .array(let params) = method["params"]
      else {
        Issue.record("\(name)")
        continue
      }
      #expect(summary.first?.isUppercase == true && summary.last != ".", "\(summary)")
      #expect(method["result"]?["name"] != .none && method["result"]?["schema"] != .none)
      #expect(Set(params.map { $0["name"]?.text }).count == params.count)
      // Required ones come first, or a by-position call could not leave the others out.
      let required = params.map { $0["required"] == true }
      #expect(required == required.sorted { $0 && !$1 }, "\(name)")
      for param in params {
        guard case .string(let words) = param["description"] else {
          Issue.record("\(name): \(param["name"]?.text ?? "") has no description")
          continue
        }
        #expect(!words.isEmpty && !words.contains("``"))
        #expect(param["schema"] != .none)
      }
    }
  }

  @Test func answersAreAsTheDocumentSays() throws {
    let document = try Self.document()
    let validator = SchemaValidator(document: document)
    let methods = Self.methods(document)
    for (name, result) in try Self.answers() {
      let method = try #require(methods.first { $0["name"] == .string(name) })
      let schema = try #require(method["result"]?["schema"])
      #expect(validator.faults(result, schema) == [], "\(name)")
    }
  }

  @Test func notificationsAreAsTheDocumentSays() throws {
    let document = try Self.document()
    guard case .array(let list) = document["x-notifications"] else {
      Issue.record("none")
      return
    }
    let schema = try #require(list.first?["params"])
    let client = try { () -> JSONValue in
      var update = JSONValue.null
      try withServer { path in
        let client = try RawClient(path)
        _ = try client.ask(SubscriptionTests.subscribe(1, period: 60))
        update = try client.answer()
      }
      return update
    }()
    #expect(client["method"] == list.first?["name"])
    let params = try #require(client["params"])
    #expect(SchemaValidator(document: document).faults(params, schema) == [])
  }

  /// A validator that cannot find a fault would prove nothing.
  @Test func theValidatorFindsFaults() throws {
    let document = try Self.document()
    let validator = SchemaValidator(document: document)
    let schema: JSONValue = ["$ref": "#/components/schemas/PortChange"]
    let right: JSONValue = ["port": "a", "before": true, "after": false, "notes": []]
    #expect(validator.faults(right, schema) == [])
    for wrong: JSONValue in [
      ["port": "a", "before": true, "after": false], 5,
      ["port": 1, "before": true, "after": false, "notes": []],
      ["port": "a", "before": true, "after": false, "notes": [1]],
      ["port": "a", "before": true, "after": false, "notes": [], "more": 1],
    ] { #expect(validator.faults(wrong, schema).count == 1, "\(wrong.text)") }
  }

  @Test func parametersAreAsTheDocumentSays() throws {
    // What the schema says of a parameter is what the handler does with it.
    for method in Self.methods(try Self.document()) {
      guard case .string(let name) = method["name"], case .array(let params) = method["params"],
        let entry = Self.table[name]
      else { continue }
      let known = ControlMethod(rawValue: name).flatMap { Self.parameters[$0] }
      for param in params {
        guard case .string(let parameter) = param["name"] else { continue }
        func call(_ value: JSONValue?) -> RPCError? {
          var members = [JSONValue.Member]()
          if case .object(let others) = known { members = others }
          members.removeAll { $0.name == parameter }
          if let value { members.append(.init(parameter, value)) }
          do throws(RPCError) {
            _ = try entry.prepare(.object(members))
            return nil
          } catch { return error }
        }
        #expect((call(.none) != nil) == (param["required"] == true), "\(name) \(parameter)")
        #expect(call([[]])?.code == .invalidParams, "\(name) \(parameter)")
        let schema = param["schema"] ?? .null
        if case .number(let most) = schema["maximum"], let most = Double(most) {
          #expect(call(.number(String(Int(most) + 1)))?.data?["maximum"] != .none)
          #expect(call(.number(String(Int(most)))) == nil)
        }
        if schema["enum"] != .none {
          #expect(call("no such word")?.data?["allowed"] == schema["enum"], "\(name) \(parameter)")
        }
      }
    }
  }

  /// The schemas and answers by another's implementation.
  @Test(
    .enabled(
      if: Python.has("jsonschema"),
      "SKIPPED: jsonschema (pip install jsonschema) is not there to validate the answers"))
  func answersValidateWithJSONSchema() throws {
    let answers = try JSONValue.array(
      Self.answers().map { ["method": .string($0.method), "result": $0.result] })
    let input: JSONValue = ["document": try Self.document(), "answers": answers]
    let output = try Python.run(
      """
      import sys, json, jsonschema
      given = json.load(sys.stdin)
      document = given["document"]
      schemas = {m["name"]: m["result"]["schema"] for m in document["methods"]}
      params = [p["schema"] for m in document["methods"] for p in m["params"]]
      for schema in list(schemas.values()) + params + list(document["components"]["schemas"].values()):
          jsonschema.Draft7Validator.check_schema(schema)
      count = 0
      for answer in given["answers"]:
          schema = dict(schemas[answer["method"]], components=document["components"])
          errors = list(jsonschema.Draft7Validator(schema).iter_errors(answer["result"]))
          for error in errors: print(answer["method"], error.json_path, error.message[:200])
          count += 1
      print(count)
      """, input: input.text)
    #expect(output == "\(Self.table.entries.count)\n")
  }

  // MARK: - Versions

  @Test(arguments: [.none, "1.0", "1.1", "1.2"] as [String?])
  func aVersionThatIsServed(api: String?) throws {
    try withServer { path in
      let info = try ControlClient(socketPath: path).call(
        .rpcVersion, VersionParameters(api: api), as: VersionInfo.self)
      #expect(info.api == "1.2" && info.methods.count == ControlMethod.allCases.count)
    }
  }

  @Test(arguments: [
    ("1.3", RPCErrorCode.versionNotServed), ("2.0", .versionNotServed), ("0.9", .versionNotServed),
    ("1", .invalidParams), ("", .invalidParams), ("1.2.0", .invalidParams), ("a.b", .invalidParams),
    ("-1.0", .invalidParams), ("99999999999999999999.0", .invalidParams),
  ])
  func aVersionThatIsNot(api: String, code: RPCErrorCode) throws {
    try withServer { path in
      let error = #expect(throws: RPCError.self) {
        try ControlClient(socketPath: path).callValue(.rpcVersion, VersionParameters(api: api))
      }
      #expect(error?.code == code)
      if code == .versionNotServed {
        #expect(error?.data?["supported"] == ["1.0", "1.1", "1.2"])
      }
    }
  }

  // MARK: - What is written from the source

  @Test("descriptions are the source's comments; MARTLET_REGENERATE=1 writes them")
  func descriptions() throws {
    let comments = try SourceComments.collect(in: ["Sources/ControlAPI/Results"])
    var text = """
      // The comments in front of the API's types and their members, for the OpenRPC document. Written from
      // Sources/ControlAPI/Results by `MARTLET_REGENERATE=1 swift test --filter DiscoveryTests`.

      enum SchemaDescriptions {
        static let all: [String: String] = [

      """
    for (name, words) in comments.sorted(by: { $0.key < $1.key }) {
      let quoted = words.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      let line = "    \"\(name)\": \"\(quoted)\","
      // swift-format breaks behind the colon where a line is longer than a hundred columns.
      text += line.count <= 100 ? "\(line)\n" : "    \"\(name)\":\n      \"\(quoted)\",\n"
    }
    text += "  ]\n}\n"
    try Reference.check("Sources/ControlServer/Discovery/SchemaDescriptions.swift", is: text)
  }
}
