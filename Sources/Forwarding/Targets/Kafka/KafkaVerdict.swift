internal import CRdkafka

/// What librdkafka's word on a message means for its record.
enum KafkaVerdict {
  static func outcome(
    of error: rd_kafka_resp_err_t, topic: String, settings: KafkaSettings
  ) -> DeliveryOutcome {
    switch error {
    case RD_KAFKA_RESP_ERR_NO_ERROR: .delivered
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
      RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_RECORD,
      RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
      RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      .refused("topic '\(topic)': \(text(error))")
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
      RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      settings.unknownTopic == .refuse
        ? .refused("there is no topic '\(topic)'")
        : .again("there is no topic '\(topic)': make it, or choose --unknown-topic refuse")
    default: .again("topic '\(topic)': \(text(error))")
    }
  }

  static func text(_ error: rd_kafka_resp_err_t) -> String {
    "\(String(cString: rd_kafka_err2str(error))) (\(String(cString: rd_kafka_err2name(error))))"
  }
}
