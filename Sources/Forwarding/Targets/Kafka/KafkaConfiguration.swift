internal import CRdkafka

/// Turns settings into librdkafka's configuration.
enum KafkaConfiguration {
  static func apply(
    _ settings: KafkaSettings, to configuration: OpaquePointer
  ) throws(TargetFault) {
    let fixed = [
      ("client.id", "martlet"),
      ("bootstrap.servers", settings.brokers),
      ("enable.idempotence", "true"),
      ("acks", "all"),
      // Not by chance: librdkafka's own default would put a flow elsewhere than Java's clients.
      ("partitioner", "murmur2_random"),
      ("compression.codec", settings.compression.rawValue),
      ("linger.ms", String(settings.lingerMilliseconds)),
      ("message.timeout.ms", String(Int(settings.timeoutSeconds * 1_000))),
      ("message.max.bytes", String(settings.maximumMessageBytes)),
      // A batch and what librdkafka keeps of it: the queue needs to hold no more.
      ("queue.buffering.max.messages", "20000"),
      ("queue.buffering.max.kbytes", "65536"),
      ("log.queue", "true"),
    ]
    for (name, value) in fixed {
      if let problem = set(name, value, in: configuration) {
        throw TargetFault("librdkafka: \(problem)", isFinal: true)
      }
    }
    for property in settings.properties {
      if let problem = set(property.name, property.value, in: configuration) {
        // librdkafka quotes the value: not where it may be a secret.
        let text = isSecret(property.name) ? "'\(property.name)' is not taken" : problem
        throw TargetFault("Kafka property in line \(property.line): \(text)", isFinal: true)
      }
    }
  }

  private static func set(
    _ name: String, _ value: String, in configuration: OpaquePointer
  ) -> String? {
    var text = [CChar](repeating: 0, count: 512)
    let result = rd_kafka_conf_set(configuration, name, value, &text, text.count)
    return result == RD_KAFKA_CONF_OK ? nil : string(text)
  }

  private static func isSecret(_ name: String) -> Bool {
    ["password", "secret", "token", "pem", "key", "jaas"].contains { name.contains($0) }
  }

  static func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
