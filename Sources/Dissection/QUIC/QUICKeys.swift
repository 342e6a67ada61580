internal import CCrypto

/// Keys of one direction's Initials (RFC 9001, section 5.2), which anybody can make who has seen the
/// client's first connection id. 64 bytes.
struct QUICKeys: BitwiseCopyable {
  private var key: (UInt64, UInt64) = (0, 0)
  private var headerKey: (UInt64, UInt64) = (0, 0)
  private var iv: (UInt64, UInt32) = (0, 0)
  /// Whose salt and labels they were made with; 0: there are none.
  private(set) var version = QUICVersion(value: 0)

  static var headerKeyOffset: Int { 16 }
  static var ivOffset: Int { 32 }

  /// Nine rounds of HMAC: about 3 microseconds.
  static func derive(
    _ keys: UnsafeMutablePointer<QUICKeys>, version: QUICVersion, dcid: Bytes, isClient: Bool
  ) {
    let salt = version.salt
    var words: (UInt64, UInt64, UInt32) = (
      salt.0.bigEndian, salt.1.bigEndian, salt.2.bigEndian
    )
    var secrets: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
      0, 0, 0, 0, 0, 0, 0, 0
    )
    withUnsafeMutableBytes(of: &secrets) { secrets in
      guard let common = secrets.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      // The two secrets, one behind the other.
      let own = common + 32
      withUnsafeBytes(of: &words) { salt in
        guard let salt = salt.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        ccrypto_hkdf_extract(salt, 20, dcid.base, dcid.count, common)
      }
      expand(common, isClient ? "client in" : "server in", own, 32)
      let output = UnsafeMutableRawPointer(keys).assumingMemoryBound(to: UInt8.self)
      expand(own, version.isV2 ? "quicv2 key" : "quic key", output, 16)
      expand(own, version.isV2 ? "quicv2 hp" : "quic hp", output + headerKeyOffset, 16)
      expand(own, version.isV2 ? "quicv2 iv" : "quic iv", output + ivOffset, 12)
    }
    keys.pointee.version = version
  }

  private static func expand(
    _ secret: UnsafePointer<UInt8>, _ label: StaticString, _ output: UnsafeMutablePointer<UInt8>,
    _ count: Int
  ) {
    _ = ccrypto_hkdf_expand_label(
      secret, label.utf8Start, label.utf8CodeUnitCount, output, count)
  }

  /// A packet without its protection (RFC 9001, sections 5.3 and 5.4). `output` has room for as many bytes
  /// as the packet has; the result lies in it. nil where the packet was not made with these keys. Of a
  /// packet that the capture has cut, what is there is decrypted and not verified.
  static func open(
    _ crypto: OpaquePointer, _ keys: UnsafeMutablePointer<QUICKeys>, _ packet: Bytes,
    _ header: QUICHeader, into output: UnsafeMutablePointer<UInt8>
  ) -> Bytes? {
    let material = UnsafePointer(
      UnsafeMutableRawPointer(keys).assumingMemoryBound(to: UInt8.self))
    guard let sample = packet.slice(header.numberOffset &+ 4, 16) else { return nil }
    var mask: (UInt64, UInt64) = (0, 0)
    let isMasked = withUnsafeMutableBytes(of: &mask) { mask in
      guard let mask = mask.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return false }
      return ccrypto_aes128_block(crypto, material + headerKeyOffset, sample.base, mask) == 1
    }
    guard isMasked else { return nil }
    // The mask's bytes in the order in which they stand.
    let bits = UInt64(bigEndian: mask.0)
    let first = header.first ^ UInt8(truncatingIfNeeded: bits >> 56) & 0x0f
    let length = Int(first & 3) &+ 1
    let before = header.numberOffset &+ length
    let tagBytes = Int(CCRYPTO_GCM_TAG_BYTES)
    let end = header.isCut ? packet.count : header.end &- tagBytes
    // 4 + 16 bytes behind the number's offset are there, so that the header is, too.
    guard end > before, let body = packet.slice(before, end &- before) else { return nil }
    UnsafeMutableRawPointer(output).copyMemory(from: packet.base, byteCount: before)
    output[0] = first
    var number: UInt64 = 0
    for place in 0..<length {
      let byte =
        output[header.numberOffset &+ place]
        ^ UInt8(truncatingIfNeeded: bits >> UInt64(48 - place * 8))
      output[header.numberOffset &+ place] = byte
      number = number << 8 | UInt64(byte)
    }
    var nonce: (UInt64, UInt32) = (0, 0)
    let isOpen = withUnsafeMutableBytes(of: &nonce) { nonce in
      guard let nonce = nonce.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
        return false
      }
      for place in 0..<12 { nonce[place] = material[ivOffset + place] }
      // An Initial's number is small: what was sent of it is all of it.
      for place in 0..<4 {
        nonce[11 - place] ^= UInt8(truncatingIfNeeded: number >> UInt64(place * 8))
      }
      let tag = header.isCut ? nil : packet.slice(end, tagBytes)?.base
      return ccrypto_aes128_gcm_open(
        crypto, material, nonce, output, before, body.base, body.count, tag, output + before) == 1
    }
    return isOpen ? Bytes(UnsafePointer(output + before), body.count) : nil
  }
}
