internal import Sinks

/// What the forwarder has in hand: read, and not settled in Redis yet. Between the thread that reads
/// and the one that delivers, bounded in entries and bytes.
///
///     reader ──put──▶ [batch][batch] ──take──▶ delivery ──settle──▶ room
///                └────────── in hand, by stream and ID ──────────┘
final class Hand: Sendable {
  struct Room {
    var records: Int
    var bytes: Int
  }

  private struct State {
    var batches: [PreparedBatch] = []
    var head = 0
    var ids: [StreamName: Set<StreamID>] = [:]
    var records = 0
    var bytes = 0
    var isReadingOver = false
    var isStopping = false
    var isReloadAsked = false
  }

  enum Taken {
    case batch(PreparedBatch)
    /// Nothing more will come.
    case end
  }

  private let monitor = Monitor(State())
  private let maxRecords: Int
  private let maxBytes: Int

  init(maxRecords: Int, maxBytes: Int) {
    self.maxRecords = maxRecords
    self.maxBytes = maxBytes
  }

  // MARK: The reader

  /// How much may be read now; nil when that is nothing until the deadline.
  func room(untilSeconds deadline: Double) -> Room? {
    monitor.wait(untilSeconds: deadline) { state in
      if state.isStopping { return nil }
      // Half of the bound, so that reads are not made for single entries.
      guard state.records <= maxRecords / 2, state.bytes <= maxBytes / 2 else { return nil }
      return Room(records: maxRecords - state.records, bytes: maxBytes - state.bytes)
    }
  }

  func put(_ batch: PreparedBatch) {
    monitor.update { state in
      var set = state.ids.removeValue(forKey: batch.stream) ?? []
      let before = set.count
      set.formUnion(batch.ids)
      state.records += set.count - before
      state.ids[batch.stream] = set
      state.bytes += batch.bytes
      state.batches.append(batch)
    }
  }

  func ids(of stream: StreamName) -> Set<StreamID> { monitor.read { $0.ids[stream] ?? [] } }

  var allIDs: [StreamName: Set<StreamID>] { monitor.read { $0.ids } }

  func endReading() { monitor.update { $0.isReadingOver = true } }

  // MARK: The delivery

  /// The next batch; nil where none comes until the deadline, or all is to stop.
  func take(untilSeconds deadline: Double) -> Taken? {
    let taken: Taken?? = monitor.wait(untilSeconds: deadline) { state in
      if state.isStopping { return .some(nil) }
      guard state.head < state.batches.count else {
        return state.isReadingOver ? .some(.end) : nil
      }
      let batch = state.batches[state.head]
      state.batches[state.head] = PreparedBatch(stream: batch.stream)
      state.head += 1
      if state.head == state.batches.count {
        state.batches.removeAll(keepingCapacity: true)
        state.head = 0
      }
      return .some(.batch(batch))
    }
    return taken ?? nil
  }

  /// Redis has noted that these are done with.
  func settle(_ stream: StreamName, _ ids: [StreamID], bytes: Int) {
    monitor.update { state in
      var set = state.ids.removeValue(forKey: stream) ?? []
      let before = set.count
      for id in ids { set.remove(id) }
      state.records -= before - set.count
      state.bytes -= bytes
      if !set.isEmpty { state.ids[stream] = set }
    }
  }

  // MARK: Everybody

  /// The reader is to read the transform's files again.
  func askForReload() { monitor.update { $0.isReloadAsked = true } }

  func takeReloadRequest() -> Bool {
    monitor.read { $0.isReloadAsked }
      && monitor.update { state in
        defer { state.isReloadAsked = false }
        return state.isReloadAsked
      }
  }

  var records: Int { monitor.read { $0.records } }

  var isStopping: Bool { monitor.read { $0.isStopping } }

  func stop() { monitor.update { $0.isStopping = true } }

  /// Waits so long, or until all is to stop.
  func pause(seconds: Double) {
    let deadline = monotonicSeconds() + seconds
    _ = monitor.wait(untilSeconds: deadline) { $0.isStopping ? true : nil }
  }
}
