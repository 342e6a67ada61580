package import Records

/// ssl.log: a line for each handshake, finished or not.
package struct ZeekSSLLog: ZeekTableLog {
  package static let type = EventType.tls
  package static let path = "ssl"

  static let ownColumns = [
    ZeekEventColumn("version", "string", [], .named(version)),
    ZeekEventColumn("cipher", "string", ["cipher"]),
    ZeekEventColumn("curve", "string", ["curve"]),
    ZeekEventColumn("server_name", "string", ["sni"]),
    ZeekEventColumn("resumed", "bool", ["session_resumed"], absent: "F"),
    ZeekEventColumn("last_alert", "string", ["last_alert"]),
    ZeekEventColumn("next_protocol", "string", ["server_alpns"], .first),
    ZeekEventColumn("established", "bool", ["established"], absent: "F"),
    ZeekEventColumn("ssl_history", "string", ["ssl_history"]),
    ZeekEventColumn("cert_chain_fps", "vector[string]", [], .list),
    ZeekEventColumn("client_cert_chain_fps", "vector[string]", [], .list),
    ZeekEventColumn("sni_matches_cert", "bool", ["sni_matches_cert"]),
  ]

  @Sendable private static func version(_ number: UInt64) -> String {
    switch number {
    case 0x0002: "SSLv2"
    case 0x0300: "SSLv3"
    case 0x0301: "TLSv10"
    case 0x0302: "TLSv11"
    case 0x0303: "TLSv12"
    case 0x0304: "TLSv13"
    case 0x7f00...0x7fff: "TLSv13-draft\(number & 0xff)"
    default: "unknown-\(number)"
    }
  }

  let table: ZeekEventColumns

  package init(_ context: RecordContext) {
    table = ZeekEventColumns(Self.ownColumns, Self.type, context.events)
  }

  private static let serverChain = ownColumns.firstIndex { $0.head.name == "cert_chain_fps" } ?? -1
  private static let clientChain = serverChain + 1

  /// Where there are certificates at all, the client's are none rather than unset.
  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool {
    guard column == Self.clientChain, table.find(column, tree) == nil,
      table.find(Self.serverChain, tree) != nil
    else { return false }
    line.plain("(empty)")
    return true
  }
}
