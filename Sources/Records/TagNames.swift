package import FlowEngine
import Synchronization

/// Names of the bits that filter rules leave on flows (``FlowMarks/tags``), for those who write records.
///
/// A bit keeps its name as long as the engine runs: flows may bear it long after its rule has gone. Any
/// thread.
package final class TagNames: Sendable {
  package static let maximumLength = 64
  /// Bytes of all names at their longest, as a list in JSON.
  static let longestList = FlowMarks.tagCount * (maximumLength + 3)

  private let names = Mutex<[String]>([])

  package init(_ names: [String] = []) {
    self.names.withLock { $0 = Array(names.prefix(FlowMarks.tagCount)) }
  }

  package var all: [String] { names.withLock { $0 } }

  /// The bit of a name, which is given one where it has none yet; nil where all are taken.
  package func bit(_ name: String) -> Int? {
    names.withLock { names in
      if let known = names.firstIndex(of: name) { return known }
      guard names.count < FlowMarks.tagCount else { return nil }
      names.append(name)
      return names.count - 1
    }
  }

  /// The names of some bits, in the order in which they were first used.
  package func names(of marks: FlowMarks) -> [String] {
    if marks.tags == 0 { return [] }
    let all = all
    return all.indices.filter { marks.tags >> UInt16($0) & 1 != 0 }.map { all[$0] }
  }

  /// They and nothing else are letters, digits, `.`, `_`, `-`: no format has to escape them.
  package static func isName(_ text: String) -> Bool {
    (1...maximumLength).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
