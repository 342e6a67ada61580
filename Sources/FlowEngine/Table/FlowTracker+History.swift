// Zeek's history: a letter the first time a side does something, upper case for the originator; of
// losses one more each time their number has grown tenfold.

extension FlowTracker {
  /// Letters of a TCP segment but for T, G, W and C, which have counts of their own.
  @inline(__always)
  mutating func writeLetters(
    _ entry: UInt32, _ side: UnsafeMutablePointer<FlowSide>,
    _ packet: UnsafePointer<ParsedPacket>
  ) {
    let flags = packet.pointee.tcpFlags
    let sender = packet.pointee.side
    let had = side.pointee.history
    switch flags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst) {
    case 0:
      if packet.pointee.payloadLength > 0 {
        appendHistory(entry, sender, HistoryBits.data)
      } else if flags & TCPFlags.ack != 0 {
        appendHistory(entry, sender, HistoryBits.ack)
      }
    case TCPFlags.syn:
      let letter = flags & TCPFlags.ack == 0 ? HistoryBits.syn : HistoryBits.synAck
      // A side has one of the two letters: that of its first SYN.
      if had & (HistoryBits.syn | HistoryBits.synAck) == 0 {
        appendHistory(entry, sender, letter)
      } else {
        side.pointee.history |= letter
      }
    case TCPFlags.fin:
      let end = packet.pointee.sequence &+ packet.pointee.payloadLength &+ 1
      if had & HistoryBits.fin != 0 && end != side.pointee.nextSequence {
        append(entry, letter(HistoryBits.fin, entry, sender))
      } else {
        appendHistory(entry, sender, HistoryBits.fin)
      }
    case TCPFlags.rst:
      // The window of a side that has sent a RST holds the low half of its sequence number.
      if had & HistoryBits.rst != 0
        && UInt16(truncatingIfNeeded: packet.pointee.sequence) != side.pointee.window
      {
        append(entry, letter(HistoryBits.rst, entry, sender))
      } else {
        appendHistory(entry, sender, HistoryBits.rst)
      }
    default:
      appendHistory(
        entry, sender,
        flags & (TCPFlags.fin | TCPFlags.rst) == TCPFlags.fin | TCPFlags.rst
          ? HistoryBits.inconsistent : HistoryBits.multipleFlags)
    }
  }

  /// Writes a letter that the side has not had yet.
  @inline(__always)
  mutating func appendHistory(_ entry: UInt32, _ sender: UInt8, _ bit: UInt16) {
    let side = Self.side(table.hot + Int(entry), sender)
    guard side.pointee.history & bit == 0 else { return }
    side.pointee.history |= bit
    append(entry, letter(bit, entry, sender))
  }

  /// Writes a letter at the 1st, 10th, 100th … time.
  mutating func appendScaled(_ entry: UInt32, _ sender: UInt8, _ bit: UInt16, _ count: UInt32) {
    Self.side(table.hot + Int(entry), sender).pointee.history |= bit
    var threshold: UInt32 = 1
    while threshold < count && threshold < 1_000_000_000 { threshold &*= 10 }
    if threshold == count { append(entry, letter(bit, entry, sender)) }
  }

  @inline(__always)
  private mutating func letter(_ bit: UInt16, _ entry: UInt32, _ sender: UInt8) -> UInt8 {
    let upper = HistoryBits.letter(bit.trailingZeroBitCount)
    return sender == originatorSide(entry) ? upper : upper | 0x20
  }

  @inline(never)
  mutating func append(_ entry: UInt32, _ letter: UInt8) {
    let cold = table.cold + Int(entry)
    let length = cold.pointee.historyLength
    guard length < 16 else { return }
    let text = UnsafeMutableRawPointer(cold) + MemoryLayout<FlowCold>.offset(of: \.historyText)!
    text.storeBytes(of: letter, toByteOffset: Int(length), as: UInt8.self)
    cold.pointee.historyLength = length &+ 1
  }
}

extension HistoryBits {
  /// The letter of bit `number`, upper case.
  static func letter(_ number: Int) -> UInt8 {
    switch number {
    case 0: UInt8(ascii: "S")
    case 1: UInt8(ascii: "H")
    case 2: UInt8(ascii: "A")
    case 3: UInt8(ascii: "D")
    case 4: UInt8(ascii: "F")
    case 5: UInt8(ascii: "R")
    case 6: UInt8(ascii: "C")
    case 7: UInt8(ascii: "I")
    case 8: UInt8(ascii: "T")
    case 9: UInt8(ascii: "W")
    case 10: UInt8(ascii: "G")
    default: UInt8(ascii: "Q")
    }
  }
}
