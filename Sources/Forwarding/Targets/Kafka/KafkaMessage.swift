/// A record as Kafka has it.
struct KafkaMessage {
  var topic: String
  var value: [UInt8]
  /// What keeps a flow's records in one partition, in their order; empty where the record belongs
  /// to no flow: then librdkafka spreads them.
  var key: [UInt8]
  // Headers.
  var identifier: [UInt8]
  var type: [UInt8]
  var sensor: [UInt8]
  /// Kafka's CreateTime: the record's; nil for now.
  var unixMilliseconds: Int64?

  init(_ record: ForwardRecord, topic: String) {
    self.topic = topic
    value = record.document.bytes
    key = Array((record.communityID ?? record.flowID ?? "").utf8)
    identifier = Array(record.identifier.utf8)
    type = Array(record.stream.type.utf8)
    sensor = Array(record.stream.sensor.utf8)
    unixMilliseconds = record.timestamp?.unixMilliseconds
  }
}
