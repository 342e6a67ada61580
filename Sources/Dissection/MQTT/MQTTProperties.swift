internal import FlowEngine
internal import Records

/// The properties of version 5 (MQTT 5.0, 2.2.2).
enum MQTTProperties {
  /// In all messages together nobody needs more, and a hostile one has no more shown.
  static var most: Int { 64 }

  private enum Kind {
    case byte
    case two
    case four
    case variable
    case text
    case pair
  }

  private static func kind(_ identifier: UInt8) -> Kind? {
    switch identifier {
    case 1, 23, 25, 36, 37, 40, 41, 42: .byte
    case 19, 33, 34, 35: .two
    case 2, 17, 24, 39: .four
    case 11: .variable
    case 3, 8, 9, 18, 21, 22, 26, 28, 31: .text
    case 38: .pair
    default: nil
    }
  }

  /// Takes properties with their length off the front of `cursor` and writes them. False where they are
  /// not whole, or not known.
  static func take(
    _ cursor: inout ByteCursor, _ w: inout EventWriter, _ d: Delivery
  ) -> Bool {
    guard let length = variable(&cursor), let bytes = cursor.take(length) else { return false }
    guard length > 0 else { return true }
    w.beginObject(MQTTFields.properties)
    defer { w.end() }
    var inner = ByteCursor(bytes)
    var count = 0
    var hasPairs = false
    var seen: UInt64 = 0
    while !inner.isAtEnd {
      guard let identifier = inner.u8(), let kind = kind(identifier) else { return false }
      count &+= 1
      // Of what may come once, the first; no identifier that is known is beyond 42.
      let isShown = count <= most && seen >> UInt64(identifier) & 1 == 0
      seen |= 1 << UInt64(identifier)
      let field = MQTTFields.property(identifier)
      switch kind {
      case .byte:
        guard let value = inner.u8() else { return false }
        if isShown { w.integer(field, value) }
      case .two:
        guard let value = inner.be16() else { return false }
        if isShown { w.integer(field, value) }
      case .four:
        guard let value = inner.be32() else { return false }
        if isShown { w.integer(field, value) }
      case .variable:
        guard let value = variable(&inner) else { return false }
        if isShown { w.integer(field, value) }
      case .text:
        guard let value = inner.prefixed16() else { return false }
        // Authentication data (22) are what the client proves itself with.
        if isShown && identifier != 22 { d.redacted(&w, field, value) }
      case .pair:
        guard inner.prefixed16() != nil, inner.prefixed16() != nil else { return false }
        hasPairs = true
      }
    }
    if hasPairs && !d.settings.isHeaderOnly { writePairs(bytes, &w, d) }
    return true
  }

  /// The pairs among properties that have been found whole.
  private static func writePairs(
    _ bytes: Bytes, _ w: inout EventWriter, _ d: Delivery
  ) {
    w.beginArray(MQTTFields.userProperties)
    var inner = ByteCursor(bytes)
    var count = 0
    while let identifier = inner.u8(), let kind = kind(identifier), count < most {
      count &+= 1
      switch kind {
      case .byte: _ = inner.skip(1)
      case .two: _ = inner.skip(2)
      case .four: _ = inner.skip(4)
      case .variable: _ = variable(&inner)
      case .text: _ = inner.prefixed16()
      case .pair:
        guard let name = inner.prefixed16(), let value = inner.prefixed16() else { break }
        w.beginObject(MQTTFields.userProperties)
        d.redacted(&w, MQTTFields.name, name)
        if d.isSecret(name: name) {
          w.text(MQTTFields.value, Redactor.mask)
        } else {
          d.redacted(&w, MQTTFields.value, value)
        }
        w.end()
      }
    }
    w.end()
  }

  /// A variable byte integer (MQTT 5.0, 1.5.5).
  static func variable(_ cursor: inout ByteCursor) -> Int? {
    var value = 0
    for i in 0..<4 {
      guard let byte = cursor.u8() else { return nil }
      // Four times seven bits.
      value |= Int(byte & 0x7f) << (7 &* i)
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
}
