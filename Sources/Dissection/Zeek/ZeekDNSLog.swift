internal import FlowEngine
package import Records

/// dns.log: a line for each question with its answer, made of hidden records that have both.
package struct ZeekDNSLog: ZeekTableLog {
  package static let type = EventType.dns
  package static let path = "dns"
  static let takesHiddenOnly = true

  static let ownColumns = [
    ZeekEventColumn("proto", "enum"),
    ZeekEventColumn("trans_id", "count", ["id"]),
    ZeekEventColumn("rtt", "interval"),
    ZeekEventColumn("query", "string", ["rrname"], .lowercase),
    ZeekEventColumn("qclass", "count"),
    ZeekEventColumn(
      "qclass_name", "string", ["zeek_qclass", "qclass"], .named(ZeekDNSNames.dnsClass)),
    ZeekEventColumn("qtype", "count"),
    ZeekEventColumn("qtype_name", "string", ["zeek_qtype", "qtype"], .named(ZeekDNSNames.type)),
    ZeekEventColumn("rcode", "count"),
    ZeekEventColumn("rcode_name", "string", ["zeek_rcode", "rcode"], .named(ZeekDNSNames.code)),
    ZeekEventColumn("AA", "bool", ["aa"], absent: "F"),
    ZeekEventColumn("TC", "bool", ["tc"], absent: "F"),
    ZeekEventColumn("RD", "bool", ["rd"], absent: "F"),
    ZeekEventColumn("RA", "bool", ["ra"], absent: "F"),
    ZeekEventColumn("Z", "count", ["z"], absent: "0"),
    ZeekEventColumn("answers", "vector[string]", [], .list),
    ZeekEventColumn("TTLs", "vector[interval]", [], .list),
    ZeekEventColumn("rejected", "bool", absent: "F"),
    ZeekEventColumn("opcode", "count", absent: "0"),
    ZeekEventColumn(
      "opcode_name", "string", ["opcode"], .named(ZeekDNSNames.opcode), absent: "query"),
  ]

  let table: ZeekEventColumns

  package init(_ context: RecordContext) {
    table = ZeekEventColumns(Self.ownColumns, Self.type, context.events)
  }

  private static let proto = 0
  private static let ttls = ownColumns.firstIndex { $0.head.name == "TTLs" }
  private static let opcodeName = ownColumns.count - 1

  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool {
    switch column {
    case Self.proto:
      line.plain(record.head.key.proto == IPProtocol.tcp ? "tcp" : "udp")
      return true
    case Self.ttls: return writeTTLs(tree, to: &line)
    case Self.opcodeName where record.destinationPort == 137 || record.sourcePort == 137:
      guard let place = table.find(column, tree), let code = tree.nodes[place].value.count
      else { return false }
      line.plain(ZeekDNSNames.netBIOSOpcode(code))
      return true
    default: return false
    }
  }

  /// They are whole seconds in the message, and spans of time in the log.
  private func writeTTLs(_ tree: EventTree, to line: inout ZeekLines) -> Bool {
    guard let column = Self.ttls, let place = table.find(column, tree) else { return false }
    var isFirst = true
    tree.forEachChild(of: place) { child in
      if !isFirst { line.plain(",") }
      isFirst = false
      if case .seconds(let nanoseconds) = tree.nodes[child].value {
        line.interval(nanoseconds)
      } else if let seconds = tree.nodes[child].value.count {
        // A TTL has 32 bits (RFC 1035, section 3.2.1).
        line.interval(Int64(min(seconds, UInt64(UInt32.max))) * 1_000_000_000)
      } else {
        line.unset()
      }
    }
    if isFirst { line.unset() }
    return true
  }
}
