/// A counter with its name. Lists of them keep the order of the engine's own declaration.
package struct Counter: Codable, Equatable, Sendable {
  /// As in the records' `stats` event: lower case with underscores.
  package var name: String
  package var value: UInt64

  package init(_ name: String, _ value: UInt64) {
    self.name = name
    self.value = value
  }
}

extension [Counter] {
  /// All together. Wraps, as the engine's own 64-bit counters do.
  package var total: UInt64 { reduce(0) { $0 &+ $1.value } }

  /// The counter of that name; 0 where there is none.
  package func value(_ name: String) -> UInt64 { first { $0.name == name }?.value ?? 0 }

  /// Adds each of the others to the one of its name, and appends those that are new.
  package mutating func add(_ others: [Counter]) {
    for other in others {
      if let index = firstIndex(where: { $0.name == other.name }) {
        self[index].value &+= other.value
      } else {
        append(other)
      }
    }
  }
}
