package import Records

/// quic.log: a line for each connection, made of hidden records.
package struct ZeekQUICLog: ZeekTableLog {
  package static let type = EventType.quic
  package static let path = "quic"
  static let takesHiddenOnly = true

  static let ownColumns = [
    ZeekEventColumn("version", "string", ["version"], .named(version)),
    ZeekEventColumn("client_initial_dcid", "string", ["client_initial_dcid"]),
    ZeekEventColumn("client_scid", "string", ["client_scid"]),
    ZeekEventColumn("server_scid", "string", ["server_scid"]),
    ZeekEventColumn("server_name", "string", ["server_name"]),
    ZeekEventColumn("client_protocol", "string", ["client_protocol"]),
    ZeekEventColumn("history", "string", ["history"]),
  ]

  /// RFC 9000 and RFC 9369, and the drafts.
  @Sendable private static func version(_ number: UInt64) -> String {
    switch number {
    case 1: return "1"
    case 0x6b33_43cf: return "quicv2"
    case 0xff00_0001...0xff00_00ff: return "draft-\(number & 0xff)"
    default: return "unknown-\(hexadecimal(number))"
    }
  }

  private static func hexadecimal(_ number: UInt64) -> String { String(number, radix: 16) }

  let table: ZeekEventColumns

  package init(_ context: RecordContext) {
    table = ZeekEventColumns(Self.ownColumns, Self.type, context.events)
  }

  private static let identifiers = 1...3

  /// A connection identifier of no bytes is empty, and not unset.
  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool {
    guard Self.identifiers.contains(column), let place = table.find(column, tree),
      case .hex(let bytes, _) = tree.nodes[place].value, bytes.isEmpty
    else { return false }
    line.plain("(empty)")
    return true
  }
}
