/// What of a flow was left out when the engine had more packets than it could take: in a record, where
/// it shares its place with an anomaly's event.
///
///     | bits 0-3: interval at its first packet | 4-7: the highest | 8: packets left out |
///
/// Intervals are powers of two, kept as their exponents.
package struct FlowSampling: BitwiseCopyable, Equatable, Sendable {
  package var rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package init(startShift: UInt32, highestShift: UInt32, isPartial: Bool) {
    rawValue =
      UInt16(truncatingIfNeeded: startShift & 15 | (highestShift & 15) << 4)
      | (isPartial ? 1 << 8 : 0)
  }

  /// Nothing was sampled while it lived.
  package static var none: FlowSampling { FlowSampling(rawValue: 0) }

  /// A filter rule kept one flow in 2^shift: the sample of both is the smaller one, since both go by the
  /// same hash.
  mutating func raise(to shift: UInt32) {
    let start = max(UInt32(rawValue & 15), shift)
    let highest = max(UInt32(rawValue >> 4 & 15), start)
    self = FlowSampling(startShift: start, highestShift: highest, isPartial: isPartial)
  }

  /// When the flow began, one flow in so many was kept: for how many it stands.
  package var interval: UInt32 { 1 << UInt32(rawValue & 15) }
  /// The highest interval from then until the record.
  package var highestInterval: UInt32 { 1 << UInt32(rawValue >> 4 & 15) }
  /// It was out of the sample for some of that time: packets and bytes are too few.
  package var isPartial: Bool { rawValue & 1 << 8 != 0 }
}

extension FlowRecord {
  /// Of a `flow` or `flow_update`; an anomaly has none.
  package var sampling: FlowSampling {
    get { kind == FlowRecordKind.anomaly ? .none : FlowSampling(rawValue: event) }
    set { event = newValue.rawValue }
  }
}

/// Which flows are in the sample, now and in the past.
///
/// A flow is in a sample of one in 2^s where the upper s bits of a hash of its key are all zero. So the
/// decision is the same for every packet of it in both directions, and the samples lie within one
/// another: a flow that is in at 1/8 is in at 1/4 as well. The table's hash is multiplied first, since
/// its own bits name buckets and tags: of those, none must fall empty.
///
/// Changes are kept, so that a record can say what was in force while its flow lived without a word of
/// this in the flow's entry.
struct FlowSampler {
  struct Change: BitwiseCopyable {
    var time: Int64
    var shift: UInt32
  }

  static let maximumShift: UInt32 = 10
  /// Changes that are remembered; what is older counts as the worst there was.
  static let capacity = 64

  /// The exponent of the interval now: 0 keeps everything.
  private(set) var shift: UInt32 = 0
  /// Whether it has ever been anything else.
  private(set) var hasSampled = false
  private let changes: UnsafeMutablePointer<Change>
  private var count = 0
  /// Before the oldest change that is remembered: what was in force last, and at the worst.
  private var forgotten: UInt32 = 0
  private var worstForgotten: UInt32 = 0

  init(plan: inout MemoryPlan) {
    changes = plan.take(
      "sampling changes", bytes: Self.capacity * MemoryLayout<Change>.stride
    ).assumingMemoryBound(to: Change.self)
  }

  /// How far a flow is in: it is in the sample up to this exponent.
  @inline(__always)
  static func level(_ hash: UInt64) -> UInt32 {
    // 2^64 over the golden ratio. Wrapping is the point: the upper bits then hang on all the lower ones.
    UInt32(truncatingIfNeeded: (hash &* 0x9e37_79b9_7f4a_7c15).leadingZeroBitCount)
  }

  @inline(__always)
  func keeps(_ hash: UInt64) -> Bool { Self.level(hash) >= shift }

  mutating func set(_ newShift: UInt32, now: Int64) {
    let newShift = min(newShift, Self.maximumShift)
    guard newShift != shift else { return }
    if count == Self.capacity {
      forgotten = changes[0].shift
      worstForgotten = max(worstForgotten, forgotten)
      changes.update(from: changes + 1, count: Self.capacity - 1)
      count -= 1
    }
    changes[count] = Change(time: now, shift: newShift)
    count += 1
    shift = newShift
    hasSampled = true
  }

  /// Of a flow whose first packet came at `firstSeen`, from then until now.
  func summary(firstSeen: Int64, hash: UInt64) -> FlowSampling {
    var highest = shift
    var start = forgotten
    var isOlder = true
    var i = count
    while i > 0 {
      i -= 1
      highest = max(highest, changes[i].shift)
      if changes[i].time <= firstSeen {
        start = changes[i].shift
        isOlder = false
        break
      }
    }
    if isOlder { highest = max(highest, max(forgotten, worstForgotten)) }
    return FlowSampling(
      startShift: start, highestShift: highest, isPartial: Self.level(hash) < highest)
  }
}
