import Foundation

/// An entry of a record stream.
struct StreamEntry {
  let id: String
  /// Names and values in the order in which they stand in the entry.
  let fields: [(name: String, value: String)]

  subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

  /// The EVE object in the entry's `eve` field.
  func eve() throws -> [String: Any] {
    guard let text = self["eve"] else {
      throw SupportError("entry \(id) has no field eve, but \(fields.map(\.name))")
    }
    guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    else { throw SupportError("entry \(id) is no JSON object: \(text)") }
    return object
  }
}

extension RedisConnection {
  /// Every entry of a stream, oldest first; none where there is no such stream.
  func entries(of stream: String) throws -> [StreamEntry] {
    var entries: [StreamEntry] = []
    var from = "-"
    while true {
      let page = try command("XRANGE", stream, from, "+", "COUNT", "1000").array ?? []
      for item in page {
        guard let pair = item.array, pair.count == 2, let id = pair[0].text,
          let words = pair[1].array?.compactMap(\.text), words.count % 2 == 0
        else { throw SupportError("not a stream entry: \(item)") }
        let fields = stride(from: 0, to: words.count, by: 2).map { (words[$0], words[$0 + 1]) }
        entries.append(StreamEntry(id: id, fields: fields))
      }
      guard let last = entries.last, page.count == 1000 else { return entries }
      from = "(\(last.id)"
    }
  }

  /// The EVE records of a sensor's stream `martlet:{sensor}:type`.
  func records(sensor: String, type: String = "flow") throws -> [[String: Any]] {
    try entries(of: "martlet:{\(sensor)}:\(type)").map { try $0.eve() }
  }
}
