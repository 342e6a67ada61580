/// Options of a TCP header (RFC 9293, section 3.2), as far as a flow needs them.
enum TCPOptions {
  enum Kind {
    static let end: UInt8 = 0
    static let noOperation: UInt8 = 1
    static let windowScale: UInt8 = 3
  }

  /// The shift count of a SYN (RFC 7323, section 2.2); nil where it has none or its bytes are not here.
  static func windowScale(_ packet: UnsafePointer<ParsedPacket>) -> UInt8? {
    guard let data = packet.pointee.data else { return nil }
    let end = min(Int(packet.pointee.payloadOffset), Int(packet.pointee.captured))
    var offset = Int(packet.pointee.transportOffset) &+ 20
    while offset < end {
      let kind = data.u8(offset)
      if kind == Kind.end { return nil }
      if kind == Kind.noOperation {
        offset &+= 1
        continue
      }
      guard offset &+ 1 < end else { return nil }
      let length = Int(data.u8(offset &+ 1))
      guard length >= 2, offset &+ length <= end else { return nil }
      if kind == Kind.windowScale && length >= 3 { return data.u8(offset &+ 2) }
      offset &+= length
    }
    return nil
  }

  /// Whether all options of a segment make sense; true where its header is not here in full.
  static func areReadable(_ packet: UnsafePointer<ParsedPacket>) -> Bool {
    guard let data = packet.pointee.data,
      UInt32(packet.pointee.payloadOffset) <= packet.pointee.captured
    else { return true }
    return areReadable(
      data, from: Int(packet.pointee.transportOffset) &+ 20, to: Int(packet.pointee.payloadOffset))
  }

  /// Whether all options of a header that is here in full have a length that makes sense.
  static func areReadable(_ data: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Bool {
    var offset = start
    while offset < end {
      let kind = data.u8(offset)
      if kind == Kind.end { return true }
      if kind == Kind.noOperation {
        offset &+= 1
        continue
      }
      guard offset &+ 1 < end else { return false }
      let length = Int(data.u8(offset &+ 1))
      guard length >= 2, offset &+ length <= end else { return false }
      offset &+= length
    }
    return true
  }
}
