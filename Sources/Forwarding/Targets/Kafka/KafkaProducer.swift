internal import CRdkafka

/// librdkafka's producer, idempotent: a message that librdkafka sends twice is in the topic once.
///
/// One thread's. It is of no more use after a fatal error (``fatalError``): then a new one is made.
final class KafkaProducer {
  private let producer: OpaquePointer
  /// What produceva is given, filled in anew for each message; C writes to none of it.
  private let arguments: UnsafeMutableBufferPointer<rd_kafka_vu_t>
  let deliveries: KafkaDeliveries

  init(settings: KafkaSettings) throws(TargetFault) {
    deliveries = KafkaDeliveries(report: settings.report)
    guard let configuration = rd_kafka_conf_new() else { throw TargetFault("no memory") }
    do throws(TargetFault) {
      try KafkaConfiguration.apply(settings, to: configuration)
    } catch {
      rd_kafka_conf_destroy(configuration)
      throw error
    }
    rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(deliveries).toOpaque())
    rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, opaque in
      guard let message, let opaque else { return }
      KafkaProducer.deliveries(opaque).delivered(message.pointee._private, message.pointee.err)
    }
    rd_kafka_conf_set_error_cb(configuration) { _, _, reason, opaque in
      guard let opaque, let reason else { return }
      KafkaProducer.deliveries(opaque).failed(String(cString: reason))
    }
    rd_kafka_conf_set_log_cb(configuration) { producer, _, _, text in
      guard let producer, let opaque = rd_kafka_opaque(producer), let text else { return }
      KafkaProducer.deliveries(opaque).logged(String(cString: text))
    }

    var text = [CChar](repeating: 0, count: 512)
    guard let producer = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &text, text.count) else {
      rd_kafka_conf_destroy(configuration)
      throw TargetFault("librdkafka: \(KafkaConfiguration.string(text))", isFinal: true)
    }
    self.producer = producer
    // Log lines come with the polls then, on the target's thread, and not at any time on others.
    rd_kafka_set_log_queue(producer, nil)
    arguments = .allocate(capacity: 7)
    arguments.initialize(repeating: rd_kafka_vu_t())
  }

  deinit {
    // What nobody waits for any more must not hold up the end.
    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
    rd_kafka_destroy(producer)
    arguments.deallocate()
  }

  private static func deliveries(_ opaque: UnsafeMutableRawPointer) -> KafkaDeliveries {
    Unmanaged<KafkaDeliveries>.fromOpaque(opaque).takeUnretainedValue()
  }

  /// Puts a message in librdkafka's queue, which copies it. The error is that queue's:
  /// `RD_KAFKA_RESP_ERR__QUEUE_FULL` passes, others are about the message.
  func produce(_ message: KafkaMessage, mark: UnsafeMutableRawPointer?) -> rd_kafka_resp_err_t {
    // As a list of our own, and not as RD_KAFKA_VTYPE_HEADER, whose list librdkafka 2.0.2 frees
    // twice where it knows at once that there is no such topic.
    guard let headers = rd_kafka_headers_new(3) else { return RD_KAFKA_RESP_ERR__FAIL }
    add("id", message.identifier, to: headers)
    add("event_type", message.type, to: headers)
    add("sensor", message.sensor, to: headers)
    let error = message.topic.withCString { topic in
      message.value.withUnsafeBytes { value in
        message.key.withUnsafeBytes { key in
          arguments[0].vtype = RD_KAFKA_VTYPE_TOPIC
          arguments[0].u.cstr = topic
          set(1, RD_KAFKA_VTYPE_VALUE, value)
          set(2, RD_KAFKA_VTYPE_KEY, key)
          arguments[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS
          arguments[3].u.i = RD_KAFKA_MSG_F_COPY
          arguments[4].vtype = RD_KAFKA_VTYPE_OPAQUE
          arguments[4].u.ptr = mark
          arguments[5].vtype = RD_KAFKA_VTYPE_HEADERS
          arguments[5].u.headers = headers
          arguments[6].vtype = RD_KAFKA_VTYPE_TIMESTAMP
          // 0 is librdkafka's word for now.
          arguments[6].u.i64 = message.unixMilliseconds ?? 0
          return rd_kafka_produceva(producer, arguments.baseAddress, arguments.count)
        }
      }
    }
    guard let error else { return RD_KAFKA_RESP_ERR_NO_ERROR }
    defer { rd_kafka_error_destroy(error) }
    // Only what is in the queue has taken them.
    rd_kafka_headers_destroy(headers)
    return rd_kafka_error_code(error)
  }

  private func add(_ name: String, _ value: [UInt8], to headers: OpaquePointer) {
    value.withUnsafeBytes { value in
      _ = rd_kafka_header_add(headers, name, -1, value.baseAddress, value.count)
    }
  }

  private func set(_ index: Int, _ kind: rd_kafka_vtype_t, _ bytes: UnsafeRawBufferPointer) {
    arguments[index].vtype = kind
    // No bytes are a null: an empty key would be one key, and all without a key in one partition.
    arguments[index].u.mem.ptr =
      bytes.isEmpty ? nil : UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    arguments[index].u.mem.size = bytes.count
  }

  /// Lets librdkafka report, for so long at the most.
  func poll(milliseconds: Int32) { rd_kafka_poll(producer, milliseconds) }

  /// As ``poll(milliseconds:)``, and what lingers is sent.
  func flush(milliseconds: Int32) { rd_kafka_flush(producer, milliseconds) }

  /// The error after which librdkafka sends nothing any more: it cannot tell what the broker has.
  var fatalError: String? {
    var text = [CChar](repeating: 0, count: 512)
    let error = rd_kafka_fatal_error(producer, &text, text.count)
    guard error != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    return "\(KafkaVerdict.text(error)): \(KafkaConfiguration.string(text))"
  }

  /// Asks a broker who the brokers are; throws where none answers in time.
  func checkBrokers(milliseconds: Int32) throws(TargetFault) {
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let error = rd_kafka_metadata(producer, 0, nil, &metadata, milliseconds)
    rd_kafka_metadata_destroy(metadata)
    // What was said of the connections waits in the queue.
    poll(milliseconds: 0)
    guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
      throw TargetFault("no broker answers: \(deliveries.lastError ?? KafkaVerdict.text(error))")
    }
  }
}
