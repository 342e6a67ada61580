import Configuration
package import ControlAPI
import Ports
import Synchronization

extension Engine {
  package func tunables(_ parameters: TuningGetParameters) throws -> TuningList {
    guard let key = parameters.key else {
      return TuningList(TuningTable.entries(of: self).map { $0.describe(self) })
    }
    return TuningList([try TuningTable.find(key, of: self).describe(self)])
  }

  /// What of a configuration's key can change now; nil where nothing can.
  func liveTunable(_ key: String) -> Tunable? {
    TuningTable.entries(of: self).first { $0.key.path == key && $0.write != nil }?.describe(self)
  }

  package func tune(_ parameters: TuningSetParameters) throws -> TuningChange {
    try tuneChecked(parameters)
  }

  func tuneChecked(_ parameters: TuningSetParameters) throws(RPCError) -> TuningChange {
    let entry = try TuningTable.find(parameters.key, of: self)
    guard let write = entry.write else {
      throw RPCError(
        .invalidParams,
        "\(entry.key.path) cannot change while the engine runs; set it in the configuration and"
          + " restart",
        data: ["parameter": "key", "key": .string(entry.key.path), "live": .bool(false)])
    }
    let value = try entry.check(parameters.value)
    let before = entry.read(self)
    let notes = write(self, value)
    return TuningChange(
      key: entry.key.path, before: before, after: entry.read(self), unit: entry.key.unit,
      notes: notes)
  }

  /// Busy polling takes the whole of a core, from whoever else is on it.
  var notesOnSharedCores: [String] {
    (0..<settings.workerCount).filter { host.placement(worker: $0).isShared }.map {
      "worker \($0) shares its core, and leaves others on it next to nothing"
    }
  }

  /// Where rings would not last, workers keep to less.
  func notesOnSleeps(of nanoseconds: UInt64) -> [String] {
    let limits = sleepLimits.withLock { $0 }
    return limits.enumerated().filter { $1 < nanoseconds }.map { worker, limit in
      "worker \(worker) sleeps for \(limit / 1000) µs at the most: its rings hold no more at the"
        + " links' full rate; raise ports[].rxDescriptors (and handoff.ringSlots)"
    }
  }
}
