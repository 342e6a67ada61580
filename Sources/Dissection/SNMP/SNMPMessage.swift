internal import FlowEngine

/// What stands around a PDU: version, and who says that he may (RFC 1157, 4; RFC 1901, 3; RFC 3412, 6).
struct SNMPMessage: BitwiseCopyable {
  /// 1, 2 or 3.
  var version: UInt8
  /// Version 1 and 2.
  var hasCommunity = false
  var messageID: Int64 = 0
  /// msgFlags of version 3.
  var flags: UInt8 = 0
  var user = Bytes.empty
  var engineID = Bytes.empty
  var engineBoots: Int64 = 0
  var engineTime: Int64 = 0
  var contextName = Bytes.empty
  /// What is left at the PDU; nil of an encrypted message.
  var pdu: BERReader?

  var isEncrypted: Bool { flags & 2 != 0 }

  /// nil where it is no SNMP, or ends too early.
  init?(_ bytes: Bytes) {
    var whole = BERReader(bytes)
    guard var reader = whole.enterCut(0x30), let version = reader.integer() else { return nil }
    switch version {
    case 0, 1:
      self.version = UInt8(version) + 1
      guard reader.next(0x04) != nil else { return nil }
      hasCommunity = true
      pdu = reader
    case 3:
      self.version = 3
      guard readV3(&reader) else { return nil }
    default: return nil
    }
  }

  private mutating func readV3(_ reader: inout BERReader) -> Bool {
    guard var head = reader.enter(0x30), let id = head.integer(), head.integer() != nil,
      let flags = head.next(0x04)?.content.u8(0), let model = head.integer(),
      let parameters = reader.next(0x04)
    else { return false }
    messageID = id
    self.flags = flags
    // The user-based model (RFC 3414, 2.4); others have parameters of their own.
    if model == 3 {
      var outer = BERReader(parameters.content)
      guard var inner = outer.enter(0x30), let engine = inner.next(0x04),
        let boots = inner.integer(), let time = inner.integer(), let user = inner.next(0x04)
      else { return false }
      engineID = engine.content
      engineBoots = boots
      engineTime = time
      self.user = user.content
    }
    if isEncrypted { return reader.tag == 0x04 }
    guard var scoped = reader.enterCut(0x30), scoped.next(0x04) != nil,
      let name = scoped.next(0x04)
    else { return false }
    contextName = name.content
    pdu = scoped
    return true
  }
}

enum SNMPText {
  /// Suricata's names; RFC 3416, 3 has the numbers.
  static func pduType(_ tag: UInt8) -> StaticString? {
    switch tag {
    case 0xa0: "get_request"
    case 0xa1: "get_next_request"
    case 0xa2: "response"
    case 0xa3: "set_request"
    case 0xa4: "trap_v1"
    case 0xa5: "get_bulk_request"
    case 0xa6: "inform_request"
    case 0xa7: "trap_v2"
    case 0xa8: "report"
    default: nil
    }
  }

  static func error(_ status: Int64) -> StaticString {
    switch status {
    case 1: "TooBig"
    case 2: "NoSuchName"
    case 3: "BadValue"
    case 4: "ReadOnly"
    case 5: "GenErr"
    case 6: "NoAccess"
    case 7: "WrongType"
    case 8: "WrongLength"
    case 9: "WrongEncoding"
    case 10: "WrongValue"
    case 11: "NoCreation"
    case 12: "InconsistentValue"
    case 13: "ResourceUnavailable"
    case 14: "CommitFailed"
    case 15: "UndoFailed"
    case 16: "AuthorizationError"
    case 17: "NotWritable"
    case 18: "InconsistentName"
    default: "Unknown"
    }
  }

  static func trap(_ generic: Int64) -> StaticString {
    switch generic {
    case 0: "ColdStart"
    case 1: "WarmStart"
    case 2: "LinkDown"
    case 3: "LinkUp"
    case 4: "AuthenticationFailure"
    case 5: "EgpNeighborLoss"
    case 6: "EnterpriseSpecific"
    default: "Unknown"
    }
  }
}
