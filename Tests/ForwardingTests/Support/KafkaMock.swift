import CRdkafka
import Foundation

@testable import Forwarding

/// librdkafka's mock cluster: brokers that speak Kafka's protocol on the loopback interface.
final class KafkaMock {
  private let client: OpaquePointer
  private let cluster: OpaquePointer

  init(brokers: Int32 = 3) throws {
    let configuration = rd_kafka_conf_new()
    // What the mock says of faults that a test has asked for is no news.
    rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
    var text = [CChar](repeating: 0, count: 256)
    guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &text, text.count),
      let cluster = rd_kafka_mock_cluster_new(client, brokers)
    else { throw WireTimeout(description: "no mock cluster") }
    self.client = client
    self.cluster = cluster
  }

  deinit {
    rd_kafka_mock_cluster_destroy(cluster)
    rd_kafka_destroy(client)
  }

  var brokers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

  func create(_ topic: String, partitions: Int32 = 4) {
    rd_kafka_mock_topic_create(cluster, topic, partitions, 1)
  }

  func setTopicError(_ topic: String, _ error: rd_kafka_resp_err_t) {
    rd_kafka_mock_topic_set_error(cluster, topic, error)
  }

  func setLeader(_ topic: String, partition: Int32, broker: Int32) {
    rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker)
  }

  func setDown(_ broker: Int32) { rd_kafka_mock_broker_set_down(cluster, broker) }
  func setUp(_ broker: Int32) { rd_kafka_mock_broker_set_up(cluster, broker) }
  func setRoundTrip(_ broker: Int32, milliseconds: Int32) {
    rd_kafka_mock_broker_set_rtt(cluster, broker, milliseconds)
  }

  /// The next produce requests fail so.
  func failProduce(_ errors: [rd_kafka_resp_err_t]) {
    rd_kafka_mock_push_request_errors_array(cluster, 0, errors.count, errors)
  }

  struct Message {
    var topic: String
    var partition: Int
    var key: String
    var headers: String
    var milliseconds: Int64
    var value: String

    var identifier: String {
      headers.split(separator: ",").first { $0.hasPrefix("id=") }.map { String($0.dropFirst(3)) }
        ?? ""
    }
  }

  static let isReadable = WireProgram.isInstalled("kcat", tests: "KAFKA IS")

  /// What an independent consumer finds in a topic.
  func messages(_ topic: String) throws -> [Message] {
    let output = try WireProgram.run(
      "kcat",
      [
        "-b", brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-q",
        "-f", "%t\u{1}%p\u{1}%k\u{1}%h\u{1}%T\u{1}%s\u{2}",
      ])
    return output.split(separator: 2).compactMap { line in
      let fields = line.split(separator: 1, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
      guard fields.count == 6 else { return nil }
      return Message(
        topic: fields[0], partition: Int(fields[1]) ?? -1, key: fields[2], headers: fields[3],
        milliseconds: Int64(fields[4]) ?? -1, value: fields[5])
    }
  }
}
