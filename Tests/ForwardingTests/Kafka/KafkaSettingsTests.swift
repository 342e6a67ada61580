import Testing

@testable import Forwarding

@Suite struct KafkaTopicPatternTests {
  private let stream = StreamName(sensor: "edge1", type: "dns")

  @Test(arguments: [
    ("martlet", "martlet"), ("martlet-{type}", "martlet-dns"),
    ("{sensor}.{type}", "edge1.dns"), ("{type}{type}", "dnsdns"),
  ])
  func names(pattern: String, topic: String) throws {
    #expect(try KafkaTopicPattern(pattern).topic(of: stream) == topic)
  }

  @Test(arguments: ["", "{type", "{kind}", "a b", "a/{type}", "a}"])
  func refuses(pattern: String) throws {
    let fault = try #require(throws: TargetFault.self) { try KafkaTopicPattern(pattern) }
    #expect(fault.isFinal)
  }

  @Test func knowsWhatATopicIs() {
    #expect(KafkaTopicPattern.isTopic(String(repeating: "a", count: 249)))
    for name in ["", ".", "..", "a:b", "\u{e9}", String(repeating: "a", count: 250)] {
      #expect(!KafkaTopicPattern.isTopic(name))
    }
  }
}

@Suite struct KafkaPropertyTests {
  @Test func reads() throws {
    let properties = try KafkaProperty.parse(
      "# who we are\n\nsasl.username = martlet\r\nsasl.password=a=b #c \n", path: "kafka.conf")
    #expect(properties.map(\.name) == ["sasl.username", "sasl.password"])
    #expect(properties.map(\.value) == ["martlet", "a=b #c"])
    #expect(properties.map(\.line) == [3, 4])
  }

  @Test(arguments: [
    ("hunter2", "kafka.conf:1: expected NAME=VALUE"), ("=hunter2", "kafka.conf:1: expected"),
    ("\nacks=1", "kafka.conf:2: 'acks' is fixed"),
    ("enable.idempotence=false", "'enable.idempotence' is fixed"),
    ("enable.ssl.certificate.verification=false", "brokers are always verified"),
    ("linger.ms=9", "'linger.ms' is an option of the command"),
  ])
  func refuses(text: String, reason: String) throws {
    let fault = try #require(throws: TargetFault.self) {
      try KafkaProperty.parse(text, path: "kafka.conf")
    }
    #expect(fault.isFinal)
    #expect(fault.description.contains(reason))
    #expect(!fault.description.contains("hunter2"))
  }

  @Test(arguments: [
    ("no.such.property=1", "line 1"), ("socket.timeout.ms=soon", "line 1"),
    ("max.in.flight=100", "max.in.flight"),
  ])
  func whatLibrdkafkaRefusesIsFinal(text: String, reason: String) throws {
    var settings = KafkaSettings(brokers: "127.0.0.1:1", topic: try KafkaTopicPattern("a"))
    settings.properties = try KafkaProperty.parse(text, path: "kafka.conf")
    let target = KafkaTarget(settings: settings)
    let fault = try #require(throws: TargetFault.self) { try target.open() }
    #expect(fault.isFinal)
    #expect(fault.description.contains(reason))
  }

  @Test func noBrokerAnswersIsAFaultThatPasses() throws {
    let port = try WireSocket.freePort()
    let target = KafkaTarget(
      settings: KafkaSettings(brokers: "127.0.0.1:\(port)", topic: try KafkaTopicPattern("a")))
    let fault = try #require(throws: TargetFault.self) { try target.open() }
    #expect(!fault.isFinal)
    #expect(fault.description.contains("no broker answers"))
  }
}
