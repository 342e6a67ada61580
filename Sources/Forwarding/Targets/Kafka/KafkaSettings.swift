/// What the Kafka target is told.
package struct KafkaSettings: Sendable {
  /// `host:port,host:port`: brokers to begin with; they tell of the others.
  package var brokers: String
  package var topic: KafkaTopicPattern
  package var compression = KafkaCompression.zstd
  /// How long a message may wait for others to go with it.
  package var lingerMilliseconds = 5
  /// How long librdkafka may try before a record goes back to the forwarder.
  package var timeoutSeconds: Double = 30
  package var unknownTopic = KafkaUnknownTopic.wait
  /// The largest message; a broker's own limit is `message.max.bytes`.
  package var maximumMessageBytes = 1_000_000
  /// librdkafka's own properties, after all that is said here.
  package var properties: [KafkaProperty] = []
  /// Told what a person should know: what librdkafka logs, brokers that are away.
  package var report: @Sendable (String) -> Void = { _ in }

  package init(brokers: String, topic: KafkaTopicPattern) {
    self.brokers = brokers
    self.topic = topic
  }
}

package enum KafkaCompression: String, CaseIterable, Sendable {
  case none, gzip, snappy, lz4, zstd
}

/// What becomes of records whose topic the cluster does not have, and does not make.
package enum KafkaUnknownTopic: String, CaseIterable, Sendable {
  /// They wait for it to be made.
  case wait
  /// They go to the dead letters.
  case refuse
}
