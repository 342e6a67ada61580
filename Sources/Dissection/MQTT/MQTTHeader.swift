internal import FlowEngine

/// What every message begins with (MQTT 5.0 and 3.1.1, 2.1): type and flags in a byte, and how many bytes
/// follow, in one to four of seven bits each.
struct MQTTHeader: BitwiseCopyable {
  let type: UInt8
  let flags: UInt8
  /// Bytes of the header itself.
  let count: Int
  /// Bytes behind it, at the most 268,435,455.
  let length: Int

  var qos: UInt8 { flags >> 1 & 3 }

  enum Answer {
    case header(MQTTHeader)
    case short
    case bad
  }

  static func read(_ bytes: Bytes) -> Answer {
    guard let first = bytes.u8(0) else { return .short }
    var length = 0
    for i in 0..<4 {
      guard let byte = bytes.u8(1 &+ i) else { return .short }
      // Four times seven bits.
      length |= Int(byte & 0x7f) << (7 &* i)
      if byte & 0x80 == 0 {
        return .header(
          MQTTHeader(type: first >> 4, flags: first & 0x0f, count: 2 &+ i, length: length))
      }
    }
    return .bad
  }

  /// The flags that the type must have (MQTT 5.0, 2.1.3), and that its length can be one of the type.
  var isPlausible: Bool {
    switch type {
    case 1: flags == 0 && length >= 10 && length <= 1 << 18
    case 2: flags == 0 && length >= 2 && length <= 1 << 16
    case 3: qos != 3 && length >= 2
    case 4, 5, 7: flags == 0 && length >= 2 && length <= 1 << 16
    case 6: flags == 2 && length >= 2 && length <= 1 << 16
    case 8: flags & 0xd == 0 || flags == 2 ? length >= 5 : false
    case 9: flags == 0 && length >= 3
    case 10: flags & 0xd == 0 || flags == 2 ? length >= 4 : false
    case 11: flags == 0 && length >= 2
    case 12, 13: flags == 0 && length == 0
    case 14, 15: flags == 0 && length <= 1 << 16
    default: false
    }
  }
}
