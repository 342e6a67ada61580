/// Hellos, records and certificates made byte by byte.
enum TLSWire {
  static func prefixed8(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }
  static func prefixed16(_ bytes: [UInt8]) -> [UInt8] { Wire.be16(bytes.count) + bytes }
  static func prefixed24(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(bytes.count >> 16)] + Wire.be16(bytes.count & 0xffff) + bytes
  }
  static func numbers(_ values: [Int]) -> [UInt8] { values.flatMap(Wire.be16) }

  static func record(_ type: UInt8, _ body: [UInt8], version: Int = 0x0303) -> [UInt8] {
    [type] + Wire.be16(version) + prefixed16(body)
  }
  static func handshake(_ type: UInt8, _ body: [UInt8]) -> [UInt8] { [type] + prefixed24(body) }

  static func ext(_ type: Int, _ body: [UInt8]) -> [UInt8] { Wire.be16(type) + prefixed16(body) }
  static func sni(_ name: String) -> [UInt8] {
    ext(0, prefixed16([0] + prefixed16(Array(name.utf8))))
  }
  static func alpn(_ names: [[UInt8]]) -> [UInt8] { ext(16, prefixed16(names.flatMap(prefixed8))) }

  static let random = [UInt8](1...32)

  static func clientHello(
    version: Int = 0x0303, session: [UInt8] = [], ciphers: [Int] = [0x1301, 0xc02f],
    extensions: [UInt8]
  ) -> [UInt8] {
    handshake(
      1,
      Wire.be16(version) + random + prefixed8(session) + prefixed16(numbers(ciphers)) + [1, 0]
        + prefixed16(extensions))
  }

  static func serverHello(
    version: Int = 0x0303, random: [UInt8] = random, session: [UInt8] = [], cipher: Int = 0xc02f,
    extensions: [UInt8] = []
  ) -> [UInt8] {
    handshake(
      2,
      Wire.be16(version) + random + prefixed8(session) + Wire.be16(cipher) + [0]
        + prefixed16(extensions))
  }

  static func certificates(_ chain: [[UInt8]]) -> [UInt8] {
    handshake(11, prefixed24(chain.flatMap(prefixed24)))
  }

  static let changeCipherSpec = record(20, [1])
  static let retryRandom: [UInt8] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
  ]

  // MARK: Certificates

  static func der(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
    switch body.count {
    case 0..<128: [tag, UInt8(body.count)] + body
    case 128..<256: [tag, 0x81, UInt8(body.count)] + body
    default: [tag, 0x82] + Wire.be16(body.count) + body
    }
  }
  static func sequence(_ parts: [UInt8]...) -> [UInt8] { der(0x30, parts.flatMap { $0 }) }

  static let cn: [UInt8] = [0x55, 4, 3]
  static let country: [UInt8] = [0x55, 4, 6]
  static let organization: [UInt8] = [0x55, 4, 10]

  static func name(_ parts: [(oid: [UInt8], tag: UInt8, value: [UInt8])]) -> [UInt8] {
    der(0x30, parts.flatMap { der(0x31, sequence(der(6, $0.oid), der($0.tag, $0.value))) })
  }
  static func name(_ text: String) -> [UInt8] { name([(cn, 0x0c, Array(text.utf8))]) }

  static let rsa: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]
  static let sha256WithRSA: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]

  static func certificate(
    subject: [UInt8], issuer: [UInt8] = name("Test CA"), serial: [UInt8] = [0, 0x97, 0xe6],
    notBefore: [UInt8] = der(0x17, Array("200102030405Z".utf8)),
    notAfter: [UInt8] = der(0x18, Array("20500607080910Z".utf8)), names: [UInt8] = [],
    padding: Int = 0
  ) -> [UInt8] {
    let algorithm = sequence(der(6, sha256WithRSA), [5, 0])
    let modulus = der(2, [0, 0x80] + [UInt8](repeating: 7, count: 255))
    let key = sequence(
      sequence(der(6, rsa), [5, 0]), der(3, [0] + sequence(modulus, der(2, [1, 0, 1]))))
    var extensions = sequence(
      der(6, [0x55, 0x1d, 0x13]), der(1, [0xff]), der(4, sequence()))
    if !names.isEmpty {
      extensions += sequence(der(6, [0x55, 0x1d, 0x11]), der(4, sequence(names)))
    }
    if padding > 0 {
      extensions += sequence(
        der(6, [0x55, 0x1d, 0x20]), der(4, [UInt8](repeating: 0, count: padding)))
    }
    let signed = sequence(
      der(0xa0, der(2, [2])), der(2, serial), algorithm, issuer, sequence(notBefore, notAfter),
      subject, key, der(0xa3, sequence(extensions)))
    return sequence(signed, algorithm, der(3, [0] + [UInt8](repeating: 9, count: 256)))
  }
}
