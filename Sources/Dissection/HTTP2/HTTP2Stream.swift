internal import FlowEngine
internal import Records

/// HTTP/2 in the clear (RFC 9113): with prior knowledge, or behind an upgrade. A record for each stream,
/// and, as Suricata has them, for each SETTINGS and GOAWAY.
enum HTTP2Stream: StreamDissector {
  static var preface: StaticString { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let preface = Bytes(Self.preface)
    if bytes.u8(0) == preface.u8(0) {
      let length = min(bytes.count, preface.count)
      guard bytes.prefix(length).equals(preface.prefix(length)) else { return .no }
      return length == preface.count ? .yes : .maybe
    }
    return probeServer(bytes)
  }

  /// A server's first frame must be SETTINGS (section 3.4).
  private static func probeServer(_ bytes: Bytes) -> Probe {
    guard bytes.u8(0) == 0, (bytes.u8(1) ?? 0) == 0, (bytes.u8(3) ?? 4) == 4,
      (bytes.u8(4) ?? 0) == 0
    else { return .no }
    for place in 5..<9 where bytes.u8(place) ?? 0 != 0 { return .no }
    if let length = bytes.u8(2), length % 6 != 0 || length > 60 { return .no }
    guard let frame = HTTP2Frame(bytes) else { return .maybe }
    let body = bytes.dropFirst(HTTP2Frame.headBytes)
    for place in 0..<frame.length / 6 {
      guard let id = body.be16(place &* 6) else { return .maybe }
      // Those of RFC 9113, RFC 8441 and RFC 9218, and what is set aside for tests.
      guard 1...9 ~= id || id & 0x0f0f == 0x0a0a else { return .no }
    }
    if frame.length > 0 { return body.count >= frame.length ? .yes : .maybe }
    // Empty settings are nine bytes that others have, too: what stands behind them must be a frame.
    guard let next = HTTP2Frame(body) else { return .maybe }
    return next.isPlausible ? .yes : .no
  }

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    HTTP2Flow(d: d, state: state).take(bytes)
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    HTTP2Flow(d: d, state: state).gap(rest, missing: missing)
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    HTTP2Flow(d: d, state: state).close(rest)
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    HTTP2Flow(d: d, state: state).end()
  }
}
