import CBurst

/// A live flow as a scan gives it to the asker: 432 bytes.
@frozen
package struct ScannedFlow: BitwiseCopyable, Sendable {
  /// The flow of this moment, as its `flow_update` would be; it has no sequence number.
  package var record: FlowRecord
  /// Both ways, since ``ScanPage/intervalNanoseconds`` before the scan, or since the flow's beginning where
  /// that was later; bytes to within 64. 0 where no rates were asked for.
  package var intervalBytes: UInt64
  package var intervalPackets: UInt64
  /// Where it stands in the worker's table: with its first packet's time and ordinal it names the flow.
  package var entry: UInt32
  /// Low half of the request's number.
  package var request: UInt32
}

/// What is asked for. Nothing: what is under way is given up.
package struct ScanOptions: OptionSet, BitwiseCopyable, Sendable {
  package var rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// All live flows.
  package static let flows = ScanOptions(rawValue: 1 << 0)
  /// With what they have moved since the last scan that began a new interval.
  package static let rates = ScanOptions(rawValue: 1 << 1)
  /// This scan begins a new interval.
  package static let newInterval = ScanOptions(rawValue: 1 << 2)
}

/// What a worker and somebody who asks for its flows share, without a lock.
///
///     | bell, request, options | answered, interval, done, ended | ring: flows │ ring: flows to end |
///       64 bytes, by the asker   64 bytes, by the worker           to the asker   to the worker
///
/// The asker writes what it wants and rings the bell; the worker looks at that one word between bursts.
/// One asker at a time. Flows of a request that was given up may still be in the ring when the next one
/// is made: each bears its request's number.
@frozen
package struct ScanPage: BitwiseCopyable, @unchecked Sendable {
  /// Flows that are under way to the asker.
  package static let flowSlots = 2_048
  /// Flows that wait to be ended.
  package static let killSlots = 256

  /// A flow that is to end now.
  @frozen
  package struct Kill: BitwiseCopyable, Sendable {
    package var firstSeen: Int64
    package var ordinal: UInt64
    package var entry: UInt32

    /// The flow that was in a scan.
    package init(_ flow: UnsafePointer<ScannedFlow>) {
      firstSeen = flow.pointee.record.cold.firstSeen
      ordinal = flow.pointee.record.cold.ordinal
      entry = flow.pointee.entry
    }
  }

  package static var byteCount: Int {
    128 + Ring<ScannedFlow>.byteCount(capacity: flowSlots)
      + Ring<Kill>.byteCount(capacity: killSlots)
  }

  private enum Word {
    static var bell: Int { 0 }
    static var request: Int { 1 }
    static var options: Int { 2 }
    static var answered: Int { 8 }
    static var interval: Int { 9 }
    static var done: Int { 10 }
    static var ended: Int { 11 }
  }

  private let words: UnsafeMutablePointer<UInt64>
  package let flows: Ring<ScannedFlow>
  let kills: Ring<Kill>

  /// `memory` is zeroed, ``byteCount`` long and aligned to 64.
  package init(memory: UnsafeMutableRawPointer) {
    words = memory.assumingMemoryBound(to: UInt64.self)
    flows = Ring(memory: memory + 128, capacity: Self.flowSlots)
    kills = Ring(
      memory: memory + 128 + Ring<ScannedFlow>.byteCount(capacity: Self.flowSlots),
      capacity: Self.killSlots)
  }

  // MARK: The asker's

  /// Makes a request; numbers rise. One that is under way is given up.
  package func ask(_ request: UInt64, _ options: ScanOptions) {
    martlet_store_relaxed(words + Word.options, options.rawValue)
    // Released, so that whoever sees the number sees these options or later ones.
    martlet_store_release(words + Word.request, request)
    ring()
  }

  /// Whether all flows of a request are in the ring, or were; read before the ring is found empty.
  package func isAnswered(_ request: UInt64) -> Bool {
    martlet_load_acquire(words + Word.answered) == request
  }

  /// What the rates of the request under way are taken over, 0 where no interval was begun before. It is
  /// there before the first flow is.
  package var intervalNanoseconds: UInt64 { martlet_load_relaxed(words + Word.interval) }

  /// Asks for a flow to end; false where too many wait already. The worker hears of it when
  /// ``startKills()`` is called.
  package func kill(_ flow: Kill) -> Bool { kills.push(flow) }

  package func startKills() { ring() }

  /// Of all kills that were ever asked for, how many have been looked at, and how many of these found
  /// their flow.
  package var killsDone: UInt64 { martlet_load_acquire(words + Word.done) }
  package var flowsKilled: UInt64 { martlet_load_acquire(words + Word.ended) }
  package var killsAsked: UInt64 { kills.produced }

  private func ring() { martlet_store_release(words + Word.bell, words[Word.bell] &+ 1) }

  // MARK: The worker's

  @inline(__always)
  var bell: UInt64 { martlet_load_relaxed(words + Word.bell) }

  /// The bell, where what was written before it was rung is to be read.
  var heard: UInt64 { martlet_load_acquire(words + Word.bell) }

  var request: UInt64 { martlet_load_acquire(words + Word.request) }

  var options: ScanOptions { ScanOptions(rawValue: martlet_load_relaxed(words + Word.options)) }

  func setInterval(_ nanoseconds: UInt64) {
    martlet_store_relaxed(words + Word.interval, nanoseconds)
  }

  func answer(_ request: UInt64) { martlet_store_release(words + Word.answered, request) }

  func noteKills(done: UInt64, ended: UInt64) {
    martlet_store_release(words + Word.ended, words[Word.ended] &+ ended)
    martlet_store_release(words + Word.done, words[Word.done] &+ done)
  }
}
