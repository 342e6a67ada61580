import Synchronization

/// What parameters' checks tell whoever derives a schema from their types; see ``ParameterCheck``.
///
/// A type is decoded from a decoder that has nothing and writes down what it is asked for. Ranges and lists
/// of words are not among that: they are checked behind the decoder's back, so the checks note them here.
package final class SchemaNotes: Sendable {
  package struct Note: Equatable, Sendable {
    package var minimum: String?
    package var maximum: String?
    package var words: [String]?
    /// What holds where nothing is given.
    package var standard: String?
  }

  private let collected = Mutex<[String: Note]>([:])
  package var notes: [String: Note] { collected.withLock { $0 } }

  /// Of the type that is being looked at on this thread; nil where parameters are read for a call.
  @TaskLocal package static var current: SchemaNotes?

  package init() {}

  func note(_ name: String, _ note: Note) { collected.withLock { $0[name] = note } }
}

/// A type whose JSON has a form that its decoder cannot tell.
package protocol SchemaProviding {
  static var jsonSchema: JSONValue { get }
}

extension JSONValue: SchemaProviding {
  /// Anything.
  package static var jsonSchema: JSONValue { .object([]) }
}

extension TuningValue: SchemaProviding {
  package static var jsonSchema: JSONValue { ["type": ["number", "string"]] }
}
