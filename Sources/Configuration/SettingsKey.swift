/// Every key of the configuration, declared once: the reader takes kind and range from here, and the
/// JSON Schema and the reference in docs/ are written from it.
package struct SettingsKey: Sendable {
  package enum Kind: Sendable, Equatable {
    case text
    case flag
    case integer(ClosedRange<Int>)
    /// Whole, and a power of two.
    case powerOfTwo(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case choice([String])
    case choices([String])
    case integers(ClosedRange<Int>)
    case texts
    case paces
    case section
    case sections
  }

  /// `ports[].device`
  package var path: String
  package var kind: Kind
  /// As it would be written; empty where there is none.
  package var standard: String
  package var unit: String
  package var meaning: String
  package var isRequired = false
  /// Whether a running engine could take a new value: no memory, thread, port or socket hangs on it.
  package var isLive = false

  init(_ path: String, _ kind: Kind, unit: String = "", required: Bool = false, _ meaning: String) {
    self.init(path, kind, "", unit: unit, required: required, meaning)
  }

  init(
    _ path: String, live: Bool = false, _ kind: Kind, _ standard: String, unit: String = "",
    required: Bool = false, _ meaning: String
  ) {
    self.path = path
    self.kind = kind
    self.standard = standard
    self.unit = unit
    self.meaning = meaning
    isRequired = required
    isLive = live
  }

  package var name: String { String(path.split(separator: ".").last ?? "") }

  /// The section it stands in: `ports[]`, or empty at the top.
  package var parent: String {
    path.split(separator: ".").dropLast().joined(separator: ".")
  }

  package static func find(_ path: String) -> SettingsKey {
    guard let key = byPath[path] else { preconditionFailure("\(path) is not declared") }
    return key
  }

  package static func children(of parent: String) -> [SettingsKey] {
    all.filter { $0.parent == parent }
  }

  private static let byPath = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })
}
