internal import FlowEngine

extension Dissection {
  /// Sets the counters that say how things are just now. The worker's thread, before it publishes its
  /// counters: nobody reads them at any other time.
  package func setGauges() {
    core.counters.set(.dissectionsLive, UInt64(core.states.used))
    core.counters.set(.dissectionBufferBytes, UInt64(core.blocks.usedBytes))
  }
}
