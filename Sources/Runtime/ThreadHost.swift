package import CBurst
import Foundation
package import Ports
import Synchronization

/// Workers on ordinary threads, wherever the system puts them: for capture files.
package final class ThreadHost: WorkerHost, @unchecked Sendable {
  private struct Body: @unchecked Sendable {
    var run: @convention(c) (UnsafeMutableRawPointer?) -> Int32
    var argument: UnsafeMutableRawPointer?
  }

  private let ended = Mutex<[Int: DispatchSemaphore]>([:])

  package init() {}

  package func launch(
    worker: Int, _ body: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Int32,
    argument: UnsafeMutableRawPointer?
  ) throws {
    let semaphore = DispatchSemaphore(value: 0)
    ended.withLock { $0[worker] = semaphore }
    let call = Body(run: body, argument: argument)
    let thread = Thread {
      _ = call.run(call.argument)
      semaphore.signal()
    }
    thread.name = "worker-\(worker)"
    thread.start()
  }

  package func wait(worker: Int) { ended.withLock { $0[worker] }?.wait() }

  package func placement(worker: Int) -> WorkerPlacement {
    WorkerPlacement(core: -1, numaNode: -1, isShared: true)
  }

  package func bind(memory: UnsafeMutableRawPointer, byteCount: Int, toWorker worker: Int) {}

  /// Packets of files carry no handle, so there is nothing to give back.
  package var release: martlet_release_fn { { _, _, _ in } }
}
