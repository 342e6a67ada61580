internal import FlowEngine
internal import Records

/// What stands behind a message's header (MQTT 5.0, 3; MQTT 3.1.1, 3).
struct MQTTBody {
  /// Of the connection; what CONNECT says from here on.
  private(set) var version: UInt8
  let d: Delivery
  let header: MQTTHeader
  let bytes: Bytes
  /// Packet identifier, 0 where there is none.
  private(set) var id: UInt16 = 0

  /// Bytes of a message, and of a will, that a record shows.
  static var longestMessage: Int { 1024 }
  /// Topics or codes of one message that a record shows.
  static var mostTopics: Int { 128 }

  init(version: UInt8, d: Delivery, header: MQTTHeader, bytes: Bytes) {
    self.version = version
    self.d = d
    self.header = header
    self.bytes = bytes
  }

  /// False where the message is not what its type must be.
  mutating func write(_ w: inout EventWriter) -> Bool {
    var c = ByteCursor(bytes)
    let isCut = bytes.count < header.length
    if isCut && header.type != 3 {
      writeTruncated(&w)
      return true
    }
    switch header.type {
    case 1: return connect(&c, &w)
    case 2: return connectAnswer(&c, &w)
    case 3: return publish(&c, &w, isCut)
    case 4...7: return receipt(&c, &w)
    case 8: return subscribe(&c, &w)
    case 9, 11: return codes(&c, &w)
    case 10: return unsubscribe(&c, &w)
    case 12, 13: return true
    default: return reason(&c, &w)
    }
  }

  private func writeTruncated(_ w: inout EventWriter) {
    w.boolean(MQTTFields.truncated, true)
    w.integer(MQTTFields.skippedLength, header.length)
  }

  private func properties(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    version != 5 || MQTTProperties.take(&c, &w, d)
  }

  private func text(_ field: EventField, _ bytes: Bytes, _ w: inout EventWriter) {
    if !d.settings.isHeaderOnly { d.redacted(&w, field, bytes.prefix(Self.longestMessage)) }
  }

  // MARK: Messages

  private mutating func connect(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    guard let name = c.prefixed16(), name.count <= 32, let level = c.u8(), let flags = c.u8(),
      let keepAlive = c.be16()
    else { return false }
    version = level & 0x7f
    w.string(MQTTFields.protocolString, name)
    w.integer(MQTTFields.protocolVersion, version)
    guard properties(&c, &w), let client = c.prefixed16() else { return false }
    w.string(MQTTFields.clientID, client)
    w.beginObject(MQTTFields.flags)
    w.boolean(MQTTFields.username, flags & 0x80 != 0)
    w.boolean(MQTTFields.password, flags & 0x40 != 0)
    w.boolean(MQTTFields.willRetain, flags & 0x20 != 0)
    w.boolean(MQTTFields.will, flags & 0x04 != 0)
    w.boolean(MQTTFields.cleanSession, flags & 0x02 != 0)
    w.end()
    if flags & 0x04 != 0 {
      w.beginObject(MQTTFields.will)
      guard properties(&c, &w), let topic = c.prefixed16(), let message = c.prefixed16() else {
        return false
      }
      d.redacted(&w, MQTTFields.topic, topic)
      text(MQTTFields.message, message, &w)
      w.end()
    }
    if flags & 0x80 != 0 {
      // Version 3.1 allows that it is missing all the same.
      guard let user = c.prefixed16() else { return version == 3 }
      // A name alone is what the client proves itself with.
      if flags & 0x40 != 0 {
        w.string(MQTTFields.username, user)
      } else {
        w.text(MQTTFields.username, Redactor.mask)
      }
    }
    w.integer(MQTTFields.keepAlive, keepAlive)
    return true
  }

  private mutating func connectAnswer(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    guard let flags = c.u8(), let code = c.u8() else { return false }
    if version == 0, header.length > 2 { version = 5 }
    w.boolean(MQTTFields.sessionPresent, flags & 1 != 0)
    w.integer(MQTTFields.returnCode, code)
    return properties(&c, &w)
  }

  private mutating func publish(
    _ c: inout ByteCursor, _ w: inout EventWriter, _ isCut: Bool
  ) -> Bool {
    guard let size = bytes.be16(0) else { return false }
    if isCut && Int(size) + 2 > bytes.count {
      writeTruncated(&w)
      return true
    }
    guard let topic = c.prefixed16() else { return false }
    d.redacted(&w, MQTTFields.topic, topic)
    if header.qos > 0 {
      guard let id = c.be16() else { return isCut }
      self.id = id
      w.integer(MQTTFields.messageID, id)
    }
    guard properties(&c, &w) else { return isCut }
    text(MQTTFields.message, c.rest, &w)
    w.integer(MQTTFields.messageLength, header.length &- c.position)
    return true
  }

  private mutating func identifier(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    guard let id = c.be16() else { return false }
    self.id = id
    w.integer(MQTTFields.messageID, id)
    return true
  }

  /// PUBACK, PUBREC, PUBREL, PUBCOMP: reason and properties may be missing where all went well.
  private mutating func receipt(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    guard identifier(&c, &w) else { return false }
    guard version == 5 else { return true }
    return optionalReason(&c, &w)
  }

  /// DISCONNECT and AUTH.
  private func reason(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    version != 5 && c.isAtEnd || optionalReason(&c, &w)
  }

  private func optionalReason(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    let code = c.u8() ?? 0
    w.integer(MQTTFields.reasonCode, code)
    return c.isAtEnd || MQTTProperties.take(&c, &w, d)
  }

  private mutating func subscribe(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    guard identifier(&c, &w), properties(&c, &w) else { return false }
    var count = 0
    w.beginArray(MQTTFields.topics)
    while !c.isAtEnd {
      guard let topic = c.prefixed16(), let options = c.u8() else { return false }
      count &+= 1
      guard count <= Self.mostTopics else {
        d.note(.appTooManyTransactions)
        continue
      }
      w.beginObject(MQTTFields.topics)
      d.redacted(&w, MQTTFields.topic, topic)
      w.integer(MQTTFields.qos, options & 3)
      w.end()
    }
    w.end()
    return true
  }

  private mutating func unsubscribe(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    guard identifier(&c, &w), properties(&c, &w) else { return false }
    var count = 0
    w.beginArray(MQTTFields.topics)
    while !c.isAtEnd {
      guard let topic = c.prefixed16() else { return false }
      count &+= 1
      guard count <= Self.mostTopics else {
        d.note(.appTooManyTransactions)
        continue
      }
      d.redacted(&w, MQTTFields.topics, topic)
    }
    w.end()
    return true
  }

  /// SUBACK and UNSUBACK.
  private mutating func codes(_ c: inout ByteCursor, _ w: inout EventWriter) -> Bool {
    guard identifier(&c, &w), properties(&c, &w) else { return false }
    if header.type == 11 && c.isAtEnd { return true }
    w.beginArray(header.type == 9 ? MQTTFields.qosGranted : MQTTFields.reasonCodes)
    var count = 0
    while let code = c.u8(), count < Self.mostTopics {
      w.integer(MQTTFields.qosGranted, code)
      count &+= 1
    }
    w.end()
    return true
  }
}
