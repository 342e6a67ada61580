import ArgumentParser
import Forwarding
import Foundation

/// `martlet forward kafka`
struct ForwardKafka: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "kafka",
    abstract: "Records to Kafka topics, in a flow's order, by an idempotent producer.",
    discussion: """
      The value is the record's JSON, the key its Community ID, so that a flow's records stand in \
      one partition; the headers are id, event_type and sensor. Users, passwords and TLS stand in \
      a file of librdkafka's properties: docs/forward-kafka.md has examples.

      EXAMPLES
        martlet forward kafka broker1:9092,broker2:9092
        martlet forward kafka broker1:9092 --topic {sensor}.{type} --compression lz4
        martlet forward kafka broker1:9093 --kafka-config kafka.properties
      """)

  @Argument(
    help: ArgumentHelp(
      "host:port of some brokers, with commas between; they tell of the others.",
      valueName: "brokers"))
  var brokers: String

  @Option(
    help: ArgumentHelp(
      "Where to; {type} and {sensor} stand for the record's.", valueName: "pattern"))
  var topic = "martlet-{type}"

  @Option(help: ArgumentHelp("none, gzip, snappy, lz4 or zstd.", valueName: "codec"))
  var compression = KafkaCompression.zstd

  @Option(
    name: .customLong("kafka-linger"),
    help: ArgumentHelp("How long a message waits for others to go with it.", valueName: "ms"))
  var kafkaLinger = 5

  @Option(
    help: ArgumentHelp(
      "How long librdkafka tries before a record waits with the forwarder.", valueName: "seconds"))
  var timeout = 30.0

  @Option(
    help: ArgumentHelp(
      """
      The largest message; a larger one goes to the dead letters. The brokers' message.max.bytes \
      must be as much.
      """, valueName: "bytes"))
  var maxMessage = 1_000_000

  @Option(
    help: ArgumentHelp(
      "Records of a topic that is not there: wait until it is, or refuse them (dead letters).",
      valueName: "policy"))
  var unknownTopic = KafkaUnknownTopic.wait

  @Option(
    help: ArgumentHelp(
      "librdkafka's properties, NAME=VALUE a line: sasl, ssl and so on.", valueName: "file"))
  var kafkaConfig: String?

  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  func makeTarget() throws -> any ForwardTarget {
    func require(_ isRight: Bool, _ text: String) throws {
      if !isRight { throw ValidationError(text) }
    }
    try require(!brokers.isEmpty, "no brokers; expected host:port[,host:port]")
    try require(
      (0...10_000).contains(kafkaLinger), "--kafka-linger \(kafkaLinger) must be 0 to 10000 ms")
    try require((1...3600).contains(timeout), "--timeout \(timeout) must be 1 to 3600 seconds")
    try require(
      (1_000...1_000_000_000).contains(maxMessage),
      "--max-message \(maxMessage) must be 1000 to 1000000000 bytes")
    var settings: KafkaSettings
    do {
      settings = KafkaSettings(brokers: brokers, topic: try KafkaTopicPattern(topic))
      if let kafkaConfig {
        settings.properties = try KafkaProperty.parse(read(kafkaConfig), path: kafkaConfig)
      }
    } catch let fault as TargetFault {
      throw ValidationError("\(fault)")
    }
    settings.compression = compression
    settings.lingerMilliseconds = kafkaLinger
    settings.timeoutSeconds = timeout
    settings.maximumMessageBytes = maxMessage
    settings.unknownTopic = unknownTopic
    settings.report = { Output.writeError("martlet forward: \(printable($0))\n") }
    return KafkaTarget(settings: settings)
  }

  private func read(_ path: String) throws -> String {
    do { return try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw ValidationError("--kafka-config: \(path) cannot be read as text")
    }
  }
}

extension KafkaCompression: ExpressibleByArgument {}
extension KafkaUnknownTopic: ExpressibleByArgument {}
