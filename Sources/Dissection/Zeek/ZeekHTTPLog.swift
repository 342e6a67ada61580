package import Records

/// http.log: a line for each request with its response, or for one of them where the other is not there.
package struct ZeekHTTPLog: ZeekTableLog {
  package static let type = EventType.http
  package static let path = "http"

  static let ownColumns = [
    ZeekEventColumn("trans_depth", "count", absent: "1"),
    ZeekEventColumn("method", "string", ["http_method"]),
    ZeekEventColumn("host", "string"),
    ZeekEventColumn("uri", "string", ["url"]),
    ZeekEventColumn("referrer", "string", ["http_refer"]),
    ZeekEventColumn("version", "string"),
    ZeekEventColumn("user_agent", "string", ["http_user_agent"]),
    ZeekEventColumn("origin", "string", ["origin"]),
    ZeekEventColumn(
      "request_body_len", "count", ["request_decoded_length", "request_body_length"], absent: "0"),
    ZeekEventColumn(
      "response_body_len", "count", ["response_decoded_length", "response_body_length"], absent: "0"
    ),
    ZeekEventColumn("status_code", "count", ["status"]),
    ZeekEventColumn("status_msg", "string"),
    ZeekEventColumn("info_code", "count"),
    ZeekEventColumn("info_msg", "string"),
    ZeekEventColumn("tags", "set[enum]", absent: "(empty)"),
    ZeekEventColumn("username", "string", ["username"]),
    ZeekEventColumn("password", "string"),
    ZeekEventColumn("proxied", "set[string]", [], .list),
    ZeekEventColumn("orig_fuids", "vector[string]"),
    ZeekEventColumn("orig_filenames", "vector[string]", ["orig_filename"], .list),
    ZeekEventColumn("orig_mime_types", "vector[string]", ["request_mimetype"], .list),
    ZeekEventColumn("resp_fuids", "vector[string]"),
    ZeekEventColumn("resp_filenames", "vector[string]", ["resp_filename"], .list),
    ZeekEventColumn("resp_mime_types", "vector[string]", ["response_mimetype"], .list),
  ]

  let table: ZeekEventColumns
  private let originatorFiles: EventField?
  private let responderFiles: EventField?

  package init(_ context: RecordContext) {
    table = ZeekEventColumns(Self.ownColumns, Self.type, context.events)
    originatorFiles = context.events.field(.http, "zeek_orig_files")
    responderFiles = context.events.field(.http, "zeek_resp_files")
  }

  private static func number(_ name: String) -> Int {
    ownColumns.firstIndex { $0.head.name == name } ?? -1
  }
  private static let originatorFUIDs = number("orig_fuids")
  private static let responderFUIDs = number("resp_fuids")
  private static let requestBody = number("request_body_len")
  private static let responseBody = number("response_body_len")
  private static let password = number("password")
  private static let uri = number("uri")
  private static let method = number("method")
  private static let proxied = number("proxied")

  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool {
    switch column {
    case Self.originatorFUIDs:
      return writeFiles(originatorFiles, Self.requestBody, true, record, tree, to: &line)
    case Self.responderFUIDs:
      return writeFiles(responderFiles, Self.responseBody, false, record, tree, to: &line)
    case Self.password:
      // No password is in a record.
      line.unset()
      return true
    case Self.uri: return writeURI(tree, to: &line)
    case Self.proxied: return writeProxied(tree, to: &line)
    default: return false
    }
  }

  /// The target with what it has in percents decoded (Zeek's `unescaped_URI`); empty, not unset, where a
  /// request has none.
  private func writeURI(_ tree: EventTree, to line: inout ZeekLines) -> Bool {
    guard let place = table.find(Self.uri, tree) else {
      guard table.find(Self.method, tree) != nil else { return false }
      line.plain("(empty)")
      return true
    }
    guard case .string(let text) = tree.nodes[place].value else { return false }
    var decoded: [UInt8] = []
    var at = 0
    while at < text.count {
      if text[at] == UInt8(ascii: "%"), at + 2 < text.count,
        let high = Self.digit(text[at + 1]), let low = Self.digit(text[at + 2])
      {
        decoded.append(high << 4 | low)
        at += 3
      } else {
        decoded.append(text[at])
        at += 1
      }
    }
    decoded.withUnsafeBytes { line.string($0) }
    return true
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46, 0x61...0x66: (byte & 0xf) + 9
    default: nil
    }
  }

  /// Zeek has the names of fields in upper case.
  private func writeProxied(_ tree: EventTree, to line: inout ZeekLines) -> Bool {
    guard let place = table.find(Self.proxied, tree) else { return false }
    var isFirst = true
    tree.forEachChild(of: place) { child in
      guard case .string(let text) = tree.nodes[child].value else { return }
      if !isFirst { line.plain(",") }
      isFirst = false
      let name = text.firstIndex(of: UInt8(ascii: " ")) ?? text.count
      let upper = text.enumerated().map { at, byte in
        at < name && byte &- 0x61 < 26 ? byte & 0xdf : byte
      }
      upper.withUnsafeBytes { line.string($0, inList: true) }
    }
    if isFirst { line.plain("(empty)") }
    return true
  }

  /// Each body is a file where nothing else is said.
  private func writeFiles(
    _ counted: EventField?, _ bodyColumn: Int, _ toServer: Bool, _ record: EventRecord,
    _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool {
    var count = tree.integer(counted)
    if count == nil, let place = table.find(bodyColumn, tree),
      let length = tree.nodes[place].value.count
    {
      count = length > 0 ? 1 : 0
    }
    guard let count, count > 0 else {
      line.unset()
      return true
    }
    for number in 0..<min(count, 16) {
      if number > 0 { line.plain(",") }
      line.fuid(record.head, toServer: toServer, number: number)
    }
    return true
  }
}
