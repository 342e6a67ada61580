internal import CRdkafka

/// Records to Kafka topics, through librdkafka.
///
/// A record is delivered when all in-sync replicas have it (`acks=all`). What librdkafka gives up
/// after the timeout comes again from the forwarder, and may then be there twice: the header `id`
/// tells.
package final class KafkaTarget: ForwardTarget {
  private let settings: KafkaSettings
  private var producer: KafkaProducer?
  private var topics: [StreamName: String] = [:]

  /// Producers that were made anew after a fatal error.
  package private(set) var producersReplaced = 0

  package init(settings: KafkaSettings) { self.settings = settings }

  package let name = "kafka"
  package var destination: String { "\(settings.brokers), topic \(settings.topic)" }
  package let limits = BatchLimits(records: 10_000, bytes: 16 << 20)

  package func open() throws(TargetFault) {
    try current().checkBrokers(milliseconds: 3_000)
  }

  package func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    let producer = try current()
    let deliveries = producer.deliveries
    deliveries.begin(count: batch.count)
    var outcomes = [DeliveryOutcome?](repeating: nil, count: batch.count)
    for (index, record) in batch.enumerated() {
      let topic = topic(of: record.stream)
      guard KafkaTopicPattern.isTopic(topic) else {
        outcomes[index] = .refused("'\(topic)' cannot be a topic's name")
        continue
      }
      let message = KafkaMessage(record, topic: topic)
      while true {
        let error = producer.produce(message, mark: deliveries.mark(index))
        switch error {
        case RD_KAFKA_RESP_ERR_NO_ERROR: deliveries.produced()
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
          try giveUp(if: interruption)
          producer.poll(milliseconds: 100)
          continue
        default: deliveries.refused(index, error)
        }
        break
      }
      if index % 256 == 255 {
        try giveUp(if: interruption)
        producer.poll(milliseconds: 0)
      }
    }
    while deliveries.outstanding > 0 {
      try giveUp(if: interruption)
      producer.flush(milliseconds: 100)
    }

    let fatal = producer.fatalError
    if let fatal {
      settings.report("Kafka: the producer is made anew after a fatal error: \(fatal)")
      producersReplaced += 1
      self.producer = nil
    }
    return batch.indices.map { index in
      outcomes[index]
        ?? outcome(
          deliveries.reports[index], topic: topic(of: batch[index].stream),
          reason: fatal ?? deliveries.lastError)
    }
  }

  /// Serves librdkafka's log and errors while there are no records.
  package func tick() throws(TargetFault) { producer?.poll(milliseconds: 0) }

  package func close() { producer = nil }

  private func current() throws(TargetFault) -> KafkaProducer {
    if let producer { return producer }
    let new = try KafkaProducer(settings: settings)
    producer = new
    return new
  }

  private func topic(of stream: StreamName) -> String {
    if let topic = topics[stream] { return topic }
    let topic = settings.topic.topic(of: stream)
    topics[stream] = topic
    return topic
  }

  private func outcome(
    _ report: rd_kafka_resp_err_t?, topic: String, reason: String?
  ) -> DeliveryOutcome {
    let outcome = KafkaVerdict.outcome(
      of: report ?? RD_KAFKA_RESP_ERR__TIMED_OUT, topic: topic, settings: settings)
    if case .again(let text) = outcome, let reason { return .again("\(text); \(reason)") }
    return outcome
  }

  /// Leaves what is under way to itself: its records come again.
  private func giveUp(if interruption: Interruption) throws(TargetFault) {
    guard interruption.isSet else { return }
    producer = nil
    throw TargetFault("interrupted while records were on their way to \(settings.brokers)")
  }
}

extension KafkaTarget {
  package var figures: [TargetFigure] {
    [TargetFigure("producers replaced", producersReplaced)]
  }
}
