import CCrypto

@testable import Dissection

/// Initials made for tests: QUICKeys backwards.
enum QUICMaker {
  /// A packet of a version with frames, padded to at least `size` bytes.
  static func initial(
    _ frames: [UInt8], isClient: Bool = true, version: UInt32 = 1, dcid: [UInt8],
    scid: [UInt8] = [],
    keyedBy: [UInt8]? = nil, token: [UInt8] = [], number: UInt32 = 0, size: Int = 1200
  ) -> [UInt8] {
    let isV2 = version == QUICVersion.version2.value
    var payload = frames
    var head: [UInt8] = [isV2 ? 0xd3 : 0xc3] + Wire.be32(version) + [UInt8(dcid.count)] + dcid
    head += [UInt8(scid.count)] + scid + [UInt8(token.count)] + token
    let room = size - head.count - 2 - 4 - 16
    payload += [UInt8](repeating: 0, count: max(room - payload.count, 0))
    head += Wire.be16(0x4000 | payload.count + 20)
    let numberOffset = head.count
    head += Wire.be32(number)
    var keys = QUICKeys()
    let secret = keyedBy ?? dcid
    let material = withUnsafeMutablePointer(to: &keys) { keys in
      secret.withUnsafeBufferPointer { id in
        QUICKeys.derive(
          keys, version: QUICVersion(value: version), dcid: Bytes(id.baseAddress!, id.count),
          isClient: isClient)
      }
      return (0..<44).map { UnsafeRawPointer(keys).load(fromByteOffset: $0, as: UInt8.self) }
    }
    let worker = ccrypto_worker_create()!
    defer { ccrypto_worker_destroy(worker) }
    func block(_ key: ArraySlice<UInt8>, _ bytes: [UInt8]) -> [UInt8] {
      var output = [UInt8](repeating: 0, count: 16)
      _ = ccrypto_aes128_block(worker, Array(key), bytes, &output)
      return output
    }
    var nonce = Array(material[32..<44])
    for place in 0..<4 { nonce[11 - place] ^= UInt8(number >> UInt32(place * 8) & 0xff) }
    // GCM decrypts as it encrypts; only the tag is made here (NIST SP 800-38D).
    var sealed = [UInt8](repeating: 0, count: payload.count)
    _ = ccrypto_aes128_gcm_open(
      worker, Array(material[0..<16]), nonce, head, head.count, payload, payload.count, nil, &sealed
    )
    let hash = ghash(block(material[0..<16], [UInt8](repeating: 0, count: 16)), head, sealed)
    let mask0 = block(material[0..<16], nonce + [0, 0, 0, 1])
    sealed += zip(hash, mask0).map { $0 ^ $1 }
    let mask = block(material[16..<32], Array(sealed[0..<16]))
    head[0] ^= mask[0] & 0x0f
    for place in 0..<4 { head[numberOffset + place] ^= mask[1 + place] }
    return head + sealed
  }

  private static func ghash(_ key: [UInt8], _ header: [UInt8], _ text: [UInt8]) -> [UInt8] {
    func words(_ bytes: [UInt8]) -> (UInt64, UInt64) {
      (
        bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) },
        bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
      )
    }
    func padded(_ bytes: [UInt8]) -> [UInt8] {
      bytes + [UInt8](repeating: 0, count: (16 - bytes.count % 16) % 16)
    }
    let h = words(key)
    var y: (UInt64, UInt64) = (0, 0)
    var all = padded(header) + padded(text)
    for count in [header.count, text.count] {
      all += (0..<8).map { UInt8(UInt64(count * 8) >> (56 - 8 * UInt64($0)) & 0xff) }
    }
    for start in stride(from: 0, to: all.count, by: 16) {
      let x = words(Array(all[start..<start + 16]))
      y = (y.0 ^ x.0, y.1 ^ x.1)
      var (z, v): ((UInt64, UInt64), (UInt64, UInt64)) = ((0, 0), h)
      for bit in 0..<128 {
        let isSet = (bit < 64 ? y.0 >> (63 - UInt64(bit)) : y.1 >> (127 - UInt64(bit))) & 1 == 1
        if isSet { z = (z.0 ^ v.0, z.1 ^ v.1) }
        let carry = v.1 & 1
        v = (v.0 >> 1 ^ (carry == 1 ? 0xe1 << 56 : 0), v.1 >> 1 | v.0 << 63)
      }
      y = z
    }
    return [y.0, y.1].flatMap { word in (0..<8).map { UInt8(word >> (56 - 8 * UInt64($0)) & 0xff) }
    }
  }

  /// A CRYPTO frame.
  static func crypto(_ offset: Int, _ bytes: ArraySlice<UInt8>) -> [UInt8] {
    [6] + Wire.be16(0x4000 | offset) + Wire.be16(0x4000 | bytes.count) + bytes
  }

  /// The hello of RFC 9001's example, with its type and length.
  static var hello: [UInt8] { Array(QUICVectors.clientFrame.dropFirst(4)) }
}
