extension EVEDocument {
  /// The EVE record that an entry of the flat format stands for (docs/records.md, column `flat`).
  ///
  /// The result is byte for byte what the sensor would have written in EVE, less what the flat form
  /// leaves out (`tunnel.dest_port`, `tunnel.proto`, `sampling.highest_interval`). Fields that this
  /// program does not know, of later sensors, are kept as texts in an object `flat` at the end.
  ///
  /// - Parameters:
  ///   - flatFields: names and values of the entry, in its order.
  ///   - stream: where it stood; its type says which fields there are.
  package init(
    flatFields: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)], stream: StreamName
  ) throws(EVEDocumentError) {
    let layout = FlatLayout.of(type: stream.type)
    var values = [ArraySlice<UInt8>?](repeating: nil, count: layout.names.count)
    var others: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
    for (index, field) in flatFields.enumerated() {
      guard let place = layout.place(of: field.name, guess: index) else {
        others.append(field)
        continue
      }
      guard values[place] == nil else {
        throw EVEDocumentError("field \(Self.quoted(field.name)) stands there twice")
      }
      values[place] = field.value
    }
    guard others.count < flatFields.count else {
      throw EVEDocumentError("none of its fields is one that records have")
    }
    var writer = FlatRecordWriter(layout: layout, values: values, type: stream.type)
    try self.init(writer.write(others: others))
  }

  /// A name from an entry as messages show it: short, and without what a terminal would obey.
  static func quoted(_ bytes: ArraySlice<UInt8>) -> String {
    let text = String(decoding: bytes.prefix(60), as: UTF8.self)
    let plain = text.unicodeScalars.map {
      $0.isASCII && $0.value >= 0x20 && $0.value != 0x7f ? Character($0) : "?"
    }
    return "\"\(String(plain))\(bytes.count > 60 ? "…" : "")\""
  }
}

/// Writes one flat entry as EVE.
private struct FlatRecordWriter {
  let layout: FlatLayout
  let values: [ArraySlice<UInt8>?]
  let type: String
  private var writer = JSONObjectWriter(capacity: 1536)

  init(layout: FlatLayout, values: [ArraySlice<UInt8>?], type: String) {
    self.layout = layout
    self.values = values
    self.type = type
  }

  mutating func write(others: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)])
    throws(EVEDocumentError) -> [UInt8]
  {
    for step in layout.steps { try write(step) }
    for field in others {
      try requireUTF8(field.name, of: field.name)
      writer.key([Array("flat".utf8)], Array(field.name))
      try appendString(field.value, of: field.name)
    }
    return writer.finish()
  }

  private mutating func write(_ step: FlatLayout.Step) throws(EVEDocumentError) {
    let name = layout.names[step.source][...]
    let value = values[step.source] ?? []
    switch step.form {
    case .eventType:
      writer.key(step.parents, step.name)
      if value.isEmpty {
        writer.bytes.appendJSONString(type.utf8)
      } else {
        try appendString(value, of: name)
      }
    case .falseInFlow:
      guard value.isEmpty ? type == "flow" : value.elementsEqual("flow".utf8) else { return }
      writer.key(step.parents, step.name)
      writer.bytes.append(contentsOf: "false".utf8)
    case .tcpFlag(let bit):
      guard let flags = UInt8(String(decoding: value, as: UTF8.self), radix: 16), flags & bit != 0
      else { return }
      writer.key(step.parents, step.name)
      writer.bytes.append(contentsOf: "true".utf8)
    case _ where value.isEmpty: return
    case .string:
      writer.key(step.parents, step.name)
      try appendString(value, of: name)
    case .integer:
      writer.key(step.parents, step.name)
      try appendInteger(value, of: name)
    case .boolean:
      guard value.elementsEqual("true".utf8) || value.elementsEqual("false".utf8) else {
        throw EVEDocumentError(
          "field \(EVEDocument.quoted(name)) is \(EVEDocument.quoted(value)), where it should be true or false"
        )
      }
      writer.key(step.parents, step.name)
      writer.bytes.append(contentsOf: value)
    case .stringList, .integerList: try appendList(value, step, name)
    case .json:
      guard value.first == UInt8(ascii: "{") || value.first == UInt8(ascii: "[") else {
        throw EVEDocumentError("field \(EVEDocument.quoted(name)) is no JSON object or list")
      }
      do throws(EVEDocumentError) {
        _ = try JSONIndexer.index(Array(value))
      } catch {
        throw EVEDocumentError("field \(EVEDocument.quoted(name)): \(error)")
      }
      writer.key(step.parents, step.name)
      writer.bytes.append(contentsOf: value)
    case .members:
      let object: EVEDocument
      do throws(EVEDocumentError) {
        object = try EVEDocument(Array(value))
      } catch {
        throw EVEDocumentError("field \(EVEDocument.quoted(name)): \(error)")
      }
      for member in object.members {
        writer.key([], Array(member.nameBytes))
        writer.bytes.append(contentsOf: member.bytes)
      }
    }
  }

  private mutating func appendList(
    _ value: ArraySlice<UInt8>, _ step: FlatLayout.Step, _ name: ArraySlice<UInt8>
  ) throws(EVEDocumentError) {
    writer.key(step.parents, step.name)
    writer.bytes.append(UInt8(ascii: "["))
    var isFirst = true
    for element in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      if !isFirst { writer.bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      if step.form == .integerList {
        try appendInteger(element, of: name)
      } else {
        try appendString(element, of: name)
      }
    }
    writer.bytes.append(UInt8(ascii: "]"))
  }

  // MARK: Values

  private mutating func appendString(_ value: ArraySlice<UInt8>, of name: ArraySlice<UInt8>)
    throws(EVEDocumentError)
  {
    try requireUTF8(value, of: name)
    writer.bytes.appendJSONString(value)
  }

  private func requireUTF8(_ value: ArraySlice<UInt8>, of name: ArraySlice<UInt8>)
    throws(EVEDocumentError)
  {
    guard value.allSatisfy({ $0 < 0x80 }) || String(validating: value, as: UTF8.self) != nil else {
      throw EVEDocumentError("field \(EVEDocument.quoted(name)) is not UTF-8")
    }
  }

  private mutating func appendInteger(_ value: ArraySlice<UInt8>, of name: ArraySlice<UInt8>)
    throws(EVEDocumentError)
  {
    let digits = value.first == UInt8(ascii: "-") ? value.dropFirst() : value
    guard (1...20).contains(digits.count),
      digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      digits.count == 1 || digits.first != UInt8(ascii: "0")
    else {
      throw EVEDocumentError(
        "field \(EVEDocument.quoted(name)) is \(EVEDocument.quoted(value)), where it should be an integer"
      )
    }
    writer.bytes.append(contentsOf: value)
  }
}
