internal import FlowEngine
internal import Records

/// MQTT 3.1, 3.1.1 and 5 (OASIS). As in Suricata a record is an exchange: a message and what answers it,
/// CONNECT with CONNACK, PUBLISH with PUBACK or PUBREC, PUBREL and PUBCOMP, SUBSCRIBE with SUBACK.
enum MQTTStream: StreamDissector {
  struct State: BitwiseCopyable {
    /// 3, 4 or 5; 0 where CONNECT was not seen.
    var version: UInt8 = 0
    var isConnected = false
    /// Exchanges that wait for an answer.
    var pendingCount: UInt8 = 0
    /// Messages that made no sense.
    var malformed: UInt8 = 0
    /// What is still to come of a message in which there was a hole, by direction.
    var skipToServer: UInt32 = 0
    var skipToClient: UInt32 = 0
    var pending = MQTTPending()
  }

  /// Bytes of a message that are looked at; the rest of a longer one is not seen.
  static var longestLook: Int { 16 << 10 }

  // MARK: Detection

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let first = bytes.u8(0) else { return .maybe }
    switch first {
    case 0x10: return probeConnect(bytes)
    case 0x20: return probeConnectAnswer(bytes, context)
    default: return probeMiddle(bytes, context)
    }
  }

  /// CONNECT: its length, and the protocol's name with its version.
  private static func probeConnect(_ bytes: Bytes) -> Probe {
    let header: MQTTHeader
    switch MQTTHeader.read(bytes) {
    case .short: return .maybe
    case .bad: return .no
    case .header(let value): header = value
    }
    guard header.isPlausible else { return .no }
    let rest = bytes.dropFirst(header.count)
    guard let size = rest.be16(0) else { return rest.u8(0) ?? 0 == 0 ? .maybe : .no }
    let name: StaticString = size == 4 ? "MQTT" : "MQIsdp"
    guard size == 4 || size == 6 else { return .no }
    switch Signatures.startsOrMay(rest.dropFirst(2), name) {
    case .no: return .no
    case .maybe: return .maybe
    case .yes: break
    }
    guard let version = rest.u8(2 &+ Int(size)) else { return .maybe }
    // The top bit marks a bridge.
    return version & 0x7f >= 3 && version & 0x7f <= 5 ? .yes : .no
  }

  /// CONNACK: no more than flags and a code, but for version 5.
  private static func probeConnectAnswer(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let length = bytes.u8(1) else { return .maybe }
    guard length >= 2, length < 0x80 else { return .no }
    guard let flags = bytes.u8(2) else { return .maybe }
    guard flags <= 1 else { return .no }
    guard let code = bytes.u8(3) else { return .maybe }
    guard code <= 5 || code >= 0x80 && code <= 0x9f else { return .no }
    if length == 2 { return !context.isToServer ? .yes : .no }
    guard let properties = bytes.u8(4) else { return .maybe }
    return !context.isToServer && Int(properties) + 3 == Int(length) ? .yes : .no
  }

  /// In the middle of a connection only its port and two whole messages of plausible form are enough.
  private static func probeMiddle(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let header: MQTTHeader
    switch MQTTHeader.read(bytes) {
    case .short: return .maybe
    case .bad: return .no
    case .header(let value): header = value
    }
    guard header.isPlausible else { return .no }
    guard context.serverPort == 1883 else {
      // What the other direction told may well go on like this.
      return header.length < 1 << 16 && bytes.count < header.count &+ header.length ? .maybe : .no
    }
    if header.type == 3 {
      guard let size = bytes.be16(header.count) else { return .maybe }
      guard Int(size) + 2 <= header.length else { return .no }
      guard let topic = bytes.slice(header.count &+ 2, Int(size)) else { return .maybe }
      return topic.isPrintable ? .yes : .no
    }
    return bytes.count < header.count &+ header.length ? .maybe : .yes
  }

  // MARK: Messages

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    let rest = d.isToServer ? state.pointee.skipToServer : state.pointee.skipToClient
    if rest > 0 {
      setSkip(d, state, 0)
      return .skip(UInt64(rest), after: 0)
    }
    let header: MQTTHeader
    switch MQTTHeader.read(bytes) {
    case .short: return .needs(bytes.count + 1)
    case .bad: return broken(d)
    case .header(let value): header = value
    }
    // Only PUBLISH may have type 3's flags; types 0 and, before version 5, 15 are nobody's.
    guard header.type != 0, header.type != 3 || header.qos != 3 else { return broken(d) }
    let look = min(header.length, longestLook)
    guard let body = bytes.slice(header.count, look) else { return .needs(header.count + look) }
    MQTTExchange(d: d, state: state, header: header, body: body).take()
    if state.pointee.malformed >= 4 { return .lost() }
    return Progress(consumed: header.count + look, skip: UInt64(header.length &- look))
  }

  /// Where a message's length cannot be told nothing behind it can.
  private static func broken(_ d: Delivery) -> Progress {
    d.note(.appMalformed)
    return .directionDone()
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    // Nothing marks where a message begins, but where the one ends in which the hole begins is known.
    guard case .header(let header) = MQTTHeader.read(rest) else { return .directionDone }
    let whole = UInt64(header.count &+ header.length)
    let seen = UInt64(rest.count) &+ missing
    guard header.isPlausible, seen >= missing, seen <= whole else { return .directionDone }
    // A message is shorter than 2^28 bytes.
    setSkip(d, state, UInt32(truncatingIfNeeded: whole &- seen))
    return .resume
  }

  private static func setSkip(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ count: UInt32
  ) {
    if d.isToServer {
      state.pointee.skipToServer = count
    } else {
      state.pointee.skipToClient = count
    }
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    MQTTExchange.emitAll(d, state)
  }
}
