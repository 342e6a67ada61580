import CBurst

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
  }

  /// Whole cache lines of its own, which every worker then holds.
  static var byteCount: Int { (Word.allCases.count * 8 + 63) & ~63 }

  private let words: UnsafeMutablePointer<UInt64>

  /// `memory` is zeroed and `byteCount` long.
  init(memory: UnsafeMutableRawPointer) {
    words = memory.assumingMemoryBound(to: UInt64.self)
  }

  @inline(__always)
  subscript(word: Word) -> UInt64 {
    get { martlet_load_relaxed(words + word.rawValue) }
    nonmutating set { martlet_store_relaxed(words + word.rawValue, newValue) }
  }
}
