internal import FlowEngine

// Modbus and DNP3.

extension Signatures {
  /// Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3, and Application Protocol V1.1b3, 6:
  /// protocol 0, a length that fits the function, and a function whose content fits.
  static func modbus(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let proto = bytes.be16(2) else {
      return bytes.count < 3 || bytes.u8(2) == 0 ? .maybe : .no
    }
    guard proto == 0 else { return .no }
    guard let length = bytes.be16(4) else { return bytes.u8(4) ?? 0 == 0 ? .maybe : .no }
    guard length >= 3, length <= 254 else { return .no }
    guard let function = bytes.u8(7) else { return .maybe }
    if function & 0x80 != 0 {
      guard function & 0x7f <= 43, length == 3 else { return .no }
      guard let code = bytes.u8(8) else { return .maybe }
      return code >= 1 && code <= 11 ? .yes : .no
    }
    guard let next = bytes.u8(8) else { return .maybe }
    // What is sent to whom only hints; ports that nobody gave to Modbus need the direction to be right.
    let isAnswer = Int(next) + 3 == Int(length)
    switch function {
    case 1...4:
      if length == 6, !isAnswer || context.isToServer {
        // A request: an address, and how many, at the most 2000.
        guard let count = bytes.be16(10) else { return .maybe }
        return count >= 1 && count <= 2000 ? .yes : .no
      }
      return isAnswer && next > 0 ? .yes : .no
    case 5:
      guard length == 6 else { return .no }
      guard let value = bytes.be16(10) else { return .maybe }
      return value == 0 || value == 0xff00 ? .yes : .no
    case 6: return length == 6 ? port(context, 502) : .no
    case 15, 16:
      if length == 6 { return port(context, 502) }
      guard let count = bytes.u8(12) else { return .maybe }
      return Int(count) + 7 == Int(length) ? .yes : .no
    case 7, 8, 11, 12, 17, 20...24, 43: return port(context, 502)
    default: return .no
    }
  }

  private static func port(_ context: ProbeContext, _ port: UInt16) -> Probe {
    context.serverPort == port || context.clientPort == port ? .yes : .no
  }

  /// IEEE 1815, 9.2: 0x0564, a length, control, two addresses, and a checksum over all of it.
  static func dnp3(_ bytes: Bytes) -> Probe {
    guard let first = bytes.u8(0) else { return .maybe }
    guard first == 0x05 else { return .no }
    guard let second = bytes.u8(1) else { return .maybe }
    guard second == 0x64 else { return .no }
    guard let length = bytes.u8(2) else { return .maybe }
    guard length >= 5 else { return .no }
    guard let checksum = bytes.le16(8) else { return .maybe }
    var crc: UInt16 = 0
    for i in 0..<8 {
      guard let byte = bytes.u8(i) else { return .maybe }
      crc ^= UInt16(byte)
      for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0xa6bc : crc >> 1 }
    }
    return ~crc == checksum ? .yes : .no
  }
}
