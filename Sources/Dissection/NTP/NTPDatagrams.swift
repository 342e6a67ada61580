internal import FlowEngine
internal import Records

/// Time messages (RFC 5905, 7.3; RFC 1305 and 1059 before it), control (RFC 9327) and private ones.
enum NTPDatagrams: DatagramDissector {
  struct State: BitwiseCopyable {}

  static let messageBytes = 48

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let first = bytes.u8(0) else { return .no }
    let version = first >> 3 & 7
    let mode = first & 7
    guard version >= 1, version <= 4, mode >= 1 else { return .no }
    let isExpected = context.serverPort == 123 || context.clientPort == 123
    switch mode {
    case 6:
      // The data is as long as it says, and ends at a multiple of four.
      guard isExpected, version >= 2, let count = bytes.be16(10) else { return .no }
      return Int(count) &+ 12 <= bytes.count ? .yes : .no
    case 7:
      guard isExpected, bytes.count >= 8, let implementation = bytes.u8(2) else { return .no }
      return implementation <= 3 ? .yes : .no
    default:
      guard bytes.count >= messageBytes, bytes.count & 3 == 0 else { return .no }
      return isTime(bytes, version, mode, isExpected) ? .yes : .no
    }
  }

  private static func isTime(
    _ bytes: Bytes, _ version: UInt8, _ mode: UInt8, _ isExpected: Bool
  ) -> Bool {
    guard let stratum = bytes.u8(1), let poll = bytes.u8(2), stratum <= 16 else { return false }
    if isExpected { return poll <= 36 || poll >= 0xf0 }
    guard bytes.count == messageBytes, version >= 3 else { return false }
    switch mode {
    case 3:
      // What simple clients send: nothing but the first byte and a time.
      for i in 1..<40 where bytes.u8(i) != 0 { return false }
      return bytes.be32(40) ?? 0 != 0
    case 4:
      // A server's three times lie close together.
      guard stratum >= 1, stratum < 16, poll <= 17, let reference = bytes.be32(16),
        let received = bytes.be32(32), let sent = bytes.be32(40)
      else { return false }
      return sent &- received <= 1 && sent &- reference < 1 << 20 && sent > 0xa000_0000
    default: return false
    }
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    guard let first = bytes.u8(0) else { return .idle }
    let mode = first & 7
    var w = d.event()
    w.integer(NTPFields.version, first >> 3 & 7)
    w.text(NTPFields.direction, d.isToServer ? "request" : "response")
    w.integer(NTPFields.mode, mode)
    if let name = name(mode) { w.text(NTPFields.modeName, name) }
    let isWhole: Bool
    switch mode {
    case 6: isWhole = control(&w, bytes)
    case 7: isWhole = privateMessage(&w, bytes)
    default: isWhole = time(&w, bytes)
    }
    w.incomplete(missing: missing)
    if missing == 0 && !isWhole {
      // Nothing to tell of it: no record.
      d.note(.appMalformed)
      return .idle
    }
    d.emit(.ntp, w, transaction: d.nextTransaction())
    return .idle
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {}

  private static func name(_ mode: UInt8) -> StaticString? {
    switch mode {
    case 1: "symmetric_active"
    case 2: "symmetric_passive"
    case 3: "client"
    case 4: "server"
    case 5: "broadcast"
    case 6: "control"
    case 7: "private"
    default: nil
    }
  }

  // MARK: Time

  private static func time(_ w: inout EventWriter, _ bytes: Bytes) -> Bool {
    guard let first = bytes.u8(0), let stratum = bytes.u8(1), let poll = bytes.u8(2),
      let precision = bytes.u8(3), let delay = bytes.be32(4), let dispersion = bytes.be32(8),
      let identifier = bytes.slice(12, 4), bytes.count >= messageBytes
    else { return false }
    w.integer(NTPFields.leap, first >> 6)
    w.integer(NTPFields.stratum, stratum)
    w.integer(NTPFields.poll, Int8(bitPattern: poll))
    w.integer(NTPFields.precision, Int8(bitPattern: precision))
    w.seconds(NTPFields.rootDelay, nanoseconds: short(delay))
    w.seconds(NTPFields.rootDispersion, nanoseconds: short(dispersion))
    switch stratum {
    case 0, 1:
      // Four letters, zeros behind them.
      let text = identifier.prefix(identifier.firstIndex(of: 0) ?? 4)
      if !text.isEmpty {
        w.string(stratum == 0 ? NTPFields.kissCode : NTPFields.referenceID, text)
      }
    default: w.address(NTPFields.referenceID, identifier)
    }
    stamp(&w, NTPFields.referenceTime, bytes, 16)
    stamp(&w, NTPFields.originTime, bytes, 24)
    stamp(&w, NTPFields.receiveTime, bytes, 32)
    stamp(&w, NTPFields.transmitTime, bytes, 40)
    tail(&w, bytes)
    return true
  }

  /// 16 bits of seconds, 16 of fractions; below 2^48 nanoseconds.
  private static func short(_ value: UInt32) -> Int64 {
    Int64((UInt64(value) &* 1_000_000_000) >> 16)
  }

  /// A time since 1900, or since 2036 where the highest bit is not set (RFC 4330, 3). Zero is none.
  private static func stamp(
    _ w: inout EventWriter, _ field: EventField, _ bytes: Bytes, _ offset: Int
  ) {
    guard let seconds = bytes.be32(offset), let fraction = bytes.be32(offset &+ 4),
      seconds != 0 || fraction != 0
    else { return }
    let era: Int64 = seconds < 1 << 31 ? 1 << 32 : 0
    // At the most 2^33 seconds, 2^63 nanoseconds are 2^33.1: no overflow.
    let sinceEpoch = Int64(seconds) &+ era &- 2_208_988_800
    let nanoseconds = Int64((UInt64(fraction) &* 1_000_000_000) >> 32)
    w.time(field, nanoseconds: sinceEpoch &* 1_000_000_000 &+ nanoseconds)
  }

  /// Extension fields and digest (RFC 7822, 3: what is no longer than 24 bytes is a digest).
  private static func tail(_ w: inout EventWriter, _ bytes: Bytes) {
    var offset = messageBytes
    var count = 0
    while bytes.count &- offset > 24, let length = bytes.be16(offset &+ 2), length >= 16,
      bytes.has(Int(length), at: offset)
    {
      offset &+= Int(length)
      count &+= 1
    }
    if count > 0 { w.integer(NTPFields.extensions, count) }
    if bytes.count &- offset >= 4, let key = bytes.be32(offset) { w.integer(NTPFields.keyID, key) }
  }

  // MARK: Control and private

  private static func control(_ w: inout EventWriter, _ bytes: Bytes) -> Bool {
    guard let operation = bytes.u8(1), let sequence = bytes.be16(2), let status = bytes.be16(4),
      let association = bytes.be16(6), bytes.count >= 12
    else { return false }
    w.integer(NTPFields.opcode, operation & 0x1f)
    w.boolean(NTPFields.isResponse, operation & 0x80 != 0)
    w.boolean(NTPFields.isError, operation & 0x40 != 0)
    w.boolean(NTPFields.isMore, operation & 0x20 != 0)
    w.integer(NTPFields.sequence, sequence)
    w.integer(NTPFields.status, status)
    w.integer(NTPFields.associationID, association)
    return true
  }

  /// ntpd's own, which no RFC describes: its include/ntp_request.h does.
  private static func privateMessage(_ w: inout EventWriter, _ bytes: Bytes) -> Bool {
    guard let first = bytes.u8(0), let second = bytes.u8(1), let implementation = bytes.u8(2),
      let request = bytes.u8(3)
    else { return false }
    w.boolean(NTPFields.isResponse, first & 0x80 != 0)
    w.boolean(NTPFields.isMore, first & 0x40 != 0)
    w.boolean(NTPFields.isAuthenticated, second & 0x80 != 0)
    w.integer(NTPFields.sequence, second & 0x7f)
    w.integer(NTPFields.implementation, implementation)
    w.integer(NTPFields.requestCode, request)
    if let error = bytes.be16(4) {
      w.integer(NTPFields.errorCode, error >> 12)
      w.integer(NTPFields.items, error & 0xfff)
    }
    return true
  }
}
