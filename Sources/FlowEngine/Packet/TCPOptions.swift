/// Options of a TCP header (RFC 9293, section 3.2), as far as a flow needs them.
enum TCPOptions {
  enum Kind {
    static let end: UInt8 = 0
    static let noOperation: UInt8 = 1
    static let windowScale: UInt8 = 3
  }

  /// Of a SYN: whether all its options make sense, which is also said where its header is not here in
  /// full, and its shift count (RFC 7323, section 2.2), nil where it has none or its bytes are not here.
  static func ofSyn(
    _ packet: UnsafePointer<ParsedPacket>
  ) -> (areReadable: Bool, windowScale: UInt8?) {
    guard let data = packet.pointee.data else { return (true, nil) }
    let declared = Int(packet.pointee.payloadOffset)
    let captured = Int(packet.pointee.captured)
    let end = min(declared, captured)
    let isCut = declared > captured
    var offset = Int(packet.pointee.transportOffset) &+ 20
    var scale: UInt8?
    while offset < end {
      let kind = data.u8(offset)
      if kind == Kind.end { break }
      if kind == Kind.noOperation {
        offset &+= 1
        continue
      }
      guard offset &+ 1 < end else { return (isCut, scale) }
      let length = Int(data.u8(offset &+ 1))
      guard length >= 2, offset &+ length <= end else { return (isCut, scale) }
      // The first one counts.
      if kind == Kind.windowScale && length >= 3 && scale == nil { scale = data.u8(offset &+ 2) }
      offset &+= length
    }
    return (true, scale)
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
