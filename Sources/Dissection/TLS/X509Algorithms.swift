/// Kinds of public keys, by their algorithm's object identifier.
enum X509Key: BitwiseCopyable {
  case unknown
  case rsa
  case dsa
  case dh
  case ecdsa
  case ed25519
  case ed448

  init(_ identifier: Bytes) {
    self = .unknown
    switch identifier.count {
    case 3:
      switch identifier.be24(0) {
      case 0x2b6570: self = .ed25519
      case 0x2b6571: self = .ed448
      default: break
      }
    case 7:
      switch (identifier.be32(0), identifier.be24(4)) {
      case (0x2a86_48ce, 0x3d0201): self = .ecdsa
      case (0x2a86_48ce, 0x380401): self = .dsa
      case (0x2a86_48ce, 0x3e0201): self = .dh
      default: break
      }
    case 9:
      // PKCS #1: rsaEncryption, and RSASSA-PSS.
      guard identifier.be64(0) == 0x2a86_4886_f70d_0101 else { return }
      if identifier.u8(8) == 1 || identifier.u8(8) == 10 { self = .rsa }
    default: break
    }
  }

  /// As Zeek has it in `certificate.key_type`, and for what it does not know as OpenSSL does.
  var name: StaticString? {
    switch self {
    case .unknown: nil
    case .rsa: "rsa"
    case .dsa: "dsa"
    case .dh: "dh"
    case .ecdsa: "ecdsa"
    case .ed25519: "ed25519"
    case .ed448: "ed448"
    }
  }
}

/// Named curves of keys.
enum X509Curve {
  static func bits(_ identifier: Bytes) -> Int {
    switch identifier.count {
    case 5:
      // SEC 2: 1.3.132.0
      guard identifier.be32(0) == 0x2b81_0400 else { return 0 }
      return switch identifier.u8(4) {
      case 10: 256
      case 33: 224
      case 34: 384
      case 35: 521
      default: 0
      }
    case 8:
      // X9.62
      return switch identifier.be64(0) {
      case 0x2a86_48ce_3d03_0101: 192
      case 0x2a86_48ce_3d03_0107: 256
      default: 0
      }
    case 9:
      // Brainpool: 1.3.36.3.3.2.8.1.1
      guard identifier.be64(0) == 0x2b24_0303_0208_0101 else { return 0 }
      return switch identifier.u8(8) {
      case 7, 8: 256
      case 11, 12: 384
      case 13, 14: 512
      default: 0
      }
    default: return 0
    }
  }
}

/// Signature algorithms as OpenSSL and Zeek name them.
enum X509Signature {
  static func name(_ identifier: Bytes) -> StaticString? {
    switch identifier.count {
    case 3:
      switch identifier.be24(0) {
      case 0x2b6570: "ED25519"
      case 0x2b6571: "ED448"
      default: nil
      }
    case 5: identifier.be32(0) == 0x2b0e_0302 && identifier.u8(4) == 29 ? "sha1WithRSA" : nil
    case 7:
      switch (identifier.be32(0), identifier.be24(4)) {
      case (0x2a86_48ce, 0x3d0401): "ecdsa-with-SHA1"
      case (0x2a86_48ce, 0x380403): "dsaWithSHA1"
      default: nil
      }
    case 8:
      switch identifier.be64(0) {
      case 0x2a86_48ce_3d04_0301: "ecdsa-with-SHA224"
      case 0x2a86_48ce_3d04_0302: "ecdsa-with-SHA256"
      case 0x2a86_48ce_3d04_0303: "ecdsa-with-SHA384"
      case 0x2a86_48ce_3d04_0304: "ecdsa-with-SHA512"
      default: nil
      }
    case 9: rsa(identifier)
    default: nil
    }
  }

  private static func rsa(_ identifier: Bytes) -> StaticString? {
    switch (identifier.be64(0), identifier.u8(8)) {
    case (0x2a86_4886_f70d_0101, 2): "md2WithRSAEncryption"
    case (0x2a86_4886_f70d_0101, 4): "md5WithRSAEncryption"
    case (0x2a86_4886_f70d_0101, 5): "sha1WithRSAEncryption"
    case (0x2a86_4886_f70d_0101, 10): "rsassaPss"
    case (0x2a86_4886_f70d_0101, 11): "sha256WithRSAEncryption"
    case (0x2a86_4886_f70d_0101, 12): "sha384WithRSAEncryption"
    case (0x2a86_4886_f70d_0101, 13): "sha512WithRSAEncryption"
    case (0x2a86_4886_f70d_0101, 14): "sha224WithRSAEncryption"
    case (0x6086_4801_6503_0403, 1): "dsa_with_SHA224"
    case (0x6086_4801_6503_0403, 2): "dsa_with_SHA256"
    default: nil
    }
  }
}
