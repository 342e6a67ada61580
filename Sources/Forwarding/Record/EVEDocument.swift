package import ControlAPI

/// Why an entry of a stream is no EVE record.
package struct EVEDocumentError: Error, Sendable, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// An EVE record: the bytes of its JSON object, and where in them its values stand.
///
/// Reading checks all of it (RFC 8259, UTF-8, no member twice, 64 levels at the most) and makes no
/// value; those are made when they are asked for.
package struct EVEDocument: Sendable {
  /// The JSON, without a line end.
  package let bytes: [UInt8]
  let nodes: [JSONNode]

  /// Reads one JSON object.
  package init(_ bytes: [UInt8]) throws(EVEDocumentError) {
    nodes = try JSONIndexer.index(bytes)
    guard nodes[0].kind == .object else { throw EVEDocumentError("JSON, but not an object") }
    self.bytes = bytes
  }

  // MARK: Values by path

  /// The object with all that is in it, made anew each time: for few records, not for many.
  package var root: JSONValue { JSONElement(self, 0).value }

  /// The members of the record, in their order.
  package var members: JSONChildren { JSONElement(self, 0).children }

  /// What stands at a path; nil where there is nothing. Lists on the way are not looked into.
  package func element(_ path: EVEPath) -> JSONElement? {
    var index = 0
    for key in path.keys {
      guard let found = member(key, of: index) else { return nil }
      index = found
    }
    return JSONElement(self, index)
  }

  /// The value at a path; nil where there is none.
  package func value(_ path: EVEPath) -> JSONValue? { element(path)?.value }
  /// The text at a path; nil where there is none, or something else.
  package func text(_ path: EVEPath) -> String? { element(path)?.string }
  /// The whole number at a path; nil where there is none, or one that does not fit.
  package func integer(_ path: EVEPath) -> Int64? { element(path)?.integer }
  package func unsigned(_ path: EVEPath) -> UInt64? { element(path)?.unsigned }
  /// The number at a path; nil where there is none.
  package func double(_ path: EVEPath) -> Double? { element(path)?.double }
  /// What is true or false at a path; nil where there is nothing, or something else.
  package func boolean(_ path: EVEPath) -> Bool? { element(path)?.boolean }

  /// The node of an object's member.
  func member(_ key: JSONKey, of object: Int) -> Int? {
    nodes.withUnsafeBufferPointer { nodes in
      guard nodes[object].kind == .object else { return nil }
      let end = Int(nodes[object].next)
      var index = object + 1
      while index < end {
        let node = nodes[index]
        if node.keyHash == key.hash, isName(node, key) { return index }
        index = Int(node.next)
      }
      return nil
    }
  }

  private func isName(_ node: JSONNode, _ key: JSONKey) -> Bool {
    let raw = bytes[node.keyRange]
    return node.flags & JSONNode.Flags.keyHasEscapes != 0
      ? JSONText.unescaped(raw) == key.bytes : raw.elementsEqual(key.bytes)
  }
}
