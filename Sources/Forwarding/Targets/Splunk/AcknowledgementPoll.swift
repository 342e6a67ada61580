internal import ControlAPI

/// Asks the collector which of the requests it took are indexed by now.
///
/// An acknowledgement that is not known any more is `false` for good, as is one of a batch that was
/// lost: only the time tells, and then the records are sent again.
struct AcknowledgementPoll {
  /// Those still waited for.
  private(set) var waiting: Set<UInt64>
  private let deadline: ContinuousClock.Instant
  private var pause = Duration.milliseconds(50)
  private var next: ContinuousClock.Instant

  init(_ acknowledgements: Set<UInt64>, timeoutSeconds: Double) {
    waiting = acknowledgements
    next = .now
    deadline = .now + .seconds(timeoutSeconds)
  }

  var isOver: Bool { waiting.isEmpty || .now >= deadline }

  /// How long until the next question.
  func pauseBeforeNext() -> Duration {
    let wait = min(next - .now, deadline - .now)
    return max(wait, .zero)
  }

  /// `{"acks":[1,2]}`. The next one is due after twice the time, up to two seconds.
  mutating func question() -> [UInt8] {
    next = .now + pause
    pause = min(pause * 2, .seconds(2))
    var body = Array(#"{"acks":["#.utf8)
    for (index, number) in waiting.sorted().enumerated() {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      body += String(number).utf8
    }
    body += "]}".utf8
    return body
  }

  /// Reads `{"acks":{"1":true,"2":false}}`.
  mutating func take(_ body: [UInt8]) throws(TargetFault) {
    guard let root = try? JSONParser.parse(body[...]), case .object(let members)? = root["acks"]
    else { throw TargetFault("the answer to a question for acknowledgement has no acks") }
    for member in members where member.value == .bool(true) {
      if let number = UInt64(member.name) { waiting.remove(number) }
    }
  }
}
