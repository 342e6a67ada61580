internal import FlowEngine

/// DNS, multicast DNS and LLMNR, which share a message's form, over UDP.
enum DNSDatagrams: DatagramDissector {
  struct State: BitwiseCopyable {
    var open: DNSOpenQueries
  }

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    switch DNSProbe.look(bytes, length: nil, isExpected: isExpected(context)) {
    case .yes: .yes
    // A datagram is all there is.
    case .no, .maybe: .no
    }
  }

  private static func isExpected(_ context: ProbeContext) -> Bool {
    switch context.serverPort {
    case 53, 5353, 5355: return true
    default: break
    }
    switch context.clientPort {
    case 53, 5353, 5355: return true
    default: return false
    }
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    withOpen(state) { DNSMessage.take(d, $0, bytes, missing: missing) }
    return state.pointee.open.count == 0 ? .idle : .more
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    withOpen(state) { DNSPair.end(d, $0) }
  }

  @inline(__always)
  private static func withOpen(
    _ state: UnsafeMutablePointer<State>, _ body: (UnsafeMutablePointer<DNSOpenQueries>) -> Void
  ) {
    // The queries are all there is in a state.
    body(UnsafeMutableRawPointer(state).assumingMemoryBound(to: DNSOpenQueries.self))
  }
}
