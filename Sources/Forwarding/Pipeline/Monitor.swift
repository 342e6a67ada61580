internal import Glibc

/// State under a lock, with a condition on which threads wait for it to become as they want it.
final class Monitor<State>: @unchecked Sendable {
  private var state: State
  // Allocated, because pthread objects must not move.
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let change = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(_ state: State) {
    self.state = state
    pthread_mutex_init(lock, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(change, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(change)
    pthread_mutex_destroy(lock)
    change.deallocate()
    lock.deallocate()
  }

  /// Looks, without waking anybody.
  func read<Result>(_ body: (State) -> Result) -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body(state)
  }

  /// Changes the state and wakes all who wait.
  func update<Result>(_ body: (inout State) -> Result) -> Result {
    pthread_mutex_lock(lock)
    defer {
      pthread_cond_broadcast(change)
      pthread_mutex_unlock(lock)
    }
    return body(&state)
  }

  /// Asks `body` again at each change until it answers, or until a point of the monotonic clock: nil.
  func wait<Result>(untilSeconds deadline: Double, _ body: (inout State) -> Result?) -> Result? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    let whole = deadline.rounded(.down)
    var time = timespec(tv_sec: Int(whole), tv_nsec: Int((deadline - whole) * 1e9))
    while true {
      if let result = body(&state) { return result }
      if pthread_cond_timedwait(change, lock, &time) == ETIMEDOUT { return body(&state) }
    }
  }
}

/// Seconds of the monotonic clock, on which this module's deadlines are told.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Milliseconds of the wall clock, which the IDs of streams are made of.
package func wallMilliseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}
