package import ControlAPI

/// Why an entry of a stream is no EVE record.
package struct EVEDocumentError: Error, Sendable, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// Where in an EVE record a value stands: `flow.bytes_toserver`, `dns.query.rrname`.
package struct EVEPath: Hashable, Sendable, CustomStringConvertible {
  package let names: [String]

  package init(_ text: String) { names = text.split(separator: ".").map(String.init) }

  package var description: String { names.joined(separator: ".") }
}

/// An EVE record: the bytes of its JSON object, and the values in it.
package struct EVEDocument: Sendable {
  /// The JSON, without a line end.
  package let bytes: [UInt8]
  /// The object.
  package let root: JSONValue

  /// Reads one JSON object.
  package init(_ bytes: [UInt8]) throws(EVEDocumentError) {
    self.bytes = bytes
    do throws(JSONParseError) {
      root = try JSONParser.parse(bytes[...])
    } catch {
      throw EVEDocumentError("not JSON: \(error)")
    }
    guard case .object = root else { throw EVEDocumentError("JSON, but not an object") }
  }

  /// The value at a path; nil where there is none.
  package func value(_ path: EVEPath) -> JSONValue? {
    var value = root
    for name in path.names {
      guard let member = value[name] else { return nil }
      value = member
    }
    return value
  }

  package func text(_ path: EVEPath) -> String? {
    if case .string(let text)? = value(path) { return text }
    return nil
  }
}
