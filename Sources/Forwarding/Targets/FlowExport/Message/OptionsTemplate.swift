/// What an exporter tells of itself: RFC 3954 section 6.1, RFC 7011 section 3.4.2.
enum OptionsTemplate: CaseIterable {
  /// Of an observation domain: its name and what has been exported of it.
  case exporter
  /// The name of an interface.
  case interface

  var id: UInt16 { FlowShape.endOfTemplateIDs + (self == .exporter ? 0 : 1) }

  /// Of an interface's name in NetFlow v9, which has no strings of variable length.
  static let interfaceNameBytes = 32

  /// The template's record.
  func record(_ exportProtocol: FlowExportProtocol) -> [UInt8] {
    var record: [UInt8] = []
    record.append(network: id)
    var fields: [(id: UInt16, bytes: UInt16?)]
    switch (exportProtocol, self) {
    // The scope comes first: v9's own types 1 (System) and 2 (Interface), or elements.
    case (.netflow9, .exporter): fields = [(1, 4), (41, 8), (42, 8), (40, 8)]
    case (.netflow9, .interface): fields = [(2, 4), (82, UInt16(Self.interfaceNameBytes))]
    case (.ipfix, .exporter): fields = [(149, 4), (300, nil), (41, 8), (42, 8), (40, 8)]
    case (.ipfix, .interface): fields = [(10, 4), (82, nil)]
    }
    switch exportProtocol {
    case .netflow9:
      // Bytes of the scope's specifiers, and of the others.
      record.append(network: UInt16(4))
      record.append(network: UInt16(4 * (fields.count - 1)))
    case .ipfix:
      record.append(network: UInt16(fields.count))
      record.append(network: UInt16(1))
    }
    for field in fields { FlowTemplate.append(field.id, field.bytes, to: &record) }
    return record
  }
}
