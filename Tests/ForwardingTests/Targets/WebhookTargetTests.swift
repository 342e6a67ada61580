import ControlAPI
import Testing

@testable import Forwarding

@Suite(.enabled(if: HTTPReceiver.isInstalled))
struct WebhookTargetTests {
  let receiver: HTTPReceiver

  init() throws { receiver = try HTTPReceiver("webhook") }

  private func target(
    path: String = "/hook", _ change: (inout WebhookSettings) throws -> Void = { _ in }
  ) throws -> WebhookTarget {
    var settings = WebhookSettings(
      http: HTTPSettings(url: try HTTPURL("http://127.0.0.1:\(receiver.port)\(path)")))
    settings.http.requestTimeoutSeconds = 5
    try change(&settings)
    return try WebhookTarget(settings)
  }

  private func state() throws -> JSONValue {
    let state = try receiver.state()
    #expect(state["violations"] == [])
    return state
  }

  @Test(arguments: WebhookSettings.Format.allCases, [false, true])
  func recordsArriveSigned(_ format: WebhookSettings.Format, _ isCompressed: Bool) throws {
    try receiver.set(["secret": "geheim", "needs": ["x-tenant": "a b"]])
    let target = try target {
      $0.format = format
      $0.secret = try Secret(Array("geheim".utf8), of: "the secret")
      $0.headers = [("X-Tenant", "a b")]
      $0.http.compressesBodies = isCompressed
    }
    try deliverAll(httpRecords(0..<100), to: target)
    let state = try state()
    #expect(state["records"]?.members.count == 100)
    #expect(state["records"]?["edge1-flow-1763703360000-7"]?["n"] == 7)
    #expect(state["signed"] == 1)
  }

  @Test func aBatchThatIsSentAgainHasTheSameID() throws {
    let target = try target()
    try receiver.disturb(["answer": "", "status": 503])
    try deliverAll(httpRecords(0..<10), to: target)
    try deliverAll(httpRecords(0..<10), to: target)
    try deliverAll(httpRecords(0..<11), to: target)
    let batches = try #require(try state()["batches"]?.elements)
    #expect(batches.count == 3)
    #expect(batches[0] == batches[1])
    #expect(batches[0] != batches[2])
  }

  @Test func theRecordsThatAreNotTakenAreFound() throws {
    let result = try deliverAll(httpRecords(0..<100, poison: [3, 50, 99]), to: target())
    #expect(result.refused.keys.sorted() == [3, 50, 99])
    #expect(result.refused[3] == "status 400: poison")
    let state = try state()
    #expect(state["records"]?.members.count == 97)
    #expect(state["doubled"] == 0)
  }

  @Test func aServerThatTakesNothingIsSettingsAndNotRecords() throws {
    try receiver.set(["takesNothing": true])
    let target = try target()
    let fault = #expect(throws: TargetFault.self) {
      try target.deliver(httpRecords(0..<100), interruption: Interruption())
    }
    #expect(fault?.description.contains("more likely the settings") == true)
    #expect(fault?.description.contains("this is something else") == true)
  }

  @Test func fewerAtOnceMayDo() throws {
    try receiver.set(["maximumRecords": 8])
    let result = try deliverAll(httpRecords(0..<100), to: target())
    #expect(result.refused.isEmpty && result.faults.isEmpty)
    #expect(try state()["records"]?.members.count == 100)
  }

  @Test func aPathThatIsNotThereKeepsTheRecords() throws {
    let target = try target(path: "/elsewhere")
    let fault = #expect(throws: TargetFault.self) {
      try target.deliver(httpRecords(0..<3), interruption: Interruption())
    }
    #expect(fault?.description.contains("check its path") == true)
  }

  @Test func aSlashAtTheEndStays() throws {
    try deliverAll(httpRecords(0..<3), to: target(path: "/hook/"))
    #expect(try state()["requests"]?.elements.first?["path"] == "/hook/")
  }

  @Test func allArriveThroughEveryFault() throws {
    let target = try target { $0.requestRecords = 50 }
    try receiver.disturb(
      ["silent": true], ["pass": true], ["reset": true], ["status": 503], ["early": 413],
      ["status": 429, "headers": ["Retry-After": "1"]], ["slow": .number("0.2")])
    let result = try deliverAll(httpRecords(0..<400), to: target)
    #expect(result.refused.isEmpty)
    #expect(try state()["records"]?.members.count == 400)
  }
}

@Suite struct WebhookSignatureTests {
  /// The known answer is that of `printf '1.what do ya want' | openssl dgst -sha256 -hmac Jefe`.
  @Test func theSignatureIsThatOfOpenSSL() throws {
    let secret = try Secret(Array("Jefe".utf8), of: "the secret")
    #expect(
      WebhookSignature.value(Array("what do ya want".utf8), secret: secret, unixSeconds: 1)
        == "t=1,v1=c44c8a28337cb766024041cdda4308bcdb0224b5d068e845dc55a1c8b4c64fdc")
  }
}

@Suite struct HeaderFileTests {
  @Test func headersAreLines() throws {
    let headers = try HeaderFile.parse(
      "# ours\nX-Tenant: a b\r\n\nAuthorization:Bearer x:y\n", path: "f")
    #expect(headers.map(\.name) == ["X-Tenant", "Authorization"])
    #expect(headers.map(\.value) == ["a b", "Bearer x:y"])
  }

  @Test(arguments: [
    "geheim", ": geheim", "a b: geheim", "X:", "X: gehe\u{1}im", "Content-Type: geheim",
    "Martlet-Batch: geheim", "transfer-encoding: geheim",
  ])
  func whatIsNoneIsSaidWithoutItsValue(_ line: String) {
    let error = #expect(throws: TargetSettingsError.self) {
      try HeaderFile.parse("X-A: b\n\(line)\n", path: "f")
    }
    #expect(error?.description.hasPrefix("f, line 2: ") == true)
    #expect(error?.description.contains("geheim") == false)
  }
}
