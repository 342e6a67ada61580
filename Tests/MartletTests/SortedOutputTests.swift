import FlowEngine
import Records
import Testing

@testable import martlet

/// `--sorted` keeps what its output wants, and in the order of the flows.
struct SortedOutputTests {
  /// Notes what it is given.
  private final class Notes: RecordOutput {
    let wantsFlows: Bool
    let wantsEvents: Bool
    var starts: [Int64] = []
    var events = 0

    init(flows: Bool, events: Bool) { (wantsFlows, wantsEvents) = (flows, events) }

    func wants(_ record: UnsafePointer<FlowRecord>) -> Bool { wantsFlows }
    func wants(_ event: EventRecord) -> Bool { wantsEvents }
    func take(_ record: UnsafePointer<FlowRecord>) { starts.append(record.pointee.cold.firstSeen) }
    func take(_ event: EventRecord) { events += 1 }
    func flush() {}
    func finish() {}
    var error: OutputError? { nil }
    var isUnwanted: Bool { false }
  }

  private func run(_ notes: Notes, runBytes: Int = 112 << 20) -> SortedOutput {
    let sorted = SortedOutput(notes, runBytes: runBytes)
    let flows = SampleFlows.many(300)
    for flow in flows.reversed() {
      withUnsafePointer(to: flow) { sorted.take($0) }
      let head = EventHead(key: flow.hot.key)
      withUnsafeBytes(of: head) { bytes in
        if let event = EventRecord(bytes) { sorted.take(event) }
      }
    }
    sorted.finish()
    return sorted
  }

  @Test(arguments: [(true, true), (true, false), (false, true)])
  func whatNobodyWantsIsNotKept(_ flows: Bool, _ events: Bool) {
    let notes = Notes(flows: flows, events: events)
    let sorted = run(notes)
    #expect(notes.starts.count == (flows ? 300 : 0))
    #expect(notes.events == (events ? 300 : 0))
    let bytes =
      (flows ? MemoryLayout<FlowRecord>.stride : 0) + (events ? MemoryLayout<EventHead>.size : 0)
    #expect(sorted.bytesKept == 300 * UInt64(bytes))
  }

  /// In memory, and over a file.
  @Test(arguments: [112 << 20, 10_000]) func flowsAreInOrder(_ runBytes: Int) {
    let notes = Notes(flows: true, events: true)
    _ = run(notes, runBytes: runBytes)
    #expect(notes.starts.count == 300 && notes.events == 300)
    #expect(notes.starts == notes.starts.sorted())
  }

  @Test func outputsSayWhatTheyWant() throws {
    let folder = try Folder()
    let path = folder.path
    let context = RecordContext(
      sensorName: "s", startEpochNanoseconds: 0, portNames: [], includesSequence: false)
    let flow = SampleFlows.few()[0]
    var anomaly = flow
    anomaly.kind = FlowRecordKind.anomaly
    func wants(_ output: any RecordOutput, _ record: FlowRecord) -> Bool {
      withUnsafePointer(to: record) { output.wants($0) }
    }
    func wants(_ output: any RecordOutput, _ type: EventType, hidden: Bool = false) -> Bool {
      var head = EventHead(key: flow.hot.key)
      head.type = type.place
      if hidden { head.flags |= EventHead.Flags.notEVE }
      return withUnsafeBytes(of: head) { EventRecord($0).map(output.wants) ?? false }
    }
    let file = { try OutputFile(path: "\(folder.path)/x") }
    let csv = CSVOutput(context: context, file: try file())
    #expect(wants(csv, flow) && !wants(csv, anomaly) && !wants(csv, .dns))
    let weird = ZeekWeirdOutput(context: context, file: try file())
    #expect(!wants(weird, flow) && wants(weird, anomaly) && !wants(weird, .dns))
    let logs = ZeekEventsOutput(
      context: context, folder: OutputFolder(path, names: OutputFolder.names(.zeek, context)))
    #expect(!wants(logs, flow) && wants(logs, .dns, hidden: true) && !wants(logs, .mqtt))
    let eve = EVEOutput(context: context, file: try file())
    #expect(wants(eve, flow) && wants(eve, .dns) && !wants(eve, .dns, hidden: true))
  }
}
