internal import FlowEngine
internal import Records

/// SNMP 1, 2c and 3: a record a message.
enum SNMPDatagrams: DatagramDissector {
  struct State: BitwiseCopyable {
    var getRequests: UInt32 = 0
    var getBulkRequests: UInt32 = 0
    var getResponses: UInt32 = 0
    var setRequests: UInt32 = 0
    /// Datagrams in a row that made no sense.
    var malformed: UInt32 = 0
  }

  /// Variables that a record names; a message of 64 KiB would have some thousand.
  static var mostVariables: Int { 256 }

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard case .header(let head) = BERHeader.read(bytes), head.tag == 0x30,
      head.length >= 8, head.length <= 65_535, head.count &+ head.length >= bytes.count,
      let message = SNMPMessage(bytes)
    else { return .no }
    guard let pdu = message.pdu else { return message.isEncrypted ? .yes : .no }
    guard let tag = pdu.tag, SNMPText.pduType(tag) != nil else { return .no }
    return .yes
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    guard let message = SNMPMessage(bytes) else {
      if missing > 0 { return .more }
      d.note(.appMalformed)
      state.pointee.malformed &+= 1
      return state.pointee.malformed < 3 ? .more : .lost
    }
    state.pointee.malformed = 0
    var w = d.event()
    w.integer(SNMPFields.version, message.version)
    if message.isEncrypted {
      w.text(SNMPFields.pduType, "encrypted")
    } else if let pdu = message.pdu {
      let isWhole = write(pdu, &w, state)
      if !isWhole && missing == 0 { d.note(.appMalformed) }
    }
    if message.hasCommunity { w.text(SNMPFields.community, Redactor.mask) }
    if message.version == 3 { write(message, &w) }
    writeCounts(&w, state.pointee)
    w.incomplete(missing: missing)
    d.emit(.snmp, w, toServer: d.isToServer, transaction: d.nextTransaction())
    return .more
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {}

  // MARK: Parts

  private static func write(_ message: SNMPMessage, _ w: inout EventWriter) {
    if !message.user.isEmpty { w.string(SNMPFields.usm, message.user) }
    w.integer(SNMPFields.messageID, message.messageID)
    if !message.engineID.isEmpty {
      w.hex(SNMPFields.engineID, message.engineID)
      w.integer(SNMPFields.engineBoots, message.engineBoots)
      w.integer(SNMPFields.engineTime, message.engineTime)
    }
    w.boolean(SNMPFields.isAuthenticated, message.flags & 1 != 0)
    if !message.contextName.isEmpty { w.string(SNMPFields.contextName, message.contextName) }
  }

  private static func writeCounts(_ w: inout EventWriter, _ state: State) {
    w.beginObject(SNMPFields.counts)
    w.integer(SNMPFields.getRequests, state.getRequests)
    w.integer(SNMPFields.getBulkRequests, state.getBulkRequests)
    w.integer(SNMPFields.getResponses, state.getResponses)
    w.integer(SNMPFields.setRequests, state.setRequests)
    w.end()
  }

  /// RFC 3416, 3, and RFC 1157, 4.1.6 for the trap of version 1. False where it ends too early.
  private static func write(
    _ reader: BERReader, _ w: inout EventWriter, _ state: UnsafeMutablePointer<State>
  ) -> Bool {
    var reader = reader
    guard let tag = reader.tag, let name = SNMPText.pduType(tag) else { return false }
    w.text(SNMPFields.pduType, name)
    switch tag {
    case 0xa0, 0xa1: state.pointee.getRequests &+= 1
    case 0xa2: state.pointee.getResponses &+= 1
    case 0xa3: state.pointee.setRequests &+= 1
    case 0xa5: state.pointee.getBulkRequests &+= 1
    default: break
    }
    guard var pdu = reader.enterCut(tag) else { return false }
    if tag == 0xa4 {
      guard writeTrap(&pdu, &w) else { return false }
    } else {
      guard let id = pdu.integer(), let first = pdu.integer(), let second = pdu.integer() else {
        return false
      }
      w.integer(SNMPFields.requestID, id)
      if tag == 0xa5 {
        w.integer(SNMPFields.nonRepeaters, first)
        w.integer(SNMPFields.maxRepetitions, second)
      } else if first != 0 {
        w.text(SNMPFields.error, SNMPText.error(first))
        w.integer(SNMPFields.errorIndex, second)
      }
    }
    guard var list = pdu.enterCut(0x30) else { return false }
    return writeVariables(&list, &w)
  }

  private static func writeTrap(_ pdu: inout BERReader, _ w: inout EventWriter) -> Bool {
    guard let enterprise = pdu.next(0x06), let address = pdu.next(0x40),
      let generic = pdu.integer(), let specific = pdu.integer(), pdu.next(0x43) != nil
    else { return false }
    w.text(SNMPFields.trapType, SNMPText.trap(generic))
    w.identifier(SNMPFields.trapOID, enterprise.content)
    w.address(SNMPFields.trapAddress, address.content)
    w.integer(SNMPFields.specificTrap, specific)
    return true
  }

  private static func writeVariables(_ list: inout BERReader, _ w: inout EventWriter) -> Bool {
    if list.isAtEnd { return true }
    var count = 0
    var isWhole = true
    w.beginArray(SNMPFields.vars)
    while !list.isAtEnd, count < mostVariables {
      guard var variable = list.enterCut(0x30), let name = variable.next(0x06) else {
        isWhole = false
        break
      }
      w.identifier(SNMPFields.vars, name.content)
      count &+= 1
    }
    w.end()
    return isWhole
  }
}

extension EventWriter {
  /// An object identifier in the usual form; empty where it makes no sense.
  fileprivate mutating func identifier(_ field: EventField, _ content: Bytes) {
    string(field) { if !$0.identifier(content) { $0.clear() } }
  }
}
