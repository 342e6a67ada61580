/// Where in an EVE record a value stands: `flow.bytes_toserver`, `dns.query.rrname`.
///
/// Made once and used for many records.
package struct EVEPath: Hashable, Sendable, CustomStringConvertible {
  package let names: [String]
  let keys: [JSONKey]

  package init(_ text: String) { self.init(names: text.split(separator: ".").map(String.init)) }

  package init(names: [String]) {
    self.names = names
    keys = names.map { JSONKey($0) }
  }

  package var description: String { names.joined(separator: ".") }
}
