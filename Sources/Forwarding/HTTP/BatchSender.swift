/// What a server made of some of a batch's records.
enum PartAnswer {
  /// One for each record.
  case outcomes([DeliveryOutcome])
  /// Fewer at once may do.
  case tooLarge(String)
  /// One or more of them the server does not take, and it does not say which.
  case invalid(String)
  /// This one of them, by its place, it will never take; of the others nothing is known.
  case refused(Int, String)
}

/// Delivers a batch in parts that the server takes, and finds the records in it that it does not.
///
/// A part that is too large, or has something in it that the server cannot read, is halved until the
/// records that are to blame stand alone. What was too large once is not tried again: the limit that
/// was learned stays.
struct BatchSender {
  /// Of the records' JSON in one request; becomes smaller where the server says so.
  private(set) var maximumBytes: Int
  let maximumRecords: Int
  /// Requests that were sent anew in halves, or without a record that was refused.
  private(set) var splits = 0

  /// A server that takes none of so many records has something against all of them, and that is a
  /// matter of settings: they are kept, and not given up.
  static let refusalsWithoutTaking = 16

  init(maximumBytes: Int, maximumRecords: Int) {
    self.maximumBytes = maximumBytes
    self.maximumRecords = maximumRecords
  }

  /// - Parameter send: sends these records of the batch in one request.
  mutating func deliver(
    _ batch: [ForwardRecord],
    send: ([ForwardRecord], [Int]) throws(TargetFault) -> PartAnswer
  ) throws(TargetFault) -> [DeliveryOutcome] {
    var outcomes = [DeliveryOutcome?](repeating: nil, count: batch.count)
    var waiting = parts(batch)
    // The last part is the next.
    waiting.reverse()
    var refusals = 0
    var isTaken = false
    while let part = waiting.popLast() {
      let answer: PartAnswer
      do throws(TargetFault) {
        answer = try send(batch, part)
      } catch {
        if outcomes.allSatisfy({ $0 == nil }) { throw error }
        for index in outcomes.indices where outcomes[index] == nil {
          outcomes[index] = .again(error.description)
        }
        break
      }
      switch answer {
      case .outcomes(let all):
        for (index, outcome) in zip(part, all) { outcomes[index] = outcome }
        isTaken = true
      case .tooLarge(let reason), .invalid(let reason):
        if case .tooLarge = answer {
          let bytes = part.reduce(0) { $0 + batch[$1].document.bytes.count }
          if part.count > 1 { maximumBytes = min(maximumBytes, max(bytes / 2, 1)) }
        }
        if part.count == 1 {
          outcomes[part[0]] = .refused(reason)
          refusals += 1
        } else {
          splits += 1
          waiting.append(Array(part[(part.count / 2)...]))
          waiting.append(Array(part[..<(part.count / 2)]))
        }
      case .refused(let place, let reason):
        outcomes[part[place]] = .refused(reason)
        refusals += 1
        var rest = part
        rest.remove(at: place)
        if !rest.isEmpty {
          splits += 1
          waiting.append(rest)
        }
      }
      if refusals >= Self.refusalsWithoutTaking && !isTaken {
        throw TargetFault(
          "not one of \(refusals) records is taken, and the last was refused so: "
            + "\(Self.lastReason(outcomes)); that is more likely the settings than the records")
      }
    }
    return outcomes.map { $0 ?? .again("not sent") }
  }

  private static func lastReason(_ outcomes: [DeliveryOutcome?]) -> String {
    for case .refused(let reason)? in outcomes.reversed() { return reason }
    return "without a reason"
  }

  /// The records in parts of at most so many bytes and records, at least one record each.
  private func parts(_ batch: [ForwardRecord]) -> [[Int]] {
    var parts: [[Int]] = []
    var part: [Int] = []
    var bytes = 0
    for index in batch.indices {
      let size = batch[index].document.bytes.count
      if !part.isEmpty && (bytes + size > maximumBytes || part.count == maximumRecords) {
        parts.append(part)
        part = []
        bytes = 0
      }
      part.append(index)
      bytes += size
    }
    if !part.isEmpty { parts.append(part) }
    return parts
  }
}
