internal import ControlAPI

/// What the HTTP Event Collector says: `{"text":"Success","code":0,"ackId":7}`, or
/// `{"text":"Invalid data format","code":6,"invalid-event-number":3}`.
struct CollectorAnswer {
  var status: Int
  /// Nil where something other than the collector answered.
  var code: Int?
  var text = ""
  var acknowledgement: UInt64?
  /// The event, counted from 0, at which the collector stopped reading.
  var invalidEvent: Int?
  var retryAfterSeconds: Double?

  init(_ answer: HTTPAnswer) {
    status = answer.status
    retryAfterSeconds = answer.retryAfterSeconds
    guard let root = try? JSONParser.parse(answer.body[...]) else {
      text = answer.excerpt
      return
    }
    code = Self.number(root["code"]).flatMap { Int(exactly: $0) }
    if case .string(let words)? = root["text"] { text = String(words.prefix(300)) }
    acknowledgement = Self.number(root["ackId"])
    invalidEvent = Self.number(root["invalid-event-number"]).flatMap { Int(exactly: $0) }
  }

  private static func number(_ value: JSONValue?) -> UInt64? {
    if case .number(let digits)? = value { return UInt64(digits) }
    return nil
  }

  private var said: String { code.map { "code \($0), \(text)" } ?? "status \(status), \(text)" }

  /// What an answer other than success means, by Splunk's list of the collector's codes
  /// ("Possible error codes" in "Troubleshoot HTTP Event Collector").
  ///
  /// - Parameter count: how many events were sent.
  func verdict(count: Int, index: String?) throws(TargetFault) -> PartAnswer {
    switch code {
    case 1, 2, 3, 4, 21, 22:
      throw TargetFault("the token is not taken (\(said)): give a token that is switched on")
    case 7:
      let name = index.map { "the index \($0)" } ?? "its own index"
      throw TargetFault(
        "the token may not write to \(name), or there is no such index (\(said)): "
          + "add it to the token's indexes, or give another --index")
    case 10, 11:
      throw TargetFault("the token wants acknowledgement (\(said)): give --acknowledge")
    case 14: throw TargetFault(Self.acknowledgementIsOff)
    case 8, 9, 18, 19, 20, 23:
      throw TargetFault(
        "the collector cannot take more (\(said))", retryAfterSeconds: retryAfterSeconds)
    case 6?, 12?, 13?, 15?:
      if let invalidEvent, invalidEvent < count { return .refused(invalidEvent, said) }
      return .invalid(said)
    default: break
    }
    let answer = HTTPAnswer(
      status: status, body: Array(text.utf8), retryAfterSeconds: retryAfterSeconds)
    switch HTTPVerdict(answer, credentials: "give --token-file") {
    case .accepted:
      throw TargetFault("what answers is not Splunk's HTTP Event Collector: \(answer.excerpt)")
    case .tooLarge(let reason): return .tooLarge(reason)
    case .invalid(let reason): return .invalid(reason)
    case .fault(let fault): throw fault
    }
  }

  static let acknowledgementIsOff =
    "the token has indexer acknowledgement switched off: switch it on, or leave out --acknowledge"
}
