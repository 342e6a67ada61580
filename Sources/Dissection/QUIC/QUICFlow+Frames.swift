internal import FlowEngine

// Frames of an Initial (RFC 9000, section 19), and the hellos in them.

extension QUICFlow {
  /// Frames of one packet that are looked at: a datagram of nothing but PING has as many as it has bytes.
  private static var mostFrames: Int { 512 }

  func takeFrames(_ header: QUICHeader, _ plain: Bytes) {
    var cursor = ByteCursor(plain)
    var count = 0
    while count < Self.mostFrames, let type = cursor.u8() {
      count &+= 1
      switch type {
      case 0:
        while plain.u8(cursor.position) == 0 { _ = cursor.skip(1) }
      case 1: break
      case 2, 3:
        guard Self.skipAcknowledgement(&cursor, hasCounts: type == 3) else { return }
      // Google's own number was 8.
      case 6, 8:
        guard type == 6 || header.version.isText else { return }
        guard let offset = cursor.quicInteger(), let length = cursor.quicInteger() else { return }
        guard length <= UInt64(cursor.remaining) || header.isCut,
          let piece = cursor.take(Int(min(length, UInt64(cursor.remaining))))
        else { return d.note(.appMalformed) }
        takeCrypto(header, offset, piece)
      case 0x1c:
        state.pointee.zeek.closed(self)
        return
      // Nothing else stands in an Initial.
      default: return
      }
    }
  }

  /// RFC 9000, section 19.3.
  private static func skipAcknowledgement(_ cursor: inout ByteCursor, hasCounts: Bool) -> Bool {
    guard cursor.quicInteger() != nil, cursor.quicInteger() != nil,
      let ranges = cursor.quicInteger(), cursor.quicInteger() != nil
    else { return false }
    // Each is at least two bytes.
    guard ranges <= UInt64(cursor.remaining / 2) else { return false }
    for _ in 0..<Int(ranges) {
      guard cursor.quicInteger() != nil, cursor.quicInteger() != nil else { return false }
    }
    if !hasCounts { return true }
    return cursor.quicInteger() != nil && cursor.quicInteger() != nil
      && cursor.quicInteger() != nil
  }

  private func takeCrypto(_ header: QUICHeader, _ offset: UInt64, _ bytes: Bytes) {
    let fromClient = isFromClient
    guard !has(fromClient ? Flags.clientDone : Flags.serverDone) else { return }
    let isFirst =
      fromClient ? state.pointee.clientBuffer.isEmpty : state.pointee.serverBuffer.isEmpty
    // Mostly all of it is in one frame.
    if offset == 0 && isFirst && takeHandshake(header, bytes, fromClient) { return }
    let outcome =
      fromClient
      ? state.pointee.clientBuffer.add(d, offset: offset, bytes)
      : state.pointee.serverBuffer.add(d, offset: offset, bytes)
    switch outcome {
    case .kept:
      let front =
        fromClient ? state.pointee.clientBuffer.front(d) : state.pointee.serverBuffer.front(d)
      guard takeHandshake(header, front, fromClient) else { return }
    case .tooLong: giveUp(fromClient, .appMessageTooLong)
    case .tooManyRanges: giveUp(fromClient, .streamHeldTooMuch)
    case .noMemory: giveUp(fromClient, nil)
    }
    dropBuffer(fromClient)
  }

  private func dropBuffer(_ fromClient: Bool) {
    if fromClient {
      state.pointee.clientBuffer.drop(d)
    } else {
      state.pointee.serverBuffer.drop(d)
    }
  }

  private func giveUp(_ fromClient: Bool, _ event: Counter?) {
    if let event { d.note(event) }
    set(fromClient ? Flags.clientDone : Flags.serverDone)
  }

  /// A handshake message (RFC 8446, section 4) that is all there; false where more of it must come.
  private func takeHandshake(
    _ header: QUICHeader, _ bytes: Bytes, _ fromClient: Bool
  ) -> Bool {
    guard let type = bytes.u8(0), let length = bytes.be24(1) else { return false }
    guard type == (fromClient ? 1 : 2) else {
      giveUp(fromClient, .appMalformed)
      return true
    }
    guard Int(length) <= QUICHandshakeBuffer.longest &- 4 else {
      giveUp(fromClient, .appMessageTooLong)
      return true
    }
    guard let body = bytes.slice(4, Int(length)) else { return false }
    takeHello(header.version, body, fromClient, isWhole: true)
    return true
  }

  func takeHello(_ version: QUICVersion, _ body: Bytes, _ fromClient: Bool, isWhole: Bool) {
    set(fromClient ? Flags.clientDone : Flags.serverDone)
    if fromClient {
      guard let hello = TLSClientHello(body) else { return }
      writeClient(hello, version, isWhole: isWhole)
    } else {
      guard let hello = TLSServerHello(body) else { return }
      writeServer(hello, version, isWhole: isWhole)
    }
  }

  /// What was put together of hellos that have a hole: better than nothing.
  func takeRemains() {
    takeRemains(fromClient: true)
    takeRemains(fromClient: false)
  }

  private func takeRemains(fromClient: Bool) {
    guard !has(fromClient ? Flags.clientDone : Flags.serverDone) else { return }
    let front =
      fromClient ? state.pointee.clientBuffer.front(d) : state.pointee.serverBuffer.front(d)
    // Type, length, version, random.
    guard front.count > 38, front.u8(0) == (fromClient ? 1 : 2) else { return }
    takeHello(state.pointee.version, front.dropFirst(4), fromClient, isWhole: false)
  }
}
