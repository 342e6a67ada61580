import CBurst

/// What becomes of the packets that a rule catches, as workers have it.
package enum FilterVerdict: UInt8, BitwiseCopyable, Sendable {
  /// Counted as filtered. Ends the search.
  case drop
  /// Ends the search.
  case keep
  /// Of 2^shift flows one is kept, the others' packets are counted as filtered. Ends the search.
  case sample
  /// Their flows get ``FilterRule/marks``, or are not published. The search goes on.
  case mark
  /// Only counted.
  case probe
  /// Written down in the worker's ``TraceLog``, as far as there is room.
  case trace
}

/// One rule of a ``FilterRuleSet``.
package struct FilterRule: BitwiseCopyable, @unchecked Sendable {
  package var filter: PacketFilter
  package var verdict: FilterVerdict
  /// It is shown the innermost IP packet, for which `filter` has a program of LINKTYPE_RAW.
  package var isInner: Bool
  /// Where it counts in each worker's ``FilterReport``.
  package var slot: UInt8
  /// Of `sample`: exponent of the interval.
  package var shift: UInt8
  /// Of `mark`: ``FlowMarks`` that its flows get.
  package var marks: FlowMarks
  /// A bit a port of this engine; ports beyond the 64th share the last one.
  package var ports: UInt64

  package init(
    filter: PacketFilter, verdict: FilterVerdict, isInner: Bool = false, slot: UInt8,
    shift: UInt8 = 0, marks: FlowMarks = .none, ports: UInt64 = .max
  ) {
    self.filter = filter
    self.verdict = verdict
    self.isInner = isInner
    self.slot = slot
    self.shift = shift
    self.marks = marks
    self.ports = ports
  }

  @inline(__always)
  func holds(for port: UInt16) -> Bool { ports >> min(UInt64(port), 63) & 1 != 0 }
}

/// What filter rules have left on a flow, and on its packets on their way there.
///
///     | bits 0-11: tags | 12-15: exponent of the sampling interval |
@usableFromInline @frozen
package struct FlowMarks: BitwiseCopyable, Equatable, Sendable {
  @usableFromInline package var rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// How many names there can be.
  package static let tagCount = 12
  package static var none: FlowMarks { FlowMarks(rawValue: 0) }

  package static func tag(_ number: Int) -> FlowMarks { FlowMarks(rawValue: 1 << UInt16(number)) }
  package static func sample(_ shift: UInt8) -> FlowMarks {
    FlowMarks(rawValue: UInt16(shift & 15) << 12)
  }

  /// A bit a tag.
  @inlinable @inline(__always)
  package var tags: UInt16 { rawValue & 0x0fff }
  /// One flow in 2^shift was kept by a rule.
  @inline(__always)
  package var shift: UInt32 { UInt32(rawValue >> 12) }

  /// Tags add up; of two samples the smaller holds.
  @inline(__always)
  package mutating func add(_ other: FlowMarks) {
    let shift = max(shift, other.shift)
    rawValue = tags | other.tags | UInt16(truncatingIfNeeded: shift) << 12
  }
}

/// An ordered list of rules in fixed memory, never written again once a worker can see it.
package struct FilterRuleSet: BitwiseCopyable, @unchecked Sendable {
  package let rules: UnsafePointer<FilterRule>
  package let count: Int
  /// Rises with every change.
  package let generation: UInt64
  /// Of a set with a `trace` rule: tells one trace from another.
  package let traceSession: UInt64
}

/// The memory of a ``FilterRuleSet`` and of the programs that it runs.
package final class FilterRuleStorage: @unchecked Sendable {
  package let set: UnsafePointer<FilterRuleSet>
  private let rules: UnsafeMutablePointer<FilterRule>
  private let filters: [PacketFilterStorage]
  private let count: Int

  /// `filters` holds what the rules' ``FilterRule/filter`` are handles of.
  package init(
    _ list: [FilterRule], filters: [PacketFilterStorage], generation: UInt64,
    traceSession: UInt64 = 0
  ) {
    self.filters = filters
    count = list.count
    rules = .allocate(capacity: max(list.count, 1))
    rules.initialize(from: list, count: list.count)
    let set = UnsafeMutablePointer<FilterRuleSet>.allocate(capacity: 1)
    set.initialize(
      to: FilterRuleSet(
        rules: rules, count: list.count, generation: generation, traceSession: traceSession))
    self.set = UnsafePointer(set)
  }

  deinit {
    rules.deallocate()
    set.deallocate()
  }
}

/// Where workers find the rules of the moment: one word that is replaced while they run.
package struct FilterRulesSlot: BitwiseCopyable, @unchecked Sendable {
  package static var byteCount: Int { 64 }

  private let word: UnsafeMutablePointer<UInt64>

  /// `memory` is zeroed, ``byteCount`` long and aligned to 64.
  package init(memory: UnsafeMutableRawPointer) {
    word = memory.assumingMemoryBound(to: UInt64.self)
  }

  /// Nil while there is none, and every packet is kept.
  @inline(__always)
  var current: UnsafePointer<FilterRuleSet>? {
    UnsafePointer(bitPattern: UInt(martlet_load_acquire(word)))
  }

  /// Workers take it up before their next burst, and say so in ``FilterReport``. What was there before must
  /// live until all of them have.
  package func set(_ set: UnsafePointer<FilterRuleSet>) {
    martlet_store_release(word, UInt64(UInt(bitPattern: set)))
  }
}

/// What one worker tells of its rules: which generation it goes by, and what each slot has caught.
///
///     | generation, 64 bytes | slot 0: evaluated packets bytes dropped ticks evaluatedBytes - - | slot 1 …
///
/// The worker alone writes. Once it says that it goes by a later generation, what the rules of earlier ones
/// have caught is all there.
package struct FilterReport: BitwiseCopyable, @unchecked Sendable {
  package static let slotCount = 256
  package static var byteCount: Int { 64 + slotCount * 64 }

  package struct Counts: Equatable, Sendable {
    /// Packets that were shown to the rule.
    package var evaluated: UInt64 = 0
    /// Packets that it caught, and their bytes on the wire.
    package var packets: UInt64 = 0
    package var bytes: UInt64 = 0
    /// Of these, those counted as filtered.
    package var dropped: UInt64 = 0
    /// TSC ticks that it took for all that it was shown.
    package var ticks: UInt64 = 0
    /// Bytes of what it was shown; of probes only.
    package var evaluatedBytes: UInt64 = 0

    package init() {}

    package static func + (a: Counts, b: Counts) -> Counts { combine(a, b) { $0 &+ $1 } }
    package static func - (a: Counts, b: Counts) -> Counts { combine(a, b) { $0 &- $1 } }

    private static func combine(
      _ a: Counts, _ b: Counts, _ operation: (UInt64, UInt64) -> UInt64
    ) -> Counts {
      var out = Counts()
      out.evaluated = operation(a.evaluated, b.evaluated)
      out.packets = operation(a.packets, b.packets)
      out.bytes = operation(a.bytes, b.bytes)
      out.dropped = operation(a.dropped, b.dropped)
      out.ticks = operation(a.ticks, b.ticks)
      out.evaluatedBytes = operation(a.evaluatedBytes, b.evaluatedBytes)
      return out
    }
  }

  private let words: UnsafeMutablePointer<UInt64>

  /// `memory` is zeroed, ``byteCount`` long and aligned to 64.
  package init(memory: UnsafeMutableRawPointer) {
    words = memory.assumingMemoryBound(to: UInt64.self)
  }

  /// The generation that the worker goes by.
  package var generation: UInt64 { martlet_load_acquire(words) }

  package func counts(_ slot: UInt8) -> Counts {
    let base = words + 8 + Int(slot) * 8
    var out = Counts()
    out.evaluated = martlet_load_relaxed(base)
    out.packets = martlet_load_relaxed(base + 1)
    out.bytes = martlet_load_relaxed(base + 2)
    out.dropped = martlet_load_relaxed(base + 3)
    out.ticks = martlet_load_relaxed(base + 4)
    out.evaluatedBytes = martlet_load_relaxed(base + 5)
    return out
  }

  // MARK: The worker's side

  func adopt(_ generation: UInt64) { martlet_store_release(words, generation) }

  func add(_ slot: UInt8, _ counts: Counts) {
    let base = words + 8 + Int(slot) * 8
    Self.add(base, counts.evaluated)
    Self.add(base + 1, counts.packets)
    Self.add(base + 2, counts.bytes)
    Self.add(base + 3, counts.dropped)
    Self.add(base + 4, counts.ticks)
    Self.add(base + 5, counts.evaluatedBytes)
  }

  func addDropped(_ slot: UInt8) { Self.add(words + 8 + Int(slot) * 8 + 3, 1) }

  @inline(__always)
  private static func add(_ word: UnsafeMutablePointer<UInt64>, _ value: UInt64) {
    martlet_store_relaxed(word, martlet_load_relaxed(word) &+ value)
  }
}

/// Everything that rules need beside themselves: the slot that all workers share, and each worker's report
/// and trace log.
package struct FilterMemory: @unchecked Sendable {
  package let slot: FilterRulesSlot
  package let reports: [FilterReport]
  package let traces: [TraceLog]

  /// Cuts it out of `plan`.
  package init(workers: Int, plan: inout MemoryPlan) {
    slot = FilterRulesSlot(memory: plan.take("filters", bytes: FilterRulesSlot.byteCount))
    reports = (0..<workers).map { _ in
      FilterReport(memory: plan.take("filters", bytes: FilterReport.byteCount))
    }
    traces = (0..<workers).map { _ in
      TraceLog(memory: plan.take("packet traces", bytes: TraceLog.byteCount))
    }
  }
}
