extension TLSStream {
  /// A record's head is five bytes with some 35 bits that must be right; of a handshake the
  /// message's type and length are looked at, too.
  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let (length, isOpen) = TLSPrelude.measure(
      bytes, toServer: context.isToServer, isFirst: true)
    if isOpen { return .maybe }
    if length == 0 { return probe(bytes) }
    let rest = bytes.dropFirst(length)
    // What comes before says little: only records make it TLS.
    return rest.isEmpty ? .maybe : TLSRecordHeader.mayBegin(rest) ? probe(rest) : .no
  }

  private static func probe(_ bytes: Bytes) -> Probe {
    if TLSSSL2.isHello(bytes) { return .yes }
    guard let header = TLSRecordHeader(bytes) else {
      let isShort = bytes.count < TLSRecordHeader.byteCount && TLSRecordHeader.mayBegin(bytes)
      return isShort || TLSSSL2.mayBegin(bytes) ? .maybe : .no
    }
    let body = bytes.dropFirst(TLSRecordHeader.byteCount)
    switch header.type {
    case TLSRecordHeader.Kind.handshake:
      guard let type = body.u8(0), let length = body.be24(1) else { return .maybe }
      // In the middle of a connection it may be encrypted.
      if TLSMessage.letter(type) != nil, length < 1 << 20 {
        return isInnerLengthRight(type, length, header.length, body)
      }
      return .yes
    case TLSRecordHeader.Kind.alert:
      // In the clear two bytes: a level and a description.
      if header.length == 2 {
        guard let level = body.u8(0) else { return .maybe }
        return level == 1 || level == 2 ? .yes : .no
      }
      return .yes
    case TLSRecordHeader.Kind.changeCipherSpec:
      guard let value = body.u8(0) else { return .maybe }
      return value == 1 ? .yes : .no
    // A type, a version and a length that there are come together by chance less than once in a million.
    default: return .yes
    }
  }

  /// A hello has its version where it must be.
  private static func isInnerLengthRight(
    _ type: UInt8, _ length: UInt32, _ recordLength: Int, _ body: Bytes
  ) -> Probe {
    guard type == TLSMessage.clientHello || type == TLSMessage.serverHello else { return .yes }
    guard length >= 34 else { return .no }
    guard let major = body.u8(4) else { return recordLength < 5 ? .yes : .maybe }
    return major == 3 || major == 0x7f || major == 0xfb ? .yes : .no
  }
}
