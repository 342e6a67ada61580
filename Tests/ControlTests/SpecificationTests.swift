import ControlAPI
import Testing

@testable import ControlServer

/// Section 7 of the JSON-RPC 2.0 specification, example by example, and the rules around them.
struct SpecificationTests {
  struct Difference: ControlParameters {
    static let names = ["minuend", "subtrahend"]
    var minuend: Int
    var subtrahend: Int
  }

  struct Numbers: ControlParameters {
    static let names = ["a", "b", "c", "d", "e"]
    var a = 0
    var b: Int?
    var c: Int?
    var d: Int?
    var e: Int?
  }

  enum Datum: Codable {
    case text(String)
    case number(Int)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      }
    }
  }

  static let processor = MessageProcessor(
    methods: MethodTable([
      MethodEntry(name: "subtract", "", role: .viewer) { (_, parameters: Difference) in
        parameters.minuend - parameters.subtrahend
      },
      MethodEntry(name: "sum", "", role: .viewer) { (_, numbers: Numbers) in
        numbers.a + (numbers.b ?? 0) + (numbers.c ?? 0)
      },
      MethodEntry(name: "update", "", role: .viewer) { (_, _: Numbers) in 0 },
      MethodEntry(name: "notify_hello", "", role: .viewer) { (_, _: Numbers) in 0 },
      MethodEntry(name: "get_data", "", role: .viewer) { (_, _: NoParameters) in
        [Datum.text("hello"), .number(5)]
      },
      MethodEntry(name: "admin.only", "", role: .admin) { (_, _: NoParameters) in 0 },
    ]), limits: ControlServerLimits(), logger: quietLogger)

  static let admin = ControlPeer(
    credentials: PeerCredentials(pid: 1, uid: 0, gid: 0), role: .admin)

  /// The response, `data` of errors left out: the specification's examples have none.
  func respond(_ text: String, from peer: ControlPeer = admin) throws -> JSONValue? {
    guard let bytes = Self.processor.respond(to: Array(text.utf8), from: peer) else { return nil }
    #expect(!bytes.contains(10), "an answer is one line")
    return try JSONParser.parse(bytes[...]).withoutErrorData
  }

  func failure(_ code: Int, _ message: String, id: JSONValue = .null) -> JSONValue {
    [
      "jsonrpc": "2.0",
      "error": ["code": .number(String(code)), "message": .string(message)], "id": id,
    ]
  }

  func success(_ result: JSONValue, id: JSONValue) -> JSONValue {
    ["jsonrpc": "2.0", "result": result, "id": id]
  }

  @Test func positionalParameters() throws {
    #expect(
      try respond(#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#)
        == success(19, id: 1))
    #expect(
      try respond(#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#)
        == success(-19, id: 2))
  }

  @Test(arguments: [
    #"{"subtrahend": 23, "minuend": 42}"#, #"{"minuend": 42, "subtrahend": 23}"#,
  ])
  func namedParameters(params: String) throws {
    #expect(
      try respond(#"{"jsonrpc": "2.0", "method": "subtract", "params": \#(params), "id": 3}"#)
        == success(19, id: 3))
  }

  @Test func notifications() throws {
    #expect(
      try respond(#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#) == nil)
    #expect(try respond(#"{"jsonrpc": "2.0", "method": "foobar"}"#) == nil)
    // Section 4.1: not even an error is answered.
    #expect(try respond(#"{"jsonrpc": "2.0", "method": "subtract", "params": ["x"]}"#) == nil)
  }

  @Test func unknownMethod() throws {
    #expect(
      try respond(#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#)
        == failure(-32601, "Method not found", id: "1"))
  }

  @Test func invalidJSON() throws {
    #expect(
      try respond(#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#)
        == failure(-32700, "Parse error"))
  }

  @Test func invalidRequest() throws {
    #expect(
      try respond(#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#)
        == failure(-32600, "Invalid Request"))
  }

  @Test func batchOfInvalidJSON() throws {
    #expect(
      try respond(
        #"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, "#
          + #"{"jsonrpc": "2.0", "method""#) == failure(-32700, "Parse error"))
  }

  @Test func emptyBatch() throws {
    #expect(try respond("[]") == failure(-32600, "Invalid Request"))
  }

  @Test func batchOfInvalidRequests() throws {
    let invalid = failure(-32600, "Invalid Request")
    #expect(try respond("[1]") == .array([invalid]))
    #expect(try respond("[1,2,3]") == .array([invalid, invalid, invalid]))
  }

  @Test func mixedBatch() throws {
    let batch = """
      [
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
      ]
      """
    #expect(
      try respond(batch)
        == .array([
          success(7, id: "1"), success(19, id: "2"), failure(-32600, "Invalid Request"),
          failure(-32601, "Method not found", id: "5"), success(["hello", 5], id: "9"),
        ]))
  }

  @Test func batchOfNotifications() throws {
    #expect(
      try respond(
        #"[{"jsonrpc": "2.0", "method": "notify_hello", "params": [1]},"#
          + #"{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#) == nil)
  }

  @Test(arguments: [
    "1", "-1", "1.0", "1.5", "1e3", "123456789012345678901234567890", "0", "null", "\"\"",
    "\"1\"", #""a\"b\\cü😀""#,
  ])
  func idComesBackAsItWasSent(id: String) throws {
    let line = #"{"jsonrpc":"2.0","method":"get_data","id":\#(id)}"#
    let bytes = try #require(Self.processor.respond(to: Array(line.utf8), from: Self.admin))
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == #"{"jsonrpc":"2.0","result":["hello",5],"id":\#(id)}"#)
  }

  @Test(arguments: ["true", "[]", "{}", "[1]"])
  func idOfAnotherTypeIsRefused(id: String) throws {
    #expect(
      try respond(#"{"jsonrpc":"2.0","method":"get_data","id":\#(id)}"#)
        == failure(-32600, "Invalid Request"))
  }

  @Test(arguments: [
    #"{"method":"get_data","id":4}"#, #"{"jsonrpc":"1.0","method":"get_data","id":4}"#,
    #"{"jsonrpc":2.0,"method":"get_data","id":4}"#, #"{"jsonrpc":"2.0","id":4}"#,
    #"{"jsonrpc":"2.0","method":null,"id":4}"#,
    #"{"jsonrpc":"2.0","method":"get_data","params":1,"id":4}"#,
    #"{"jsonrpc":"2.0","method":"get_data","params":null,"id":4}"#,
  ])
  func invalidRequestKeepsItsID(line: String) throws {
    #expect(try respond(line) == failure(-32600, "Invalid Request", id: 4))
  }

  @Test(arguments: ["1", "\"x\"", "null", "true"])
  func valueThatIsNoRequest(line: String) throws {
    #expect(try respond(line) == failure(-32600, "Invalid Request"))
  }

  @Test func roleIsChecked() throws {
    let viewer = ControlPeer(
      credentials: PeerCredentials(pid: 1, uid: 9, gid: 9), role: .viewer)
    let line = #"{"jsonrpc":"2.0","method":"admin.only","id":1}"#
    #expect(
      try respond(line, from: viewer)
        == failure(-32000, "admin.only needs the role admin, yours is viewer", id: 1))
    #expect(try respond(line) == success(0, id: 1))
  }
}

extension JSONValue {
  /// The same response without `error.data`.
  fileprivate var withoutErrorData: JSONValue {
    switch self {
    case .array(let elements): .array(elements.map(\.withoutErrorData))
    case .object(let members):
      .object(
        members.map { member in
          guard member.name == "error", case .object(let error) = member.value else {
            return member
          }
          return Member("error", .object(error.filter { $0.name != "data" }))
        })
    default: self
    }
  }
}
