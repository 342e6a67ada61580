import Testing

@testable import Forwarding

@Suite("Flow export: updates and remainders")
struct FlowRemainderTests {
  /// A flow_update, or the end, with these totals; `packets` is of the originator.
  private static func sample(_ ordinal: UInt64?, total: UInt64, new: UInt64, id: UInt64 = 9)
    -> ExportSample
  {
    var sample = ExportSample()
    sample.id = id
    sample.packets = (total, total * 2)
    sample.octets = (total * 100, total * 200)
    sample.end = sample.start + Int64(total) * 1_000_000_000
    if let ordinal {
      sample.type = "flow_update"
      sample.endReason = "active_timeout"
      sample.update = (ordinal, (new, new * 2), (new * 100, new * 200))
    }
    return sample
  }

  /// The packets of the originator that each delivery exports.
  private static func exported(
    _ batches: [[ExportSample]], change: (inout FlowExportSettings) -> Void = { _ in }
  ) throws -> (packets: [[UInt64]], starts: [UInt64], counters: FlowExportCounters) {
    let receiver = try DatagramReceiver()
    var settings = FlowExportSettings(.ipfix, host: "127.0.0.1", port: receiver.port)
    settings.exportsUpdates = true
    change(&settings)
    let target = FlowExportTarget(settings)
    try target.open()
    var decoder = ExportDecoder(isIPFIX: true)
    var packets: [[UInt64]] = []
    var seen = 0
    for batch in batches {
      let outcomes = try target.deliver(
        batch.map { try $0.record() }, interruption: Interruption())
      #expect(outcomes.allSatisfy { $0 == .delivered })
      for message in receiver.messages() { try decoder.decode(message) }
      let new = decoder.flows[seen...].filter { $0.number(7) == 40_000 }
      seen = decoder.flows.count
      packets.append(new.compactMap { $0.number(2) })
      for (record, octets) in new.map({ ($0, $0.number(1)) }) {
        #expect(octets == record.number(2).map { $0 * 100 })
      }
    }
    let starts = decoder.flows.filter { $0.number(7) == 40_000 }.compactMap { $0.number(152) }
    return (packets, starts, target.counters)
  }

  @Test("updates bring what is new, the end brings the rest")
  func rest() throws {
    let result = try Self.exported([
      [Self.sample(1, total: 10, new: 10)], [Self.sample(2, total: 25, new: 15)],
      [Self.sample(nil, total: 31, new: 0)],
    ])
    #expect(result.packets == [[10], [15], [6]])
    // Each begins where the one before has ended.
    #expect(zip(result.starts, result.starts.dropFirst()).map { $1 - $0 } == [10_000, 15_000])
    #expect(result.counters.notRemembered == 0)
  }

  @Test("nothing twice: an entry again, an update behind a later one, an update behind the end")
  func nothingTwice() throws {
    let first = Self.sample(1, total: 10, new: 10)
    let second = Self.sample(2, total: 25, new: 15)
    let end = Self.sample(nil, total: 31, new: 0)
    #expect(
      try Self.exported([[first, first], [second], [end], [end, second]]).packets == [
        [10], [15], [6], [],
      ])
    #expect(try Self.exported([[second], [first], [end]]).packets == [[15], [], [6]])
    let late = try Self.exported([[end], [first], [second]])
    #expect(late.packets == [[31], [], []])
    #expect(late.counters.nothingNew == 2)
    // A flow without updates is exported whole, and counted as one whose updates are not known.
    #expect(late.counters.notRemembered == 1)
  }

  @Test("after a start in the middle an update brings its own difference")
  func startInTheMiddle() throws {
    let result = try Self.exported([
      [Self.sample(7, total: 100, new: 3)], [Self.sample(nil, total: 101, new: 0)],
    ])
    #expect(result.packets == [[3], [1]])
  }

  @Test("what is remembered is bounded, and what was looked up last stays")
  func bounded() throws {
    var remainders = FlowRemainders(flows: 10)
    var reader = FlowReader()
    func flow(_ sample: ExportSample) throws -> ExportedFlow {
      try reader.read(try EVEDocument(Array(sample.json.utf8)))
    }
    for id in 1...100 as ClosedRange<UInt64> {
      _ = remainders.take(try flow(Self.sample(1, total: 10, new: 10, id: id)), sensor: "a")
      _ = remainders.take(try flow(Self.sample(2, total: 10 + id, new: 1, id: 1)), sensor: "a")
      #expect(remainders.count <= 10)
    }
    let known = remainders.take(try flow(Self.sample(nil, total: 111, new: 0, id: 1)), sensor: "a")
    guard case .new(let rest, _, let isRemembered) = known else {
      Issue.record("\(known)")
      return
    }
    #expect(rest.originator.packets == 1 && isRemembered)
    // The same flow_id of another sensor is another flow.
    let other = remainders.take(try flow(Self.sample(nil, total: 111, new: 0, id: 1)), sensor: "b")
    guard case .new(_, _, let isRemembered) = other else {
      Issue.record("\(other)")
      return
    }
    #expect(!isRemembered)
  }

  @Test("what was not sent is not remembered")
  func notSent() throws {
    var settings = FlowExportSettings(
      .ipfix, host: "127.0.0.1", port: try DatagramReceiver.freePort())
    settings.exportsUpdates = true
    let target = FlowExportTarget(settings)
    try target.open()
    let update = try Self.sample(1, total: 10, new: 10).record()
    // Nobody listens: over the loopback that is known when a datagram has been sent.
    for attempt in 1...3 as ClosedRange<UInt64> {
      #expect(throws: TargetFault.self) {
        try target.deliver([update], interruption: Interruption())
      }
      #expect(target.counters.dataRecords == 2 * attempt)
    }
    #expect(target.counters.nothingNew == 0)
  }

  @Test("without --updates a flow_update is refused: whole flows would be counted twice")
  func refused() throws {
    let receiver = try DatagramReceiver()
    let target = FlowExportTarget(
      FlowExportSettings(.netflow9, host: "127.0.0.1", port: receiver.port))
    try target.open()
    let outcomes = try target.deliver(
      [
        try Self.sample(1, total: 10, new: 10).record(),
        try Self.sample(nil, total: 10, new: 0).record(),
      ],
      interruption: Interruption())
    guard case .refused(let reason) = outcomes[0] else {
      Issue.record("\(outcomes)")
      return
    }
    #expect(reason.contains("--updates"))
    #expect(outcomes[1] == .delivered)
  }
}
