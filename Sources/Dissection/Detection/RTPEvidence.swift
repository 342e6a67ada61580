internal import FlowEngine

/// What the datagrams of a flow that nobody knows yet have in common: two of one direction with the same
/// source and rising numbers are RTP (RFC 3550, 5.1), for which no single one is proof. It lies in the
/// part of the flow's state that is the dissector's once there is one.
struct RTPEvidence: BitwiseCopyable {
  private struct Side: BitwiseCopyable {
    var source: UInt32 = 0
    var timestamp: UInt32 = 0
    var sequence: UInt16 = 0
    var isSeen = false
  }

  private var toServer = Side()
  private var toClient = Side()

  /// Takes one datagram in. True when what there was of its direction is RTP.
  mutating func proves(_ bytes: Bytes, isToServer: Bool, _ context: ProbeContext) -> Bool {
    guard context.serverPort >= 1024, context.clientPort >= 1024, let side = Self.read(bytes)
    else { return false }
    let before = isToServer ? toServer : toClient
    if isToServer { toServer = side } else { toClient = side }
    guard before.isSeen, before.source == side.source else { return false }
    // One or more may be missing, and each brings less than some seconds of whatever clock there is.
    let step = side.sequence &- before.sequence
    let time = side.timestamp &- before.timestamp
    return step >= 1 && step <= 16 && time < 1 << 20
  }

  private static func read(_ bytes: Bytes) -> Side? {
    guard bytes.count >= 13, let top = bytes.u8(0), top & 0xc0 == 0x80, let second = bytes.u8(1),
      let sequence = bytes.be16(2), let timestamp = bytes.be32(4), let source = bytes.be32(8),
      source != 0
    else { return nil }
    // RFC 3551, 6: below 35 the types that are assigned, from 96 on those that are agreed upon.
    let type = second & 0x7f
    guard type < 35 || type >= 96 else { return nil }
    var header = 12 &+ 4 &* Int(top & 0x0f)
    if top & 0x10 != 0 {
      guard let words = bytes.be16(header &+ 2) else { return nil }
      header &+= 4 &+ 4 &* Int(words)
    }
    guard header <= bytes.count else { return nil }
    return Side(source: source, timestamp: timestamp, sequence: sequence, isSeen: true)
  }
}
