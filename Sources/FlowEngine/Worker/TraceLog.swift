import CBurst

/// What became of a traced packet in the worker that received it.
package enum TraceOutcome: UInt8, Sendable {
  /// Counted in a flow.
  case flow
  /// A rule dropped it.
  case filtered
  /// Not IP, or discarded: ``TraceEntry/verdict`` says for which cause.
  case cause
  /// Given to the worker that owns its flow, or lost because that one's ring was full.
  case handedOut
  /// A fragment, with those of its datagram.
  case fragment
  /// Not in the sample under overload.
  case sampledOut
}

/// One traced packet: 512 bytes, and the packet's own behind them.
package struct TraceEntry: BitwiseCopyable, @unchecked Sendable {
  /// Nanoseconds since 1970.
  package var time: Int64
  /// Rules that caught it, a bit a place in the list, probes left out: there are 64 at the most.
  package var caught: UInt64
  package var wireLength: UInt32
  /// Bytes kept.
  package var captured: UInt32
  package var port: UInt16
  /// The worker that it was given to.
  package var receiver: UInt16
  /// ``TraceOutcome``
  package var outcome: UInt8
  /// As the parser gave it: ``PacketVerdict``.
  package var verdict: UInt8
  /// Of a packet that was filtered: the place of the rule that did.
  package var rule: UInt8
  /// The flow began with it.
  package var isNew: Bool
  /// The flow was there before; else the two below say nothing.
  package var hasBefore: Bool
  package var parsed: ParsedPacket
  /// Zeek's history as long as it was, and ``FlowState``.
  package var historyBefore: UInt8
  package var stateBefore: UInt8
  package var hot: FlowHot
  package var cold: FlowCold
}

/// Where a worker writes traced packets down, and somebody who asked reads them.
///
///     | session, count: 64 bytes | entry 0: TraceEntry, 512 | bytes, 2,048 | entry 1 …
///
/// A session begins with a rule set that has another ``FilterRuleSet/traceSession``: the worker then writes
/// from the first entry on, and stops when the log is full. What it has counted it does not touch again.
package struct TraceLog: BitwiseCopyable, @unchecked Sendable {
  package static let capacity = 256
  package static let snapLength = 2048
  static var stride: Int { 512 + snapLength }
  package static var byteCount: Int { 64 + capacity * stride }

  private let memory: UnsafeMutableRawPointer
  private var words: UnsafeMutablePointer<UInt64> {
    memory.assumingMemoryBound(to: UInt64.self)
  }

  /// `memory` is zeroed, ``byteCount`` long and aligned to 64.
  package init(memory: UnsafeMutableRawPointer) { self.memory = memory }

  /// How many packets this session has; 0 where the worker has not begun it.
  package func count(session: UInt64) -> Int {
    // In this order: a worker sets the count back before it names the session.
    guard martlet_load_acquire(words) == session else { return 0 }
    return Int(martlet_load_acquire(words + 1))
  }

  package func entry(_ number: Int) -> UnsafeMutablePointer<TraceEntry> {
    (memory + 64 + number * Self.stride).assumingMemoryBound(to: TraceEntry.self)
  }

  package func bytes(_ number: Int) -> UnsafeMutablePointer<UInt8> {
    (memory + 64 + number * Self.stride + 512).assumingMemoryBound(to: UInt8.self)
  }

  /// The worker begins a session.
  func begin(_ session: UInt64) {
    martlet_store_relaxed(words + 1, 0)
    martlet_store_release(words, session)
  }

  /// What the worker has written up to here is there to be read.
  func publish(_ count: Int) { martlet_store_release(words + 1, UInt64(count)) }
}
