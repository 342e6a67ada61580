package import Records

/// ssh.log: a line for each connection.
package struct ZeekSSHLog: ZeekTableLog {
  package static let type = EventType.ssh
  package static let path = "ssh"

  static let ownColumns = [
    ZeekEventColumn("version", "count"),
    ZeekEventColumn("auth_success", "bool"),
    ZeekEventColumn("auth_attempts", "count", absent: "0"),
    ZeekEventColumn("direction", "enum"),
    ZeekEventColumn("client", "string", ["client_banner"]),
    ZeekEventColumn("server", "string", ["server_banner"]),
    ZeekEventColumn("cipher_alg", "string"),
    ZeekEventColumn("mac_alg", "string"),
    ZeekEventColumn("compression_alg", "string"),
    ZeekEventColumn("kex_alg", "string"),
    ZeekEventColumn("host_key_alg", "string"),
    ZeekEventColumn("host_key_fingerprint", "string"),
  ]

  let table: ZeekEventColumns

  package init(_ context: RecordContext) {
    table = ZeekEventColumns(Self.ownColumns, Self.type, context.events)
  }

  private static let direction = 3

  /// By Zeek's default of what is local, where just one end is.
  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool {
    guard column == Self.direction else { return false }
    switch record.head.localEnds {
    case (true, false): line.plain("OUTBOUND")
    case (false, true): line.plain("INBOUND")
    default: line.unset()
    }
    return true
  }
}
