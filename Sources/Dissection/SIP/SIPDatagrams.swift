internal import FlowEngine
internal import Records

/// SIP over UDP: a record a message.
enum SIPDatagrams: DatagramDissector {
  struct State: BitwiseCopyable {}

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    SIPText.begins(bytes) ? .yes : .no
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    // Between messages clients keep their NAT open (RFC 5626, 3.5.2): empty lines, zeros, STUN.
    guard bytes.count >= 12, let first = bytes.u8(0), first >= 0x41, first <= 0x7a else {
      return .idle
    }
    var lines = SIPLines(bytes)
    var message = SIPMessage(d)
    var w = d.event()
    guard let line = lines.next(), message.writeStart(line, &w) else {
      if missing == 0 { d.note(.appMalformed) }
      return .idle
    }
    message.writeHeaders(&lines, &w)
    if message.isSDP { message.writeSDP(lines.rest, &w) }
    w.incomplete(missing: missing)
    d.emit(.sip, w, toServer: d.isToServer, transaction: d.nextTransaction())
    return .idle
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {}
}
