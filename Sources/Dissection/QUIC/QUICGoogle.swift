internal import CCrypto
internal import Records

// Google's QUIC before it had TLS: a hello of tags and values ("QUIC Crypto", 2013 to 2021).

/// One of Google's handshake messages: a tag, the number of entries, entries of a tag and the offset of
/// the value's end, values.
struct QUICGoogleMessage: BitwiseCopyable {
  private let entries: Bytes
  private let values: Bytes
  private(set) var count: Int

  /// From its own tag on; nil where not even the entries are all there.
  init?(_ bytes: Bytes) {
    var cursor = ByteCursor(bytes)
    guard cursor.skip(4), let count = cursor.le16(), cursor.skip(2), count > 0, count <= 128,
      let entries = cursor.take(Int(count) &* 8)
    else { return nil }
    self.count = Int(count)
    self.entries = entries
    values = cursor.rest
  }

  func tag(_ place: Int) -> UInt32? { entries.be32(place &* 8) }

  func value(_ place: Int) -> Bytes? {
    guard let end = entries.le32(place &* 8 &+ 4) else { return nil }
    let start = place == 0 ? 0 : entries.le32(place &* 8 &- 4) ?? .max
    guard start <= end else { return nil }
    // Both are below 2^32.
    return values.slice(Int(start), Int(end &- start))
  }

  func value(of tag: UInt32) -> Bytes? {
    for place in 0..<count where self.tag(place) == tag { return value(place) }
    return nil
  }

  static var serverName: UInt32 { 0x534e_4900 }
  static var userAgent: UInt32 { 0x5541_4944 }
}

extension QUICFlow {
  /// The client's first packet, which is not encrypted: behind the header a hash of 12 bytes, and frames.
  func takeGoogle(_ header: QUICHeader, _ packet: Bytes) {
    meet(header)
    state.pointee.zeek.unhandled(self)
    takeGoogleHello(header, packet.dropFirst(header.numberOffset))
  }

  /// The hello in a packet's frames. It stands in the one stream frame that there is, mostly first.
  func takeGoogleHello(_ header: QUICHeader, _ frames: Bytes) {
    guard isFromClient, !has(Flags.clientDone), let place = frames.firstIndex(of: "CHLO"),
      let message = QUICGoogleMessage(frames.dropFirst(place))
    else { return }
    set(Flags.clientDone | Flags.google)
    writeGoogle(message, header.version)
  }

  /// CYU, the fingerprint of Google's hello: version and tags (Salesforce, 2019; Suricata's cyu.rs).
  func writeCYU(_ message: QUICGoogleMessage, _ version: QUICVersion, to w: inout EventWriter) {
    let number: StaticString
    switch version.value {
    case 0x5130_3433: number = "43"
    // Suricata has 44 for both.
    case 0x5130_3434, 0x5130_3435: number = "44"
    case 0x5130_3436: number = "46"
    default: return
    }
    d.withText { text in
      text.text(number)
      for place in 0..<message.count {
        text.byte(place == 0 ? 0x2c : 0x2d)
        guard let tag = message.tag(place) else { return }
        for shift in 0..<4 {
          let letter = UInt8(truncatingIfNeeded: tag >> UInt32(24 - shift * 8))
          if letter != 0 { text.byte(letter) }
        }
      }
      w.beginArray(QUICFields.cyu)
      w.beginObject(QUICFields.cyu)
      w.hex(QUICFields.hash, count: CCRYPTO_MD5_BYTES) {
        ccrypto_md5(text.bytes.base, text.bytes.count, $0)
      }
      w.string(QUICFields.string, text.bytes)
      w.end()
      w.end()
    }
  }
}
