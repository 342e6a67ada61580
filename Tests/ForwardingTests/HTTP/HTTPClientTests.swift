import ControlAPI
import Foundation
import Synchronization
import Testing

@testable import Forwarding

@Suite(.enabled(if: HTTPReceiver.isInstalled))
struct HTTPClientTests {
  let receiver: HTTPReceiver

  init() throws { receiver = try HTTPReceiver("webhook") }

  private func client(
    _ change: (inout HTTPSettings) -> Void = { _ in }
  ) throws -> HTTPClient {
    var settings = HTTPSettings(url: try HTTPURL("http://127.0.0.1:\(receiver.port)"))
    change(&settings)
    return try HTTPClient(settings)
  }

  private func post(_ client: HTTPClient) throws -> HTTPAnswer {
    try client.send(HTTPRequest(.post, "/hook", body: [1]), interruption: Interruption())
  }

  @Test func aConnectionIsKept() throws {
    let client = try client()
    for _ in 0..<5 {
      try receiver.disturb(["status": 200, "body": "hello"])
      #expect(try post(client).body == Array("hello".utf8))
    }
    #expect(try receiver.state()["accepted"] == 1)
  }

  @Test func retryAfterIsSecondsOrADate() throws {
    let client = try client()
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    let date = formatter.string(from: Date().addingTimeInterval(600))
    for (header, range) in [("7", 7.0...7.0), (date, 500.0...600.0), ("99999999", 3600...3600)] {
      try receiver.disturb(["status": 503, "headers": ["Retry-After": .string(header)]])
      #expect(range.contains(try #require(try post(client).retryAfterSeconds)))
    }
    for header in ["Sun, 06 Nov 1994 08:49:37 GMT", "soon", "-5"] {
      try receiver.disturb(["status": 503, "headers": ["Retry-After": .string(header)]])
      #expect(try post(client).retryAfterSeconds == nil)
    }
  }

  @Test func aRedirectIsNotFollowed() throws {
    try receiver.disturb(["status": 307, "headers": ["Location": "http://127.0.0.1:1/there"]])
    let answer = try post(try client())
    guard case .fault(let fault) = HTTPVerdict(answer, credentials: "") else {
      Issue.record("\(answer)")
      return
    }
    #expect(fault.description.contains("redirects to http://127.0.0.1:1/there"))
  }

  @Test func anAnswerIsBounded() throws {
    try receiver.disturb(["status": 200, "body": .string(String(repeating: "x", count: 10_000))])
    let client = try client { $0.maximumAnswerBytes = 9_999 }
    let fault = #expect(throws: TargetFault.self) { try post(client) }
    #expect(fault?.description.contains("more than the 9999 bytes") == true)
  }

  @Test func aServerThatHangsIsGivenUpInTime() throws {
    try receiver.disturb(["hang": true])
    let client = try client { $0.requestTimeoutSeconds = 0.3 }
    let fault = #expect(throws: TargetFault.self) { try post(client) }
    #expect(fault?.description.contains("did not answer in time") == true)
  }

  @Test func anInterruptionEndsTheWait() throws {
    try receiver.disturb(["hang": true])
    let client = try client { $0.requestTimeoutSeconds = 600 }
    let interruption = Interruption()
    Thread.detachNewThread {
      usleep(50_000)
      interruption.set()
    }
    let fault = #expect(throws: TargetFault.self) {
      try client.send(HTTPRequest(.post, "/hook", body: [1]), interruption: interruption)
    }
    #expect(fault?.description.contains("interrupted") == true)
  }

  @Test func theEnvironmentsProxyIsNotUsed() throws {
    setenv("http_proxy", "http://127.0.0.1:1", 1)
    defer { unsetenv("http_proxy") }
    try receiver.disturb(["status": 200])
    #expect(try post(try client()).status == 200)
  }

  @Test func aProxyIsUsedWhereItIsGiven() throws {
    // A proxy of plain HTTP gets the whole address: the receiver stands in for one.
    try receiver.disturb(["status": 200, "path": "http://search.invalid/_bulk"])
    var settings = HTTPSettings(url: try HTTPURL("http://search.invalid"))
    settings.proxy = "http://127.0.0.1:\(receiver.port)"
    let answer = try HTTPClient(settings).send(
      HTTPRequest(.post, "/_bulk", body: [1]), interruption: Interruption())
    #expect(answer.status == 200)
  }

  @Test(arguments: ["reset", "silent"]) func aLostConnectionIsAFaultInWords(_ how: String) throws {
    try receiver.disturb(.object([.init(how, true), .init("status", 200)]))
    let client = try client()
    let fault = #expect(throws: TargetFault.self) { try post(client) }
    #expect(fault?.description.contains("127.0.0.1:\(receiver.port)") == true)
    try receiver.disturb(["status": 200])
    #expect(try post(client).status == 200)
  }

  @Test func anAnswerThatIsCutIsAFault() throws {
    try receiver.disturb(["status": 200, "body": "hello", "cut": 3])
    let client = try client()
    let fault = #expect(throws: TargetFault.self) { try post(client) }
    #expect(fault?.description.contains("within its answer") == true)
  }

  @Test func nobodyThereIsSaid() throws {
    try receiver.listen(false)
    let client = try client()
    let fault = #expect(throws: TargetFault.self) { try post(client) }
    #expect(fault?.description.contains("cannot be reached") == true)
    try receiver.listen(true)
    try receiver.disturb(["status": 200])
    #expect(try post(client).status == 200)
  }
}

@Suite struct HTTPURLTests {
  @Test func whatAnAddressIs() throws {
    let url = try HTTPURL("https://search.example.net:9200/a/b/")
    #expect(url.isSecure)
    #expect(url.authority == "search.example.net:9200")
    #expect(url.path == "/a/b")
    #expect("\(url)" == "https://search.example.net:9200/a/b")
    #expect(try HTTPURL("http://[::1]:80").authority == "[::1]:80")
  }

  @Test(arguments: [
    "search:9200", "ftp://a", "https://", "https://user:geheim@host", "https://host?x=geheim",
    "https://host/a?x=geheim", "https://ho st", "https://host/\r\nX: geheim", "https://:80",
    "https://host/#geheim", "file:///etc/passwd",
  ])
  func whatIsNoneIsRefusedWithoutShowingSecrets(_ text: String) {
    let error = #expect(throws: TargetSettingsError.self) { try HTTPURL(text) }
    if text.contains("@") || text.contains("?") {
      #expect(error?.description.contains("geheim") == false)
    }
  }
}

@Suite struct SecretTests {
  @Test func aSecretIsNeverShown() throws {
    let secret = try Secret(Array("geheim".utf8), of: "the token")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("geheim"))
  }

  @Test func itIsAFilesOneLine() throws {
    let path = "/tmp/mrtl-secret-\(UInt32.random(in: .min ... .max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("geheim\n".utf8).write(to: URL(fileURLWithPath: path))
    let secret = try Secret.read("the token", file: path, variable: "MARTLET_TEST_NOTHING")
    #expect(secret?.bytes == Array("geheim".utf8))
    for text in ["", "\n", "geheim\r\nX: y"] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: TargetSettingsError.self) {
        try Secret.read("the token", file: path, variable: "MARTLET_TEST_NOTHING")
      }
      #expect(error?.description.contains("geheim") == false)
    }
    #expect(throws: TargetSettingsError.self) {
      try Secret.read("the token", file: path + "-none", variable: "MARTLET_TEST_NOTHING")
    }
    #expect(
      try Secret.read("the token", file: nil, variable: "MARTLET_TEST_NOTHING") == nil)
  }
}
