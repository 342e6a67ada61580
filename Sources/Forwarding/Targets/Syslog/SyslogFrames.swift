/// Messages of a batch, one behind the other as they go over the connection, each after its length
/// (octet counting: RFC 5425 section 4.3, RFC 6587 section 3.4.1):
///
///     431 <134>1 2026-… {…}398 <134>1 …
struct SyslogFrames {
  private(set) var bytes: [UInt8] = []
  /// Which record of the batch a frame carries, and where the frame ends in ``bytes``.
  private(set) var frames: [(index: Int, end: Int)] = []

  init(capacity: Int) { bytes.reserveCapacity(capacity) }

  /// Adds a message as a frame.
  mutating func append(message: borrowing [UInt8], index: Int) {
    bytes += String(message.count).utf8
    bytes.append(UInt8(ascii: " "))
    bytes += message
    frames.append((index, bytes.count))
  }
}
