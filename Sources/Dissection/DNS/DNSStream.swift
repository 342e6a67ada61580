internal import FlowEngine

/// DNS over TCP: messages behind their lengths in two bytes, any number of them in either direction
/// (RFC 1035, 4.2.2; RFC 7766).
enum DNSStream: StreamDissector {
  struct State: BitwiseCopyable {
    /// First, so that its address is the state's.
    var open: DNSOpenQueries
    var toServer: Side
    var toClient: Side
  }

  struct Side: BitwiseCopyable {
    /// Of the message that is under way, its length read.
    var length: UInt16 = 0
    /// Bytes of a message that were lost in part.
    var unwanted: UInt16 = 0
    var isUnderWay = false
    /// A hole has hidden where the next message begins: what follows has to look like one.
    var isLost = false
  }

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    probe(bytes, isExpected: context.serverPort == 53 || context.clientPort == 53)
  }

  private static func probe(_ bytes: Bytes, isExpected: Bool) -> Probe {
    guard let length = bytes.be16(0) else {
      // Another byte will tell more.
      return .maybe
    }
    guard Int(length) >= DNSHeader.byteCount &+ 5 else { return .no }
    let message = bytes.dropFirst(2).prefix(Int(length))
    switch DNSProbe.look(message, length: Int(length), isExpected: isExpected) {
    case .no: return .no
    case .maybe: return .maybe
    case .yes: return .yes
    }
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    var side = load(d, state)
    defer { store(side, d, state) }
    var offset = 0
    if side.unwanted > 0 {
      offset = min(Int(side.unwanted), bytes.count)
      // No more than it was.
      side.unwanted &-= UInt16(truncatingIfNeeded: offset)
    }
    if side.isLost {
      // Whether what stands behind a hole is a message's beginning.
      switch probe(bytes.dropFirst(offset), isExpected: false) {
      case .no: return .directionDone(bytes.count)
      case .maybe: return Progress(consumed: offset)
      case .yes: side.isLost = false
      }
    }
    while true {
      if !side.isUnderWay {
        guard let length = bytes.be16(offset) else { return Progress(consumed: offset, needs: 2) }
        side.length = length
        side.isUnderWay = true
        offset &+= 2
      }
      let length = Int(side.length)
      guard let message = bytes.slice(offset, length) else {
        return Progress(consumed: offset, needs: length)
      }
      side.isUnderWay = false
      offset &+= length
      guard length > 0 else { continue }
      DNSMessage.take(d, open(state), message, missing: 0)
    }
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    var side = load(d, state)
    defer { store(side, d, state) }
    if side.unwanted > 0, missing <= UInt64(side.unwanted) {
      side.unwanted &-= UInt16(truncatingIfNeeded: missing)
      return .resume
    }
    side.unwanted = 0
    guard side.isUnderWay else {
      side.isLost = true
      return .resume
    }
    side.isUnderWay = false
    let left = Int(side.length) &- rest.count
    if !rest.isEmpty { DNSMessage.take(d, open(state), rest, missing: max(left, 1)) }
    if left > 0, missing <= UInt64(left) {
      side.unwanted = UInt16(truncatingIfNeeded: left &- Int(missing))
    } else {
      side.isLost = true
    }
    return .resume
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    var side = load(d, state)
    defer { store(side, d, state) }
    guard side.isUnderWay, !rest.isEmpty else { return }
    side.isUnderWay = false
    let left = Int(side.length) &- rest.count
    DNSMessage.take(d, open(state), rest, missing: max(left, 1))
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    DNSPair.end(d, open(state))
  }

  // MARK: State

  @inline(__always)
  private static func open(
    _ state: UnsafeMutablePointer<State>
  ) -> UnsafeMutablePointer<DNSOpenQueries> {
    UnsafeMutableRawPointer(state).assumingMemoryBound(to: DNSOpenQueries.self)
  }

  private static func load(_ d: Delivery, _ state: UnsafeMutablePointer<State>) -> Side {
    d.isToServer ? state.pointee.toServer : state.pointee.toClient
  }

  private static func store(
    _ side: Side, _ d: Delivery, _ state: UnsafeMutablePointer<State>
  ) {
    if d.isToServer {
      state.pointee.toServer = side
    } else {
      state.pointee.toClient = side
    }
  }
}
