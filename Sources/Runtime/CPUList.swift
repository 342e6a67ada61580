import Foundation

/// The kernel's form of a list of CPUs, of cpuset(7): `0-3,8,10-11`.
package enum CPUList {
  /// In the order of the text; what is no number is left out, and so is a stride (`0-31:2`).
  package static func parse(_ text: some StringProtocol) -> [Int] {
    text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap {
        Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
      }
      guard let first = ends.first, let last = ends.last, first <= last else { return [] }
      return Array(first...last)
    }
  }

  /// Sorted, neighbours joined.
  package static func text(_ cores: some Collection<Int>) -> String {
    var parts: [ClosedRange<Int>] = []
    for core in Set(cores).sorted() {
      if let last = parts.last, last.upperBound == core - 1 {
        parts[parts.count - 1] = last.lowerBound...core
      } else {
        parts.append(core...core)
      }
    }
    return parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
