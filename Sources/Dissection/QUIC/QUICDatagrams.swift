internal import FlowEngine
internal import Records

/// QUIC: versions 1 and 2 (RFC 9000, RFC 9369), the drafts, Google's. Initials of both sides are decrypted,
/// the hellos in them put together; behind them there is nothing to be seen.
enum QUICDatagrams: DatagramDissector {
  /// A long header of a version that is known, or a negotiation that offers one. What stands behind the
  /// handshake looks like anything.
  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    if QUICHeader.googlePublic(bytes, missing: 0) != nil { return .yes }
    // What the capture has cut is not known here: a length may point far behind the bytes.
    guard let header = QUICHeader(bytes, missing: 65_535) else { return .no }
    switch header.kind {
    case .short: return .no
    case .versionNegotiation:
      var cursor = ByteCursor(bytes.dropFirst(header.numberOffset))
      guard cursor.remaining > 0, cursor.remaining % 4 == 0 else { return .no }
      while let value = cursor.be32() {
        switch QUICVersion(value: value).family {
        case .unknown, .reserved: continue
        default: return .yes
        }
      }
      return .no
    case .unknown:
      // Nothing but the length says that the peer is made to answer with its versions.
      return header.version.family == .reserved && bytes.count >= 1200 ? .yes : .no
    default: return .yes
    }
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    let flow = QUICFlow(d: d, state: state)
    flow.take(bytes, missing: missing)
    return flow.isFinished ? .done : .more
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    let flow = QUICFlow(d: d, state: state)
    flow.takeRemains()
    flow.writeUnread()
    state.pointee.zeek.end(flow)
    state.pointee.clientBuffer.drop(d)
    state.pointee.serverBuffer.drop(d)
  }
}
