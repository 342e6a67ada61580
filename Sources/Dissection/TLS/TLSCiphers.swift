/// Names of cipher suites.
enum TLSCiphers {
  /// As the IANA's registry TLS Cipher Suites has it (and Zeek, and Wireshark); nil where it has
  /// none.
  static func name(_ number: UInt16) -> StaticString? {
    switch number >> 8 {
    case 0x00: name00(number & 0xff)
    case 0x13: name13(number & 0xff)
    case 0x56: name56(number & 0xff)
    case 0xc0: nameC0(number & 0xff)
    case 0xc1: nameC1(number & 0xff)
    case 0xcc: nameCC(number & 0xff)
    case 0xd0: nameD0(number & 0xff)
    case 0xe4: nameE4(number & 0xff)
    default: nil
    }
  }

  private static func name13(_ number: UInt16) -> StaticString? {
    switch number {
    case 0x01: "TLS_AES_128_GCM_SHA256"
    case 0x02: "TLS_AES_256_GCM_SHA384"
    case 0x03: "TLS_CHACHA20_POLY1305_SHA256"
    case 0x04: "TLS_AES_128_CCM_SHA256"
    case 0x05: "TLS_AES_128_CCM_8_SHA256"
    default: nil
    }
  }

  private static func name56(_ number: UInt16) -> StaticString? {
    switch number {
    case 0x00: "TLS_FALLBACK_SCSV"
    default: nil
    }
  }

  private static func nameC1(_ number: UInt16) -> StaticString? {
    switch number {
    case 0x00: "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC"
    case 0x01: "TLS_GOSTR341112_256_WITH_MAGMA_CTR_OMAC"
    case 0x02: "TLS_GOSTR341112_256_WITH_28147_CNT_IMIT"
    case 0x03: "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L"
    case 0x04: "TLS_GOSTR341112_256_WITH_MAGMA_MGM_L"
    case 0x05: "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_S"
    case 0x06: "TLS_GOSTR341112_256_WITH_MAGMA_MGM_S"
    default: nil
    }
  }

  private static func nameCC(_ number: UInt16) -> StaticString? {
    switch number {
    case 0x13: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    case 0x14: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    case 0x15: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    case 0xa8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    case 0xa9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    case 0xaa: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    case 0xab: "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"
    case 0xac: "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"
    case 0xad: "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256"
    case 0xae: "TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256"
    default: nil
    }
  }

  private static func nameD0(_ number: UInt16) -> StaticString? {
    switch number {
    case 0x01: "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"
    case 0x02: "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384"
    case 0x03: "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256"
    case 0x05: "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256"
    default: nil
    }
  }

  private static func nameE4(_ number: UInt16) -> StaticString? {
    switch number {
    case 0x10: "TLS_RSA_WITH_ESTREAM_SALSA20_SHA1"
    case 0x11: "TLS_RSA_WITH_SALSA20_SHA1"
    case 0x12: "TLS_ECDHE_RSA_WITH_ESTREAM_SALSA20_SHA1"
    case 0x13: "TLS_ECDHE_RSA_WITH_SALSA20_SHA1"
    case 0x14: "TLS_ECDHE_ECDSA_WITH_ESTREAM_SALSA20_SHA1"
    case 0x15: "TLS_ECDHE_ECDSA_WITH_SALSA20_SHA1"
    case 0x16: "TLS_PSK_WITH_ESTREAM_SALSA20_SHA1"
    case 0x17: "TLS_PSK_WITH_SALSA20_SHA1"
    case 0x18: "TLS_ECDHE_PSK_WITH_ESTREAM_SALSA20_SHA1"
    case 0x19: "TLS_ECDHE_PSK_WITH_SALSA20_SHA1"
    case 0x1a: "TLS_RSA_PSK_WITH_ESTREAM_SALSA20_SHA1"
    case 0x1b: "TLS_RSA_PSK_WITH_SALSA20_SHA1"
    case 0x1c: "TLS_DHE_PSK_WITH_ESTREAM_SALSA20_SHA1"
    case 0x1d: "TLS_DHE_PSK_WITH_SALSA20_SHA1"
    case 0x1e: "TLS_DHE_RSA_WITH_ESTREAM_SALSA20_SHA1"
    case 0x1f: "TLS_DHE_RSA_WITH_SALSA20_SHA1"
    default: nil
    }
  }
}
