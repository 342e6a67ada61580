/// A TCP connection within a ``MadeCapture``: what each side says, in segments of at the most 1400 bytes, each
/// acknowledged.
struct MadeConversation {
  private var (client, server): (UInt32, UInt32) = (1001, 5001)

  init(_ capture: inout MadeCapture, port: UInt16) {
    capture.serverPort = port
    capture.clientPort += 1
    capture.open()
  }

  /// `isLost`: it is not in the capture, and only its acknowledgement is.
  mutating func say(
    _ capture: inout MadeCapture, fromClient: Bool, _ bytes: [UInt8], isLost: Bool = false
  ) {
    for start in stride(from: 0, to: bytes.count, by: 1400) {
      let piece = Array(bytes[start..<min(start + 1400, bytes.count)])
      let (own, others) = fromClient ? (client, server) : (server, client)
      if !isLost {
        capture.tcp(fromClient: fromClient, own, acknowledging: others, bytes: piece)
      }
      let next = own + UInt32(piece.count)
      if fromClient { client = next } else { server = next }
      capture.tcp(fromClient: !fromClient, others, acknowledging: next)
    }
  }

  mutating func say(
    _ capture: inout MadeCapture, fromClient: Bool, _ text: String, isLost: Bool = false
  ) {
    say(&capture, fromClient: fromClient, Array(text.utf8), isLost: isLost)
  }
}
