import CPosix
import Glibc

/// A mutex with a condition, for threads that are not Swift's.
final class Condition: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  func signal() { pthread_cond_broadcast(condition) }

  /// Waits once, for a signal or so long; the caller looks again.
  func wait(milliseconds: Int) {
    martlet_condition_wait(condition, mutex, milliseconds)
  }
}

/// A thread that is waited for.
final class PosixThread: @unchecked Sendable {
  private final class Body {
    let run: @Sendable () -> Void
    let name: String
    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  private var handle = pthread_t()

  init(name: String, _ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(name, run))
    let result = pthread_create(
      &handle, nil,
      { argument in
        let body = Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
        // Fifteen characters at the most, for `top -H`.
        martlet_thread_name(body.name)
        body.run()
        return nil
      }, body.toOpaque())
    precondition(result == 0, "a thread can be had")
  }

  /// Waits for its end; where it is the calling thread itself, lets it go.
  func join() {
    if pthread_equal(handle, pthread_self()) != 0 {
      pthread_detach(handle)
    } else {
      pthread_join(handle, nil)
    }
  }
}
