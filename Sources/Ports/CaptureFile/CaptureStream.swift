package import CBurst

/// What is to be read.
package struct CaptureInput: Sendable {
  package var path: String
  /// Standard input, or another descriptor that is open already.
  package var descriptor: Int32?
  /// More is expected at its end.
  package var follows: Bool

  package init(path: String, descriptor: Int32? = nil, follows: Bool = false) {
    self.path = path
    self.descriptor = descriptor
    self.follows = follows
  }
}

/// Several capture files as one stream of packets, in the order of the packets' time.
///
/// Each input is looked at once for the time of its first packet, and opened again when its turn comes;
/// inputs whose times overlap are open together and merged packet by packet, those of one time by
/// the inputs' order. Within a file packets keep the order they have.
package final class CaptureStream {
  package enum Fill: Equatable {
    case packets(Int)
    /// Nothing just now: ask again, having forgotten what is spent.
    case idle
    case end
  }

  private struct Waiting {
    var input: CaptureInput
    var number: UInt32
    /// Of its first packet.
    var time: UInt64
    /// Already open where it cannot be opened twice.
    var reader: CaptureReader?
  }

  private struct Active {
    var reader: CaptureReader
    var time: UInt64
  }

  package let inputs: [CaptureInput]
  /// Bytes on disk of all inputs; nil where one of them is a pipe or grows.
  package private(set) var totalBytes: UInt64? = 0
  package private(set) var problems: [CaptureProblem] = []
  /// Inputs that hold packets and were read, in the order in which they were begun.
  package private(set) var filesRead = 0
  package private(set) var reportedDrops: UInt64 = 0
  /// Some input's time stamps are finer than microseconds; known at the end.
  package var hasNanoseconds: Bool {
    hadNanoseconds || active.contains { $0.reader.hasNanoseconds }
  }
  private var hadNanoseconds = false
  /// In descending order of time: the next one stands last.
  private var waiting: [Waiting] = []
  private var active: [Active] = []
  private var spent: [CaptureReader.Spent] = []
  private var finishedBytes: UInt64 = 0
  private let inOrder: Bool

  /// `inOrder`: the inputs one after the other as they are given, whatever their times.
  package init(_ inputs: [CaptureInput], inOrder: Bool = false) {
    self.inputs = inputs
    self.inOrder = inOrder
    for (number, input) in inputs.enumerated() { look(at: input, UInt32(number)) }
    waiting.sort { ($1.time, $1.number) < ($0.time, $0.number) }
  }

  private func look(at input: CaptureInput, _ number: UInt32) {
    do throws(CaptureProblem) {
      let reader = try CaptureReader(
        path: input.path, number: number, descriptor: input.descriptor, follows: input.follows)
      if let bytes = reader.fileBytes, !input.follows, totalBytes != nil {
        totalBytes! += bytes
      } else {
        totalBytes = nil
      }
      let keeps = reader.fileBytes == nil || input.follows || input.descriptor != nil
      if inOrder {
        waiting.append(
          Waiting(
            input: input, number: number, time: UInt64(number), reader: keeps ? reader : nil))
        return
      }
      var time: UInt64 = 0
      look: while true {
        switch reader.nextTime(waitMilliseconds: 1000) {
        case .time(let first):
          time = first
          break look
        case .idle:
          // A pipe that has nothing yet: it begins whenever it begins, which is now.
          if keeps { break look }
        case .end:
          note(reader)
          return
        }
      }
      waiting.append(
        Waiting(input: input, number: number, time: time, reader: keeps ? reader : nil))
    } catch {
      problems.append(error)
    }
  }

  private func note(_ reader: CaptureReader) {
    if let problem = reader.problem { problems.append(problem) }
    finishedBytes += reader.rawBytesRead
    reportedDrops = reportedDrops.addingReportingOverflow(reader.reportedDrops).partialValue
    hadNanoseconds = hadNanoseconds || reader.hasNanoseconds
    if reader.packets > 0 { filesRead += 1 }
  }

  /// Bytes of the inputs, as they lie on disk, that have been read.
  package var bytesRead: UInt64 {
    active.reduce(finishedBytes) { $0 + $1.reader.rawBytesRead }
  }

  /// Name of the input that is being read; the latest begun where several are.
  package var currentName: String? { active.last?.reader.name }

  // MARK: Packets

  /// Fills `out` with the next packets, and `locations` where it is wanted. The packets' bytes stay until
  /// ``forgetSpent()`` is called after it.
  package func fill(
    _ out: UnsafeMutablePointer<martlet_packet>,
    locations: UnsafeMutablePointer<PacketLocation>? = nil, capacity: Int,
    waitMilliseconds: Int = 20
  ) -> Fill {
    while true {
      if let idle = activate(waitMilliseconds) { return idle }
      guard let chosen = earliest() else { return .end }
      let reader = active[chosen].reader
      let filled = reader.fill(
        out, capacity: capacity, until: limit(beside: chosen), waitMilliseconds: waitMilliseconds)
      if reader.hasSpent { spent += reader.takeSpent() }
      switch filled {
      case .packets(let count) where count > 0:
        if let locations {
          for i in 0..<count {
            locations[i] = PacketLocation(
              file: reader.number, offset: reader.offset(of: out[i].data))
          }
        }
        if active.count > 1 || !waiting.isEmpty { refresh(chosen, waitMilliseconds) }
        return .packets(count)
      case .packets:
        // Its next packet is later than another's: only the time was not known.
        refresh(chosen, waitMilliseconds)
      case .idle: return .idle
      case .end: finish(chosen)
      }
    }
  }

  /// Opens what begins now. Returns `idle` where an input has to be waited for.
  private func activate(_ waitMilliseconds: Int) -> Fill? {
    while let next = waiting.last,
      active.isEmpty || (!inOrder && active.contains { next.time <= $0.time })
    {
      waiting.removeLast()
      do throws(CaptureProblem) {
        let reader: CaptureReader
        if let open = next.reader {
          reader = open
        } else {
          reader = try CaptureReader(path: next.input.path, number: next.number)
        }
        active.append(Active(reader: reader, time: next.time))
        refresh(active.count - 1, waitMilliseconds)
      } catch {
        problems.append(error)
      }
    }
    return nil
  }

  /// Learns an active reader's next time. One that has nothing just now keeps the time it had.
  private func refresh(_ place: Int, _ waitMilliseconds: Int) {
    if inOrder { return }
    // The packets just handed out stand in the same memory; asking for the next time may move on
    // to the next buffer, but the old one is only spent and not forgotten.
    switch active[place].reader.nextTime(waitMilliseconds: waitMilliseconds) {
    case .time(let time): active[place].time = time
    case .idle: break
    case .end: break
    }
    if active[place].reader.hasSpent { spent += active[place].reader.takeSpent() }
  }

  private func earliest() -> Int? {
    active.indices.min {
      (active[$0].time, active[$0].reader.number) < (active[$1].time, active[$1].reader.number)
    }
  }

  /// Up to when the chosen reader may go before another has to be looked at.
  private func limit(beside chosen: Int) -> UInt64 {
    if inOrder { return .max }
    var limit = UInt64.max
    let number = active[chosen].reader.number
    func consider(_ time: UInt64, _ other: UInt32) {
      // The other goes first at its own time where it stands first among the inputs.
      limit = min(limit, other < number && time > 0 ? time - 1 : time)
    }
    for (place, other) in active.enumerated() where place != chosen {
      consider(other.time, other.reader.number)
    }
    if let next = waiting.last { consider(next.time, next.number) }
    // What is due now is taken in any case.
    return max(limit, active[chosen].time)
  }

  private func finish(_ place: Int) {
    let reader = active.remove(at: place).reader
    note(reader)
    spent += reader.takeSpent()
    // Its last packets may still be looked at.
    spent.append(.reader(reader))
  }

  // MARK: Memory

  /// What has been handed out since the last call: to be forgotten when nobody looks at it any more.
  func takeSpent() -> [CaptureReader.Spent] {
    defer { spent.removeAll(keepingCapacity: true) }
    return spent
  }

  var hasSpent: Bool { !spent.isEmpty }

  static func forget(_ spent: [CaptureReader.Spent]) {
    for one in spent {
      switch one {
      case .mapped(let reader, let from, let to): reader.forget(from: from, to: to)
      case .buffer(let streamed, let buffer): streamed.giveBack(buffer)
      case .reader: break
      }
    }
  }

  /// For who looks at each fill's packets before asking for more.
  package func forgetSpent() { Self.forget(takeSpent()) }
}
