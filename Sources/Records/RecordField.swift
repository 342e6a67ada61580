/// One field of a record: what the reference (docs/records.md) and the schema are held against.
package struct RecordField: Sendable {
  package enum Kind: String, Sendable {
    case string, integer, boolean, timestamp, object
  }

  /// The name in the `fields` format; nil where only EVE has the field.
  package var name: String?
  /// Where EVE has it, from the record's root: `flow.bytes_toserver`; `[]` marks an array and `{}`
  /// an object whose keys are names of counters.
  package var path: String
  package var kind: Kind
  /// `ns`, `µs`, `s`, `bytes`, `packets` …; empty where it has none.
  package var unit: String
  /// Where name and meaning come from: `Suricata`, `Zeek`, `IPFIX`, `Community ID` or `Martlet`.
  package var source: String
  package var meaning: String
  /// `object`: what each element of the list has, by its path within the element.
  package var members: [RecordField]

  init(
    _ name: String?, _ path: String, _ kind: Kind, _ unit: String, _ source: String,
    _ meaning: String, members: [RecordField] = []
  ) {
    self.name = name
    self.path = path
    self.kind = kind
    self.unit = unit
    self.source = source
    self.meaning = meaning
    self.members = members
  }
}
