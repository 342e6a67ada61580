internal import FlowEngine
package import Records

/// smtp.log: a line for each mail, and for a connection that had none.
package struct ZeekSMTPLog: ZeekTableLog {
  package static let type = EventType.smtp
  package static let path = "smtp"

  static let ownColumns = [
    ZeekEventColumn("trans_depth", "count", absent: "1"),
    ZeekEventColumn("helo", "string", ["helo"]),
    ZeekEventColumn("mailfrom", "string", ["mail_from"], .mailbox),
    ZeekEventColumn("rcptto", "set[string]", ["rcpt_to"], .mailbox),
    ZeekEventColumn("date", "string", ["date"]),
    ZeekEventColumn("from", "string", ["from"]),
    ZeekEventColumn("to", "set[string]", ["to"], .list),
    ZeekEventColumn("cc", "set[string]", ["cc"], .list),
    ZeekEventColumn("reply_to", "string", ["reply_to"]),
    ZeekEventColumn("msg_id", "string", ["message_id"]),
    ZeekEventColumn("in_reply_to", "string", ["in_reply_to"]),
    ZeekEventColumn("subject", "string", ["subject_raw", "subject"]),
    ZeekEventColumn("x_originating_ip", "addr", ["x_originating_ip"]),
    ZeekEventColumn("first_received", "string"),
    ZeekEventColumn("second_received", "string"),
    ZeekEventColumn("last_reply", "string"),
    ZeekEventColumn("path", "vector[addr]", [], .list),
    ZeekEventColumn("user_agent", "string", ["user_agent", "x_mailer"]),
    ZeekEventColumn("tls", "bool", absent: "F"),
    ZeekEventColumn("fuids", "vector[string]"),
  ]

  let table: ZeekEventColumns
  private let files: EventField?
  private let emailField: EventField?
  private let receivedField: EventField?

  package init(_ context: RecordContext) {
    table = ZeekEventColumns(Self.ownColumns, Self.type, context.events, in: ["smtp", "email"])
    files = context.events.field(.smtp, "zeek_files")
    emailField = context.events.field(.smtp, "email")
    receivedField = context.events.field(.smtp, "received")
  }

  private static func number(_ name: String) -> Int {
    ownColumns.firstIndex { $0.head.name == name } ?? -1
  }
  private static let fuids = number("fuids")
  private static let pathColumn = number("path")
  private static let originatingIP = number("x_originating_ip")
  private static let firstReceived = number("first_received")
  private static let secondReceived = number("second_received")

  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool {
    switch column {
    case Self.fuids: writeFiles(record, tree, to: &line)
    case Self.pathColumn: writePath(record, tree, to: &line)
    case Self.originatingIP:
      guard let place = table.find(column, tree), case .string(let text) = tree.nodes[place].value,
        let address = MailAddresses.addresses(in: text).first
      else {
        line.unset()
        return true
      }
      line.address(address)
    case Self.firstReceived: writeReceived(0, tree, to: &line)
    case Self.secondReceived: writeReceived(1, tree, to: &line)
    default: return false
    }
    return true
  }

  private func writeFiles(_ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines) {
    let count = tree.integer(files) ?? 0
    if count == 0 { line.plain("(empty)") }
    for number in 0..<min(count, 64) {
      if number > 0 { line.plain(",") }
      line.fuid(record.head, toServer: true, number: number)
    }
  }

  /// The header's Received fields in their order, which is from the last host to the first.
  private func received(_ tree: EventTree) -> [UnsafeRawBufferPointer] {
    guard let field = receivedField, let email = tree.find(emailField),
      let list = tree.find(field, in: email)
    else { return [] }
    var texts: [UnsafeRawBufferPointer] = []
    tree.forEachChild(of: list) { place in
      if case .string(let text) = tree.nodes[place].value { texts.append(text) }
    }
    return texts
  }

  /// Counted from the end: the first host's is the last.
  private func writeReceived(_ number: Int, _ tree: EventTree, to line: inout ZeekLines) {
    let texts = received(tree)
    if number < texts.count {
      line.string(texts[texts.count - 1 - number])
    } else {
      line.unset()
    }
  }

  /// The hosts that have had the mail, as far as Zeek follows them: this connection's ends, then whom the
  /// Received fields name, up to the first that is not a local one.
  private func writePath(_ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines) {
    var path = [record.head.responder, record.head.originator]
    for text in received(tree) {
      let found = MailAddresses.addresses(in: text)
      guard let host = found.count > 1 ? found[1] : found.first else { continue }
      if path.last != host { path.append(host) }
      if !host.isLocalToZeek { break }
    }
    for (place, host) in path.enumerated() {
      if place > 0 { line.plain(",") }
      line.address(host)
    }
  }
}

/// Addresses in the text of a mail's header.
enum MailAddresses {
  /// IPv4 addresses in dotted form, in their order.
  static func addresses(in text: UnsafeRawBufferPointer) -> [IPAddress] {
    var found: [IPAddress] = []
    var place = 0
    while place < text.count {
      guard isDigit(text[place]) else {
        place += 1
        continue
      }
      let end = text[place...].firstIndex { !isDigit($0) && $0 != UInt8(ascii: ".") } ?? text.count
      let isWord = place > 0 && isLetter(text[place - 1]) || end < text.count && isLetter(text[end])
      if !isWord, let address = dotted(text[place..<end]) { found.append(address) }
      place = end
    }
    return found
  }

  private static func dotted(_ text: Slice<UnsafeRawBufferPointer>) -> IPAddress? {
    var value: UInt32 = 0
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    for part in parts {
      guard (1...3).contains(part.count) else { return nil }
      let number = part.reduce(0) { $0 * 10 + UInt32($1 - UInt8(ascii: "0")) }
      guard number < 256 else { return nil }
      value = value << 8 | number
    }
    return IPAddress(v4: value)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (97...122).contains(byte | 0x20) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }
}
