internal import FlowEngine
package import Records

/// dhcp.log: a line for each conversation, which is all messages with one transaction's number within a short
/// time, whatever flows they came in.
///
/// As in Zeek a conversation is over when nothing has come for 5 s, after 30 s, with ten flows or with fifty
/// messages; at the most ``most`` are waited for, beyond it the oldest is written as it is.
package struct ZeekDHCPLog: EventLog {
  package static let type = EventType.dhcp
  package static let path = "dhcp"

  package static let columns = [
    ZeekColumnHead("ts", "time"), ZeekColumnHead("uids", "set[string]"),
    ZeekColumnHead("client_addr", "addr"), ZeekColumnHead("server_addr", "addr"),
    ZeekColumnHead("mac", "string"), ZeekColumnHead("host_name", "string"),
    ZeekColumnHead("client_fqdn", "string"), ZeekColumnHead("domain", "string"),
    ZeekColumnHead("requested_addr", "addr"), ZeekColumnHead("assigned_addr", "addr"),
    ZeekColumnHead("lease_time", "interval"), ZeekColumnHead("client_message", "string"),
    ZeekColumnHead("server_message", "string"), ZeekColumnHead("msg_types", "vector[string]"),
    ZeekColumnHead("duration", "interval"),
  ]

  static let most = 4096

  /// What is known of a conversation so far.
  private struct Conversation {
    var began: Int64
    var latest: Int64
    var number: UInt64
    var flows: [EventHead] = []
    var clientAddress: IPAddress?
    var serverAddress: IPAddress?
    var mac: [UInt8]?
    var clientMAC: [UInt8]?
    var hostName: [UInt8]?
    var clientName: [UInt8]?
    var domain: [UInt8]?
    var requested: IPAddress?
    var assigned: IPAddress?
    var leaseSeconds: UInt64?
    var clientMessage: [UInt8]?
    var serverMessage: [UInt8]?
    var messages: [[UInt8]] = []
  }

  private var conversations: [UInt64: Conversation] = [:]
  private var nextLook = Int64.min
  private let id, messageType, clientMAC, clientID, clientIDType, hostName, clientName,
    domain: [EventField]
  private let requested, assigned, lease, message: [EventField]

  package init(_ context: RecordContext) {
    func fields(_ names: String...) -> [EventField] {
      names.compactMap { context.events.field(.dhcp, $0) }
    }
    id = fields("id")
    messageType = fields("zeek_msg_type", "dhcp_type")
    clientMAC = fields("client_mac")
    clientID = fields("client_id")
    clientIDType = fields("client_id_type")
    hostName = fields("zeek_host_name", "hostname")
    clientName = fields("zeek_client_fqdn", "client_fqdn")
    domain = fields("zeek_domain", "domain", "domain_name")
    requested = fields("zeek_requested_addr", "requested_ip")
    assigned = fields("zeek_assigned_addr", "assigned_ip")
    lease = fields("zeek_lease_time", "lease_time")
    message = fields("zeek_message", "message")
  }

  package mutating func take(
    _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) {
    func value(_ fields: [EventField]) -> EventReader.Value? {
      fields.lazy.compactMap { tree.find($0) }.first.map { tree.nodes[$0].value }
    }
    guard let id = value(id)?.count else { return }
    writeOver(at: record.head.time, to: &line)
    if conversations[id] == nil && conversations.count >= Self.most { writeOldest(to: &line) }
    var known =
      conversations[id]
      ?? Conversation(began: record.head.time, latest: record.head.time, number: id)
    known.latest = record.head.time
    let head = record.head
    if !known.flows.contains(where: { Self.isSameFlow($0, head) }) { known.flows.append(head) }
    if let type = Self.text(value(messageType)) {
      known.messages.append(type.map { (97...122).contains($0) ? $0 - 32 : $0 })
    }
    let isOriginators =
      record.source == head.originator && record.sourcePort == head.originatorPort
    let isClients =
      isOriginators
      && (head.originator == IPAddress(v4: 0) || head.originatorPort == 68
        || head.responderPort == 67)
    let message = Self.text(value(message))
    if isClients {
      known.clientMessage = message ?? known.clientMessage
      if head.originator != IPAddress(v4: 0) && head.originator != IPAddress(v4: .max) {
        known.clientAddress = head.originator
      }
      known.hostName = Self.text(value(hostName)) ?? known.hostName
      known.clientName = Self.text(value(clientName)) ?? known.clientName
      // Option 61 with the hardware type of Ethernet (RFC 2132, section 9.14).
      if value(clientIDType)?.count == 1, let identifier = Self.text(value(clientID)) {
        known.mac = identifier
      } else {
        known.clientMAC = Self.text(value(clientMAC)) ?? known.clientMAC
      }
      known.requested = Self.address(value(requested)) ?? known.requested
    } else {
      known.serverMessage = message ?? known.serverMessage
      if let assigned = Self.address(value(assigned)), assigned != IPAddress(v4: 0) {
        known.assigned = assigned
        known.serverAddress = isOriginators ? head.originator : head.responder
      }
      if known.mac == nil { known.mac = Self.text(value(clientMAC)) }
      known.clientAddress = known.clientAddress ?? known.assigned
      known.domain = Self.text(value(domain)) ?? known.domain
      if let seconds = value(lease)?.count { known.leaseSeconds = seconds }
    }
    if known.flows.count >= 10 || known.messages.count >= 50 {
      conversations[id] = nil
      write(known, to: &line)
    } else {
      conversations[id] = known
    }
  }

  package mutating func finish(to line: inout ZeekLines) {
    for known in ordered({ _ in true }) { write(known, to: &line) }
    conversations = [:]
  }

  // MARK: Ends

  /// Those that nothing more is expected of; it is looked for once a second.
  private mutating func writeOver(at now: Int64, to line: inout ZeekLines) {
    let second: Int64 = 1_000_000_000
    guard now >= nextLook else { return }
    nextLook = now &+ second
    // Times may lie anywhere: a difference that wraps is at worst a conversation cut in two.
    let over = ordered { known in
      now &- known.began > 10 * second
        && (now &- known.latest > 5 * second || now &- known.began > 30 * second)
    }
    for known in over {
      conversations[known.number] = nil
      write(known, to: &line)
    }
  }

  private mutating func writeOldest(to line: inout ZeekLines) {
    guard let oldest = ordered({ _ in true }).first else { return }
    conversations[oldest.number] = nil
    write(oldest, to: &line)
  }

  private func ordered(_ isMeant: (Conversation) -> Bool) -> [Conversation] {
    conversations.values.filter(isMeant).sorted {
      ($0.began, $0.number) < ($1.began, $1.number)
    }
  }

  private func write(_ known: Conversation, to line: inout ZeekLines) {
    line.next()
    line.time(known.began)
    line.next()
    for (place, head) in known.flows.enumerated() {
      if place > 0 { line.plain(",") }
      line.uid(head)
    }
    address(&line, known.clientAddress)
    address(&line, known.serverAddress)
    line.next()
    if let mac = known.mac ?? known.clientMAC {
      mac.withUnsafeBytes { line.hex($0, colons: true) }
    } else {
      line.unset()
    }
    text(&line, known.hostName)
    text(&line, known.clientName)
    text(&line, known.domain)
    address(&line, known.requested)
    address(&line, known.assigned)
    line.next()
    if let seconds = known.leaseSeconds {
      // A lease has 32 bits (RFC 2132, section 9.2).
      line.interval(Int64(min(seconds, UInt64(UInt32.max))) * 1_000_000_000)
    } else {
      line.unset()
    }
    text(&line, known.clientMessage)
    text(&line, known.serverMessage)
    line.next()
    for (place, type) in known.messages.enumerated() {
      if place > 0 { line.plain(",") }
      type.withUnsafeBytes { line.string($0, inList: true) }
    }
    if known.messages.isEmpty { line.plain("(empty)") }
    line.next()
    line.interval(known.latest &- known.began)
    line.end()
  }

  private func address(_ line: inout ZeekLines, _ address: IPAddress?) {
    line.next()
    if let address { line.address(address) } else { line.unset() }
  }

  private func text(_ line: inout ZeekLines, _ text: [UInt8]?) {
    line.next()
    if let text { text.withUnsafeBytes { line.string($0) } } else { line.unset() }
  }

  // MARK: Values

  private static func isSameFlow(_ a: EventHead, _ b: EventHead) -> Bool {
    a.key == b.key && a.firstSeen == b.firstSeen && a.flowOrdinal == b.flowOrdinal
  }

  private static func text(_ value: EventReader.Value?) -> [UInt8]? {
    switch value {
    case .string(let bytes), .hex(let bytes, _): Array(bytes)
    default: nil
    }
  }

  private static func address(_ value: EventReader.Value?) -> IPAddress? {
    if case .address(let address, _)? = value { address } else { nil }
  }
}
