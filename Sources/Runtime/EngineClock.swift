import CBurst
import Foundation

/// Wall clock from the time stamp counter: one read a burst, no system call.
///
///     nanoseconds = base + ((tsc - tscBase) × scale) / 2^32
///
/// The main thread compares the two clocks every tenth of a second and writes base and scale to a
/// page under a version (a seqlock); workers read that page. So the wall clock's own corrections
/// reach the workers, and between two of them time runs evenly.
package final class EngineClock: @unchecked Sendable {
  /// | version | TSC base | nanoseconds base | scale in 2^-32 ns a tick |
  private let page: UnsafeMutablePointer<UInt64>
  private let startTSC: UInt64
  private let startMonotonic: Int64

  /// `measuringMicroseconds`: how long the counter is timed before the first packet.
  package init(measuringMicroseconds: UInt32 = 20_000) {
    page = .allocate(capacity: 8)
    page.initialize(repeating: 0, count: 8)
    startTSC = martlet_tsc()
    startMonotonic = martlet_monotonic_ns()
    // Long enough for a scale that is right to a few millionths; later readings make it better.
    usleep(measuringMicroseconds)
    synchronize()
  }

  deinit { page.deallocate() }

  /// Wall clock by the system, nanoseconds since 1970.
  package static var systemNanoseconds: Int64 { martlet_realtime_ns() }
  package static var monotonicNanoseconds: Int64 { martlet_monotonic_ns() }

  /// Ticks a second, measured since start.
  package var ticksPerSecond: Double {
    let scale = Double(martlet_load_relaxed(page + 3)) / 4_294_967_296
    return scale > 0 ? 1e9 / scale : 0
  }

  /// Compares the clocks and publishes the result. Main thread only.
  package func synchronize() {
    let tsc = martlet_tsc()
    let wall = martlet_realtime_ns()
    let elapsed = martlet_monotonic_ns() - startMonotonic
    let ticks = tsc &- startTSC
    guard ticks > 0, elapsed > 0 else { return }
    // At most 2^32 ns a tick; 128 bits on the way.
    let scale = UInt64(Double(elapsed) / Double(ticks) * 4_294_967_296)
    let version = martlet_load_relaxed(page)
    martlet_store_relaxed(page, version &+ 1)
    martlet_fence_release()
    martlet_store_relaxed(page + 1, tsc)
    martlet_store_relaxed(page + 2, UInt64(bitPattern: wall))
    martlet_store_relaxed(page + 3, scale)
    martlet_store_release(page, version &+ 2)
  }

  package var reader: Reader { Reader(page: UnsafePointer(page)) }

  /// A worker's view; lives as long as the clock.
  package struct Reader: BitwiseCopyable, @unchecked Sendable {
    let page: UnsafePointer<UInt64>

    /// Nanoseconds since 1970 at `tsc`.
    @inline(__always)
    package func nanoseconds(at tsc: UInt64) -> Int64 {
      while true {
        let version = martlet_load_acquire(page)
        let base = martlet_load_relaxed(page + 1)
        let wall = martlet_load_relaxed(page + 2)
        let scale = martlet_load_relaxed(page + 3)
        martlet_fence_acquire()
        if version & 1 == 0 && martlet_load_relaxed(page) == version {
          // The base may be a moment younger than `tsc`: the difference is signed.
          let ticks = Int64(bitPattern: tsc &- base)
          let product = ticks.magnitude.multipliedFullWidth(by: scale)
          let nanoseconds = Int64(
            truncatingIfNeeded: product.high << 32 | product.low >> 32)
          return Int64(bitPattern: wall) &+ (ticks < 0 ? 0 &- nanoseconds : nanoseconds)
        }
      }
    }
  }
}
