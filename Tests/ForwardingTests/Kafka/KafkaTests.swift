import CRdkafka
import Foundation
import Synchronization
import Testing

@testable import Forwarding

@Suite(.enabled(if: KafkaMock.isReadable)) struct KafkaTests {
  private func target(
    _ cluster: KafkaMock, _ topic: String, _ change: (inout KafkaSettings) -> Void = { _ in }
  ) throws -> KafkaTarget {
    var settings = KafkaSettings(brokers: cluster.brokers, topic: try KafkaTopicPattern(topic))
    change(&settings)
    return KafkaTarget(settings: settings)
  }

  private func expectAll(_ records: [ForwardRecord], _ messages: [KafkaMock.Message]) {
    #expect(Set(messages.map(\.identifier)) == Set(records.map(\.identifier)))
  }

  @Test(arguments: [KafkaCompression.none, .lz4, .zstd])
  func aConsumerFindsEveryRecord(compression: KafkaCompression) throws {
    let cluster = try KafkaMock()
    let target = try target(cluster, "martlet-{type}") { $0.compression = compression }
    try target.open()
    let records = try WireRecords.records(0..<300)
    let other = try WireRecords.record(json: #"{"flow_id":77}"#, number: 1, type: "dns")
    let none = try WireRecords.record(json: "{\"a\":\"\u{e9}\"}", number: 2, type: "dns")
    #expect(try deliverToTheWire(records + [other, none], to: target).isEmpty)

    let flows = try cluster.messages("martlet-flow")
    #expect(flows.count == records.count)
    expectAll(records, flows)
    for message in flows {
      let number = try #require(
        records.firstIndex { $0.identifier == message.identifier })
      #expect(message.value == String(decoding: records[number].document.bytes, as: UTF8.self))
      #expect(message.headers == "id=\(message.identifier),event_type=flow,sensor=edge1")
      #expect(message.key == "1:flow\(number % 64)=")
      #expect(message.milliseconds == 1_795_239_360_123)
    }
    // A flow has one partition, and there its records stand in their order.
    let partitions = Dictionary(grouping: flows, by: \.key).mapValues { Set($0.map(\.partition)) }
    #expect(partitions.values.allSatisfy { $0.count == 1 })
    #expect(Set(flows.map(\.partition)).count == 4)

    let dns = try cluster.messages("martlet-dns")
    #expect(dns.first { $0.identifier == other.identifier }?.key == "77")
    #expect(dns.first { $0.identifier == none.identifier }?.key == "")
    #expect(dns.first { $0.identifier == none.identifier }?.value == "{\"a\":\"\u{e9}\"}")
  }

  @Test func aFlowKeepsItsPartitionInAnotherProducer() throws {
    let cluster = try KafkaMock()
    let records = try WireRecords.records(0..<64)
    try deliverToTheWire(records, to: target(cluster, "martlet"))
    try deliverToTheWire(records, to: target(cluster, "martlet"))
    let messages = try cluster.messages("martlet")
    #expect(messages.count == 128)
    let partitions = Dictionary(grouping: messages, by: \.key)
    #expect(partitions.values.allSatisfy { Set($0.map(\.partition)).count == 1 })
  }

  @Test func faultsThatPassAreTriedAgainWithoutDoubles() throws {
    let cluster = try KafkaMock()
    let target = try target(cluster, "martlet")
    cluster.failProduce([
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ])
    let records = try WireRecords.records(0..<500)
    try deliverToTheWire(records, to: target, batchRecords: 100)
    let messages = try cluster.messages("martlet")
    expectAll(records, messages)
    #expect(messages.count == records.count)
    #expect(target.producersReplaced == 0)
  }

  @Test func brokersThatAreDownAndComeBack() throws {
    let cluster = try KafkaMock()
    let reports = Mutex<[String]>([])
    let target = try target(cluster, "martlet") {
      $0.timeoutSeconds = 1
      $0.report = { text in reports.withLock { $0.append(text) } }
    }
    let records = try WireRecords.records(0..<400)
    try deliverToTheWire(Array(records[..<100]), to: target)
    for broker in 1...3 { cluster.setDown(Int32(broker)) }
    let outcomes = try target.deliver(Array(records[100..<200]), interruption: Interruption())
    #expect(
      outcomes.allSatisfy {
        if case .again(let reason) = $0 { return reason.contains("topic 'martlet'") }
        return false
      })
    #expect(reports.withLock { $0.filter { $0.contains("3/3 brokers are down") } }.count == 1)
    for broker in 1...3 { cluster.setUp(Int32(broker)) }
    try deliverToTheWire(Array(records[100...]), to: target)
    expectAll(records, try cluster.messages("martlet"))
  }

  @Test func aFatalErrorMakesANewProducer() throws {
    let cluster = try KafkaMock()
    let reports = Mutex<[String]>([])
    let target = try target(cluster, "martlet") {
      $0.report = { text in reports.withLock { $0.append(text) } }
    }
    let records = try WireRecords.records(0..<600)
    try deliverToTheWire(Array(records[..<200]), to: target, batchRecords: 100)
    cluster.failProduce([RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER])
    try deliverToTheWire(Array(records[200...]), to: target, batchRecords: 100)
    expectAll(records, try cluster.messages("martlet"))
    #expect(target.producersReplaced == 1)
    #expect(reports.withLock { $0.contains { $0.contains("made anew after a fatal error") } })
  }

  @Test func whatIsTooLargeIsRefusedAndTheRestArrives() throws {
    let cluster = try KafkaMock()
    let target = try target(cluster, "martlet") { $0.maximumMessageBytes = 2_000 }
    let large = ",\"a\":\"\(String(repeating: "x", count: 2_000))\""
    let records = try [
      WireRecords.record(0), WireRecords.record(1, members: large), WireRecords.record(2),
    ]
    let refused = try deliverToTheWire(records, to: target)
    #expect(Set(refused.keys) == [records[1].identifier])
    #expect(refused.values.allSatisfy { $0.contains("MSG_SIZE_TOO_LARGE") })
    expectAll([records[0], records[2]], try cluster.messages("martlet"))
  }

  @Test func whatTheBrokerFindsTooLargeIsRefused() throws {
    let cluster = try KafkaMock()
    let target = try target(cluster, "martlet")
    try deliverToTheWire(WireRecords.records(0..<1), to: target)
    cluster.failProduce([RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE])
    let record = try WireRecords.record(1)
    let refused = try deliverToTheWire([record], to: target)
    #expect(refused.keys.first == record.identifier)
    // What comes after it still arrives.
    let later = try WireRecords.record(2)
    #expect(try deliverToTheWire([later], to: target).isEmpty)
    #expect(try cluster.messages("martlet").contains { $0.identifier == later.identifier })
  }

  @Test(arguments: KafkaUnknownTopic.allCases)
  func aTopicThatIsNotThere(policy: KafkaUnknownTopic) throws {
    let cluster = try KafkaMock()
    cluster.create("martlet")
    cluster.setTopicError("martlet", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    let target = try target(cluster, "martlet") {
      $0.unknownTopic = policy
      $0.timeoutSeconds = 3
      // librdkafka's patience with a topic of which it does not know.
      $0.properties =
        (try? KafkaProperty.parse("topic.metadata.propagation.max.ms=0", path: "")) ?? []
    }
    let records = try WireRecords.records(0..<3)
    let outcomes = try target.deliver(records, interruption: Interruption())
    for outcome in outcomes {
      switch (policy, outcome) {
      case (.wait, .again(let reason)), (.refuse, .refused(let reason)):
        #expect(reason.contains("there is no topic 'martlet'"))
      default: Issue.record("\(policy): \(outcome)")
      }
    }
    if policy == .wait {
      cluster.setTopicError("martlet", RD_KAFKA_RESP_ERR_NO_ERROR)
      try deliverToTheWire(records, to: target)
      expectAll(records, try cluster.messages("martlet"))
    }
  }

  @Test func aNameThatNoTopicCanHaveIsRefused() throws {
    let cluster = try KafkaMock()
    let target = try target(cluster, "martlet-{type}")
    let record = try WireRecords.record(0, type: "a b")
    let refused = try deliverToTheWire([record], to: target)
    #expect(refused[record.identifier]?.contains("'martlet-a b' cannot be a topic's name") == true)
  }

  @Test func anInterruptionEndsTheWait() throws {
    let cluster = try KafkaMock()
    let target = try target(cluster, "martlet") { $0.timeoutSeconds = 600 }
    try deliverToTheWire(WireRecords.records(0..<1), to: target)
    for broker in 1...3 { cluster.setDown(Int32(broker)) }
    let interruption = Interruption()
    let thread = Thread {
      usleep(200_000)
      interruption.set()
    }
    thread.start()
    let fault = try #require(throws: TargetFault.self) {
      try target.deliver(WireRecords.records(1..<10), interruption: interruption)
    }
    #expect(fault.description.contains("interrupted"))
  }
}
