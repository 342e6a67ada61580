internal import CRdkafka

/// What has been heard of the messages of one batch. librdkafka calls back only from within a poll,
/// so only on the target's own thread.
final class KafkaDeliveries {
  /// Set apart from those of an earlier batch, of which something may still be heard.
  private var batch: UInt32 = 0
  private(set) var reports: [rd_kafka_resp_err_t?] = []
  private(set) var outstanding = 0
  /// What librdkafka has said of brokers, and when: said once, and again after half a minute.
  private var said: [String: ContinuousClock.Instant] = [:]
  /// The last error that was about no single message.
  private(set) var lastError: String?
  private let report: @Sendable (String) -> Void

  init(report: @escaping @Sendable (String) -> Void) { self.report = report }

  func begin(count: Int) {
    batch &+= 1
    outstanding = 0
    reports = Array(repeating: nil, count: count)
  }

  /// Goes with a message, and comes back with its report.
  func mark(_ index: Int) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(bitPattern: UInt(batch) << 32 | UInt(index + 1))
  }

  func produced() { outstanding += 1 }

  func refused(_ index: Int, _ error: rd_kafka_resp_err_t) { reports[index] = error }

  func delivered(_ mark: UnsafeMutableRawPointer?, _ error: rd_kafka_resp_err_t) {
    let mark = UInt(bitPattern: mark)
    let index = Int(mark & 0xFFFF_FFFF) - 1
    guard UInt32(truncatingIfNeeded: mark >> 32) == batch, reports.indices.contains(index),
      reports[index] == nil
    else { return }
    reports[index] = error
    outstanding -= 1
    if error == RD_KAFKA_RESP_ERR_NO_ERROR { lastError = nil }
  }

  func failed(_ reason: String) {
    lastError = reason
    say(reason)
  }

  /// librdkafka logs what it also says as an error, with its thread's name before it.
  func logged(_ text: String) {
    let thread = text.hasPrefix("[thrd:") ? text.firstRange(of: "]: ") : nil
    say(thread.map { String(text[$0.upperBound...]) } ?? text)
  }

  private func say(_ text: String) {
    let now = ContinuousClock.now
    said = said.filter { now - $0.value < .seconds(30) }
    // "(after 12ms in state CONNECT, 3 identical error(s) suppressed)" differs each time.
    let kind = String(text[..<(text.firstRange(of: " (after ")?.lowerBound ?? text.endIndex)])
    guard said[kind] == nil else { return }
    said[kind] = now
    report("Kafka: \(text)")
  }
}
