internal import COpenSSL
internal import Glibc

/// Records into Splunk through its HTTP Event Collector.
///
/// Splunk drops no duplicates: each event has the record's ID as the indexed field `martlet_id`.
package final class SplunkTarget: ForwardTarget {
  package let name = "splunk"
  package let settings: SplunkSettings
  /// Requests that Splunk took and never acknowledged; their records were sent again.
  package private(set) var unacknowledged = 0
  private let client: HTTPClient
  private let events: CollectorEvents
  private let headers: [(name: String, value: String)]
  private var sender: BatchSender
  private var isPrepared = false

  package init(_ settings: SplunkSettings) throws(TargetSettingsError) {
    self.settings = settings
    if !(settings.acknowledgementTimeoutSeconds >= 1) {
      throw TargetSettingsError("the time to wait for acknowledgement is at least one second")
    }
    client = try HTTPClient(settings.http)
    events = CollectorEvents(settings: settings)
    sender = BatchSender(
      maximumBytes: settings.requestBytes, maximumRecords: settings.requestRecords)
    var headers = [
      (name: "Authorization", value: "Splunk \(settings.token.text)"),
      ("Content-Type", "application/json"),
    ]
    // Acknowledgements are counted by channel; a channel is this program's as long as it runs. Where
    // nobody asks for them there is none, since Splunk would keep them all.
    if settings.waitsForAcknowledgement {
      headers.append(("X-Splunk-Request-Channel", try Self.newChannel()))
    }
    self.headers = headers
  }

  package var destination: String {
    settings.index.map { "\(settings.http.url), \($0)" } ?? "\(settings.http.url)"
  }

  /// Eight requests' worth where acknowledgement is waited for, which takes seconds however many
  /// requests there were.
  package var limits: BatchLimits {
    let requests = settings.waitsForAcknowledgement ? 8 : 1
    return BatchLimits(
      records: settings.requestRecords * requests, bytes: settings.requestBytes * requests)
  }

  package func open() throws(TargetFault) {
    let answer = try client.send(
      HTTPRequest(.get, "/services/collector/health", headers: headers),
      interruption: Interruption())
    if !answer.isSuccess {
      let told = CollectorAnswer(answer)
      _ = try told.verdict(count: 0, index: settings.index)
      throw TargetFault("the collector is not well: \(told.text)")
    }
    try prepare(Interruption())
  }

  /// Asks once whether the token has acknowledgement at all: to find out from what was sent would
  /// double that with each attempt.
  private func prepare(_ interruption: Interruption) throws(TargetFault) {
    if isPrepared || !settings.waitsForAcknowledgement { return }
    let request = HTTPRequest(
      .post, "/services/collector/ack", headers: headers, body: Array(#"{"acks":[0]}"#.utf8))
    let answer = try client.send(request, interruption: interruption)
    if !answer.isSuccess {
      let told = CollectorAnswer(answer)
      _ = try told.verdict(count: 0, index: settings.index)
      throw TargetFault("acknowledgement cannot be asked for: \(told.text)")
    }
    isPrepared = true
  }

  package func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    try prepare(interruption)
    var acknowledgements: [(number: UInt64, part: [Int])] = []
    var outcomes = try sender.deliver(batch) { (batch, part) throws(TargetFault) in
      let request = HTTPRequest(
        .post, "/services/collector/event", headers: headers, body: events.body(batch, part))
      let answer = CollectorAnswer(try client.send(request, interruption: interruption))
      guard answer.code == 0, answer.status == 200 else {
        return try answer.verdict(count: part.count, index: settings.index)
      }
      if settings.waitsForAcknowledgement {
        guard let number = answer.acknowledgement else {
          throw TargetFault(CollectorAnswer.acknowledgementIsOff)
        }
        acknowledgements.append((number, part))
      }
      return .outcomes(Array(repeating: .delivered, count: part.count))
    }
    if acknowledgements.isEmpty { return outcomes }
    let missing = try wait(for: Set(acknowledgements.map(\.number)), interruption)
    for (number, part) in acknowledgements where missing.contains(number) {
      unacknowledged += 1
      for index in part where outcomes[index] == .delivered {
        outcomes[index] = .again(
          "not acknowledged within \(Int(settings.acknowledgementTimeoutSeconds)) s")
      }
    }
    return outcomes
  }

  package func close() {}

  /// Waits until all are acknowledged, or the time is over; those that were not.
  private func wait(
    for acknowledgements: Set<UInt64>, _ interruption: Interruption
  ) throws(TargetFault) -> Set<UInt64> {
    var poll = AcknowledgementPoll(
      acknowledgements, timeoutSeconds: settings.acknowledgementTimeoutSeconds)
    while !poll.isOver {
      let pause = poll.pauseBeforeNext()
      if pause > .zero {
        if interruption.isSet {
          throw TargetFault("interrupted before Splunk had acknowledged what it was sent")
        }
        usleep(UInt32(min(pause, .milliseconds(200)) / .microseconds(1)))
        continue
      }
      let request = HTTPRequest(
        .post, "/services/collector/ack", headers: headers, body: poll.question())
      let answer = try client.send(request, interruption: interruption)
      if answer.isSuccess {
        try poll.take(answer.body)
      } else {
        _ = try CollectorAnswer(answer).verdict(count: 0, index: settings.index)
      }
    }
    return poll.waiting
  }

  /// A GUID of version 4 (RFC 9562).
  private static func newChannel() throws(TargetSettingsError) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard RAND_bytes(&bytes, 16) == 1 else {
      throw TargetSettingsError("no random numbers for the channel's name")
    }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let hex = Hexadecimal.text(bytes)
    var text = ""
    for (place, digit) in hex.enumerated() {
      if [8, 12, 16, 20].contains(place) { text += "-" }
      text.append(digit)
    }
    return text
  }
}

extension SplunkTarget {
  package var figures: [TargetFigure] {
    [TargetFigure("never acknowledged and sent again", unacknowledged)]
  }
}
