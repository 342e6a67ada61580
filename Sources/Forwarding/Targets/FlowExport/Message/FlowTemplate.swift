/// The template of a shape.
struct FlowTemplate {
  let id: UInt16
  let elements: [InformationElement]
  /// The template record: RFC 3954 section 5.2, RFC 7011 section 3.4.1.
  let record: [UInt8]

  init(_ shape: FlowShape, _ settings: FlowExportSettings) {
    id = shape.templateID
    elements = shape.elements(settings)
    var record: [UInt8] = []
    record.append(network: id)
    record.append(network: UInt16(elements.count))
    for element in elements {
      Self.append(element.id, element.bytes, element.enterprise, to: &record)
    }
    self.record = record
  }

  /// A field specifier (RFC 7011 section 3.2).
  static func append(
    _ id: UInt16, _ bytes: UInt16?, _ enterprise: UInt32? = nil, to record: inout [UInt8]
  ) {
    record.append(network: enterprise == nil ? id : id | 0x8000)
    record.append(network: bytes ?? .max)
    if let enterprise { record.append(network: enterprise) }
  }
}
