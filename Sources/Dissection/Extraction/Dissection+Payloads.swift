internal import CBurst
internal import FlowEngine
internal import Records

// Payload to who keeps it (`martlet read --extract-streams`, `--extract-files`): as it is, whatever
// dissectors want of it, over a ring of its own. Capture files alone have this, and wait for room.

extension Dissection {
  /// A packet's payload on its way to a file.
  @inline(never)
  func keepPayload(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let p = packet.pointee
    let isTCP = p.key.proto == IPProtocol.tcp
    guard
      p.flags & (ParsedPacket.Flags.badTransportHeader | ParsedPacket.Flags.fragment) == 0,
      isTCP || p.key.proto == IPProtocol.udp, let data = p.data
    else { return }
    let isEnd = isTCP && p.tcpFlags & TCPFlags.fin != 0
    guard p.payloadLength > 0 || isEnd, !isTCP || p.tcpFlags & TCPFlags.rst == 0 else { return }
    let captured = min(p.payloadLength, p.captured &- min(UInt32(p.payloadOffset), p.captured))
    let cold = core.flows.cold + Int(entry)
    var head = PayloadHead(
      isTCP ? .segment : .datagram, flow: cold.pointee.ordinal, time: p.time, side: p.side)
    head.length = p.payloadLength
    if isTCP {
      // A SYN takes one number, and data may stand behind it (RFC 9293, section 3.4).
      head.sequence = p.tcpFlags & TCPFlags.syn != 0 ? p.sequence &+ 1 : p.sequence
      head.start = cold.pointee.start(p.side) &+ 1
      let hot = core.flows.hot + Int(entry)
      let tracked = p.side == 0 ? hot.pointee.sideA : hot.pointee.sideB
      if tracked.history & (HistoryBits.syn | HistoryBits.synAck) == 0 {
        head.flags |= PayloadHead.Flags.midstream
      }
      if isEnd { head.flags |= PayloadHead.Flags.fin }
    }
    core.keep(&head, data + Int(p.payloadOffset), Int(captured))
  }
}

extension DissectionCore {
  /// Puts a message on the ring of payloads, and waits where it has no room.
  func keep(_ head: inout PayloadHead, _ bytes: UnsafeRawPointer, _ count: Int) {
    guard let payloads else { return }
    withUnsafeBytes(of: &head) { head in
      let start = head.baseAddress.unsafelyUnwrapped
      if !payloads.push(start, head.count, bytes, count) {
        wait(payloads, start, head.count, bytes, count)
      }
    }
  }

  /// Until there is room: capture files can wait. False at once for what would never fit.
  @inline(never)
  @discardableResult
  func wait(
    _ ring: ByteRing, _ first: UnsafeRawPointer, _ firstCount: Int, _ second: UnsafeRawPointer,
    _ secondCount: Int
  ) -> Bool {
    guard waits, firstCount &+ secondCount <= ring.longestMessage else { return false }
    counters.publish()
    var round: UInt32 = 0
    while !ring.push(first, firstCount, second, secondCount) {
      martlet_relax(round)
      round = min(round &+ 1, 10_000)
    }
    return true
  }

  /// The end of a body or an attachment, with its record.
  func keepEnd(_ event: EventHead, _ tokens: UnsafeRawPointer, _ count: Int) {
    /// One part of two: rings take no third.
    struct Heads: BitwiseCopyable {
      var head: PayloadHead
      var event: EventHead
    }
    guard let payloads else { return }
    var heads = Heads(
      head: PayloadHead(
        .fileEnds, flow: event.flowOrdinal, time: event.time, side: event.side),
      event: event)
    withUnsafeBytes(of: &heads) { heads in
      let start = heads.baseAddress.unsafelyUnwrapped
      let size = MemoryLayout<PayloadHead>.stride + MemoryLayout<EventHead>.size
      if !payloads.push(start, size, tokens, count) { wait(payloads, start, size, tokens, count) }
    }
  }
}

extension Delivery {
  private func keepFile(
    _ kind: PayloadHead.Kind, toServer: Bool, name: UInt32, missing: UInt64 = 0,
    _ bytes: Bytes = .empty
  ) {
    guard core.pointee.settings.keepsFiles else { return }
    let client = flow.pointee.clientSide
    var head = PayloadHead(
      kind, flow: core.pointee.flows.cold[Int(flow.pointee.entry)].ordinal, time: time,
      side: toServer ? client : 1 &- client)
    head.number = missing
    head.sequence = name
    core.pointee.keep(&head, UnsafeRawPointer(bytes.base), bytes.count)
  }

  /// A body or an attachment begins. It ends with its `fileinfo` record. `name`: where one side has several at a
  /// time, which of them it is.
  func fileBegins(toServer: Bool, name: UInt32 = 0) {
    keepFile(.fileBegins, toServer: toServer, name: name)
  }

  /// Bytes of it, decoded.
  func fileBytes(_ bytes: Bytes, toServer: Bool, name: UInt32 = 0) {
    if !bytes.isEmpty { keepFile(.fileBytes, toServer: toServer, name: name, bytes) }
  }

  /// So many bytes of it were not seen.
  func fileGap(_ missing: UInt64, toServer: Bool, name: UInt32 = 0) {
    if missing > 0 { keepFile(.fileGap, toServer: toServer, name: name, missing: missing) }
  }

  /// The next `fileinfo` record of this side's is that of the file called so.
  func fileEndsNext(toServer: Bool, name: UInt32) {
    keepFile(.fileNamed, toServer: toServer, name: name)
  }
}
