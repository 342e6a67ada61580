internal import COpenSSL

/// `Martlet-Signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256 (RFC 2104) over the time's digits, a
/// full stop and the body as it is on the wire. The time is signed, so that a request that was
/// recorded cannot be played again later.
enum WebhookSignature {
  static let header = "Martlet-Signature"

  static func value(_ body: [UInt8], secret: Secret, unixSeconds: Int) -> String {
    let content = Array("\(unixSeconds).".utf8) + body
    return "t=\(unixSeconds),v1=\(Hexadecimal.text(authenticate(content, key: secret.bytes)))"
  }

  private static func authenticate(_ content: [UInt8], key: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { digest, count in
      var length: UInt32 = 0
      // Cannot fail: the digest is built in, and the sizes fit.
      HMAC(
        EVP_sha256(), key, Int32(key.count), content, content.count, digest.baseAddress, &length)
      count = Int(length)
    }
  }

  /// SHA-256 (FIPS 180-4) in hexadecimal digits.
  static func digest(_ content: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256(content, content.count, &digest)
    return Hexadecimal.text(digest)
  }
}
