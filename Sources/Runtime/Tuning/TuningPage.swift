import CBurst
import FlowEngine

/// What workers are told while they run: a word a value, written by the control plane at any time, read
/// by workers between two bursts. Each word is meaningful by itself, so there is nothing to lock and a
/// change needs no pause.
struct TuningPage: BitwiseCopyable, @unchecked Sendable {
  enum Word: Int, CaseIterable {
    /// ``PollMode``
    case pollMode
    case maximumSleepNanoseconds
    /// Of the publisher, which is not a worker and reads it in the same way.
    case statsIntervalNanoseconds
    /// 1: as load demands; 0: never.
    case sampling
    /// Exponents of the sampling interval.
    case minimumSamplingShift
    case maximumSamplingShift
    case samplingFullBursts
    case samplingCalmNanoseconds
    /// Rises whenever a port has missed packets.
    case losses
    /// Ports that are not to be polled, a bit each by their place; those beyond the 64th cannot stop.
    case stoppedPorts
    /// Packets that a worker asks a queue for at a time, and how far it looks ahead.
    case burstPackets
    case prefetchDistance
    /// Of packets that a trace wants, one in so many is written down.
    case traceInterval
    /// Rises with each change of a timeout; the timeouts behind it hold from then on.
    case timeoutChanges
    case activeNanoseconds
    case tcpNanoseconds
    case udpNanoseconds
    case icmpNanoseconds
    case otherNanoseconds
    case halfOpenNanoseconds
    case closedNanoseconds
  }

  /// Whole cache lines of its own, which every worker then holds.
  static var byteCount: Int { (Word.allCases.count * 8 + 63) & ~63 }

  private let words: UnsafeMutablePointer<UInt64>

  /// `memory` is zeroed and `byteCount` long.
  init(memory: UnsafeMutableRawPointer) {
    words = memory.assumingMemoryBound(to: UInt64.self)
  }

  /// What sampling keeps to, as it is now.
  var overloadLimits: OverloadControl.Limits {
    var limits = OverloadControl.Limits()
    limits.isOn = self[.sampling] != 0
    limits.minimumShift = UInt32(truncatingIfNeeded: self[.minimumSamplingShift])
    limits.maximumShift = UInt32(truncatingIfNeeded: self[.maximumSamplingShift])
    // As many packets as so many bursts of the usual size: smaller ones are full more often.
    limits.fullBursts = UInt32(
      truncatingIfNeeded: self[.samplingFullBursts] * UInt64(MARTLET_BURST_CAPACITY)
        / max(self[.burstPackets], 1))
    limits.calmNanoseconds = Int64(truncatingIfNeeded: self[.samplingCalmNanoseconds])
    return limits
  }

  /// Read before the timeouts: one that is written meanwhile is seen with the next change.
  var timeoutChanges: UInt64 { martlet_load_acquire(words + Word.timeoutChanges.rawValue) }

  var timeouts: FlowTimeouts {
    var timeouts = FlowTimeouts()
    for (member, word) in Self.timeoutWords {
      timeouts[keyPath: member] = Int64(truncatingIfNeeded: self[word])
    }
    return timeouts
  }

  func set(_ timeouts: FlowTimeouts) {
    for (member, word) in Self.timeoutWords {
      self[word] = UInt64(max(timeouts[keyPath: member], 0))
    }
    martlet_store_release(
      words + Word.timeoutChanges.rawValue, self[.timeoutChanges] &+ 1)
  }

  private static let timeoutWords: [(any WritableKeyPath<FlowTimeouts, Int64> & Sendable, Word)] = [
    (\.active, .activeNanoseconds), (\.tcp, .tcpNanoseconds), (\.udp, .udpNanoseconds),
    (\.icmp, .icmpNanoseconds), (\.other, .otherNanoseconds),
    (\.halfOpen, .halfOpenNanoseconds), (\.closed, .closedNanoseconds),
  ]

  func set(_ sampling: SamplingSettings) {
    self[.sampling] = sampling.isOn ? 1 : 0
    self[.minimumSamplingShift] = UInt64(sampling.minimumInterval.trailingZeroBitCount)
    self[.maximumSamplingShift] = UInt64(sampling.maximumInterval.trailingZeroBitCount)
    self[.samplingFullBursts] = UInt64(sampling.fullBursts)
    self[.samplingCalmNanoseconds] = UInt64(sampling.calmSeconds * 1e9)
  }

  @inline(__always)
  subscript(word: Word) -> UInt64 {
    get { martlet_load_relaxed(words + word.rawValue) }
    nonmutating set { martlet_store_relaxed(words + word.rawValue, newValue) }
  }
}
