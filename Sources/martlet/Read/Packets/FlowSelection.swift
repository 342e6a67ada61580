import FlowEngine
import Records

/// The flows whose records were wanted, as the second reading needs them: found by the ordinal of their
/// first packet, and each with what files are named by.
///
///     places: ordinal → number + 1      flows: number → | key 44 | start 8 | flow_id 8 | packets 8 | … |
final class FlowSelection: RecordOutput {
  struct Flow: BitwiseCopyable {
    var key: FlowKey
    var originatorIsB: Bool
    /// ``AppProtocol``
    var app: UInt8
    var start: Int64
    var flowID: UInt64
    var packets: UInt64
    /// The index: where its packets' places begin, and how many stand there so far.
    var firstPlace: UInt64 = 0
    var placed: UInt64 = 0
  }

  private let places: SparseWords
  private let memory: SparseWords
  private let flows: UnsafeMutablePointer<Flow>
  private let capacity: Int
  private let identity: FlowIdentity
  private(set) var count = 0
  private(set) var error: OutputError?

  /// Enough for eight thousand million packets, and for a flow of each eighth one.
  static let packetCapacity = 1 << 33

  init(context: RecordContext) throws(OutputError) {
    places = try SparseWords(count: Self.packetCapacity)
    capacity = Self.packetCapacity / 8
    memory = try SparseWords(count: capacity * MemoryLayout<Flow>.stride / 8)
    flows = UnsafeMutableRawPointer(memory.words).assumingMemoryBound(to: Flow.self)
    identity = FlowIdentity(sensorName: context.sensorName)
  }

  /// Before packets up to `ordinal` are handed out.
  func reserve(ordinal: UInt64) throws(OutputError) {
    try places.reserve(Int(min(ordinal, UInt64(places.count))))
  }

  func take(_ record: UnsafePointer<FlowRecord>) {
    guard record.pointee.kind == FlowRecordKind.flow, count < capacity, error == nil else { return }
    let ordinal = record.pointee.cold.ordinal
    guard ordinal < UInt64(places.count) else { return }
    do throws(OutputError) {
      try memory.reserve((count + 1) * MemoryLayout<Flow>.stride / 8)
    } catch {
      self.error = error
      return
    }
    flows[count] = Flow(
      key: record.pointee.hot.key, originatorIsB: record.pointee.originatorIsB,
      app: record.pointee.app.proto, start: record.pointee.cold.firstSeen,
      flowID: identity.flowID(key: record.pointee.hot.key, cold: record.pointee.cold),
      packets: record.pointee.hot.sideA.packets &+ record.pointee.hot.sideB.packets)
    count += 1
    places.words[Int(ordinal)] = UInt64(count)
  }

  func flush() {}
  func finish() {}
  var isUnwanted: Bool { false }

  /// The number of the flow whose first packet has this ordinal; nil where it was not wanted.
  @inline(__always)
  func number(ordinal: UInt64) -> Int? {
    guard ordinal < UInt64(places.count) else { return nil }
    let place = places.words[Int(ordinal)]
    return place == 0 ? nil : Int(place) - 1
  }

  subscript(number: Int) -> Flow {
    get { flows[number] }
    set { flows[number] = newValue }
  }

  /// Visits the flows in the order of their first packets; `packets` were read.
  func inOrder(packets: UInt64, _ body: (Int) -> Void) {
    for ordinal in 0..<Int(min(packets, UInt64(places.count))) where places.words[ordinal] != 0 {
      body(Int(places.words[ordinal]) - 1)
    }
  }
}
