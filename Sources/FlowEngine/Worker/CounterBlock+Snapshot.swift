import CBurst

extension CounterBlock {
  /// Copies the private counters to the page. Worker only; about one cache line a hundred cycles.
  package func publish() {
    let version = martlet_load_relaxed(page)
    martlet_store_relaxed(page, version &+ 1)
    martlet_fence_release()
    for i in 0..<Counter.count { martlet_store_relaxed(page + 1 + i, own[i]) }
    martlet_store_release(page, version &+ 2)
  }

  /// All counters at one moment. Any thread; spins while the worker is copying.
  package func snapshot() -> CounterSnapshot {
    var values = [UInt64](repeating: 0, count: Counter.count)
    while true {
      let before = martlet_load_acquire(page)
      if before & 1 == 0 {
        for i in 0..<Counter.count { values[i] = martlet_load_relaxed(page + 1 + i) }
        martlet_fence_acquire()
        if martlet_load_relaxed(page) == before { return CounterSnapshot(values: values) }
      }
      martlet_pause()
    }
  }
}

/// One worker's counters at one moment, or the sum over several.
package struct CounterSnapshot: Sendable {
  package var values: [UInt64]

  package init(values: [UInt64] = [UInt64](repeating: 0, count: Counter.count)) {
    self.values = values
  }

  package subscript(counter: Counter) -> UInt64 {
    get { values[counter.rawValue] }
    set { values[counter.rawValue] = newValue }
  }

  package func total(of group: Counter.Group) -> UInt64 {
    Counter.allCases.reduce(0) { $1.group == group ? $0 + self[$1] : $0 }
  }

  package static func + (a: CounterSnapshot, b: CounterSnapshot) -> CounterSnapshot {
    CounterSnapshot(values: zip(a.values, b.values).map { $0 + $1 })
  }

  /// What came in that nothing accounts for; 0 when every packet is accounted for. Negative when
  /// something was counted twice.
  package var unaccounted: Int64 {
    let input = self[.received] + self[.handedIn]
    let output =
      self[.countedInFlows] + self[.filtered] + self[.handedOut] + self[.heldFragments]
      + total(of: .nonIP) + total(of: .discard)
    return Int64(bitPattern: input &- output)
  }
}
