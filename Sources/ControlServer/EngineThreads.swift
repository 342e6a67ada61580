import NIOPosix

/// The threads on which the engine is asked, so that no socket waits for it.
///
/// What is answered at once and what takes its time have a thread each: `stats.get` never waits for a
/// look through ten million flows, or for a trace's packets. On either thread one thing is asked at a
/// time, as ``EngineInterface`` is promised. All servers of a process share these two; they take the signal
/// mask of the thread that makes them.
package final class EngineThreads: Sendable {
  let atOnce: NIOThreadPool
  let inTheirOwnTime: NIOThreadPool

  package init() {
    atOnce = NIOThreadPool(numberOfThreads: 1)
    inTheirOwnTime = NIOThreadPool(numberOfThreads: 1)
    atOnce.start()
    inTheirOwnTime.start()
  }

  subscript(pace: MethodPace) -> NIOThreadPool {
    switch pace {
    case .atOnce: atOnce
    case .inItsOwnTime: inTheirOwnTime
    }
  }

  /// Waits for what is in work. The servers that use them must have stopped before.
  package func stop() {
    try? atOnce.syncShutdownGracefully()
    try? inTheirOwnTime.syncShutdownGracefully()
  }
}
