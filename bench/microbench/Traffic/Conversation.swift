import FlowEngine

/// The `step`th packet of a flow: what goes over the link of a live connection, in order and complete.
///
/// TCP begins with its handshake and then goes on for as long as it is asked: six bytes from the client, an
/// acknowledgement, six bytes from the server, an acknowledgement. ``close(_:after:stage:_:)`` ends it.
/// UDP and ICMP are a request and an answer in turn.
enum Conversation {
  /// Packets until each side has written every letter of its history and both are established: from
  /// there on a flow's packets are those of a known flow.
  static let beginning = 7
  /// Packets that ``close(_:after:stage:_:)`` makes.
  static let closing = 3
  private static let data: UInt32 = 6

  @inline(__always)
  static func packet(_ shape: FlowShape, step: Int, _ frame: FrameWriter) -> Int {
    if shape.proto == IPProtocol.udp { return frame.udp(shape, fromClient: step & 1 == 0) }
    if shape.proto == IPProtocol.icmp { return frame.echo(shape, fromClient: step & 1 == 0) }
    switch step {
    case 0:
      return frame.tcp(
        shape, fromClient: true, sequence: shape.clientStart, acknowledgement: 0,
        flags: TCPFlags.syn, options: true)
    case 1:
      return frame.tcp(
        shape, fromClient: false, sequence: shape.serverStart,
        acknowledgement: shape.clientStart &+ 1, flags: TCPFlags.syn | TCPFlags.ack, options: true)
    case 2: return acknowledge(shape, after: step, fromClient: true, frame)
    default: break
    }
    let (client, server) = sequences(shape, after: step)
    switch (step - 3) & 3 {
    case 0:
      return frame.tcp(
        shape, fromClient: true, sequence: client, acknowledgement: server,
        flags: TCPFlags.psh | TCPFlags.ack, data: Int(data))
    case 2:
      return frame.tcp(
        shape, fromClient: false, sequence: server, acknowledgement: client,
        flags: TCPFlags.psh | TCPFlags.ack, data: Int(data))
    default:
      return acknowledge(shape, after: step, fromClient: (step - 3) & 3 == 3, frame)
    }
  }

  /// Where the two sides stand when `step` packets have gone, handshake included.
  @inline(__always)
  private static func sequences(_ shape: FlowShape, after step: Int) -> (UInt32, UInt32) {
    // Wraps as sequence numbers do.
    let gone = UInt32(truncatingIfNeeded: step &- 3)
    let client = step < 3 ? 0 : (gone &+ 3) / 4
    let server = step < 3 ? 0 : (gone &+ 1) / 4
    return (
      shape.clientStart &+ 1 &+ client &* data, shape.serverStart &+ 1 &+ server &* data
    )
  }

  @inline(__always)
  private static func acknowledge(
    _ shape: FlowShape, after step: Int, fromClient: Bool, _ frame: FrameWriter
  ) -> Int {
    let (client, server) = sequences(shape, after: step)
    return frame.tcp(
      shape, fromClient: fromClient, sequence: fromClient ? client : server,
      acknowledgement: fromClient ? server : client, flags: TCPFlags.ack)
  }

  /// FIN of the client, FIN of the server, last acknowledgement, of a connection of which `step` packets
  /// have gone; of UDP and ICMP, which have no end, the next packet.
  @inline(__always)
  static func close(_ shape: FlowShape, after step: Int, stage: Int, _ frame: FrameWriter) -> Int {
    guard shape.proto == IPProtocol.tcp else {
      return packet(shape, step: step &+ stage, frame)
    }
    let (client, server) = sequences(shape, after: step)
    let fin = TCPFlags.fin | TCPFlags.ack
    switch stage {
    case 0:
      return frame.tcp(
        shape, fromClient: true, sequence: client, acknowledgement: server, flags: fin)
    case 1:
      return frame.tcp(
        shape, fromClient: false, sequence: server, acknowledgement: client &+ 1, flags: fin)
    default:
      return frame.tcp(
        shape, fromClient: true, sequence: client &+ 1, acknowledgement: server &+ 1,
        flags: TCPFlags.ack)
    }
  }
}
