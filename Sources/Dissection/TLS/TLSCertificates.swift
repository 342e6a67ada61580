internal import CCrypto
internal import FlowEngine
internal import Records

/// The certificates of a message (RFC 5246, section 7.4.2): each behind its length in three bytes,
/// the sender's own first.
struct TLSCertificates: BitwiseCopyable {
  private var cursor: ByteCursor

  struct One: BitwiseCopyable {
    let bytes: Bytes
    /// Only its beginning is there.
    let isCut: Bool
  }

  /// Of the message's body, of which the end may be missing.
  init(_ body: Bytes) {
    let length = Int(body.be24(0) ?? 0)
    cursor = ByteCursor(body.dropFirst(3).prefix(length))
  }

  mutating func next() -> One? {
    guard let length = cursor.be24() else { return nil }
    if let bytes = cursor.take(Int(length)) { return One(bytes: bytes, isCut: false) }
    let bytes = cursor.rest
    _ = cursor.take(bytes.count)
    return bytes.isEmpty ? nil : One(bytes: bytes, isCut: true)
  }

  /// Certificates of a chain that are told of.
  private static var mostCertificates: Int { 32 }
  private static var mostNames: Int { 512 }

  // MARK: Fields

  /// The server's certificate, and the chain.
  static func writeServer(_ body: Bytes, _ d: Delivery, host: Bytes, into w: inout EventWriter) {
    var list = TLSCertificates(body)
    guard let first = list.next() else { return }
    withDigests(body, d) { digests in
      let certificate = X509Certificate(first.bytes)
      if certificate.isMalformed && !first.isCut { d.note(.appMalformed) }
      writeIdentity(certificate, first, into: &w)
      if let digest = digest(0, of: digests) { w.hex(TLSFields.fingerprintSHA256, digest) }
      writeNames(certificate.alternativeNames, into: &w)
      if let name = X509Key(certificate.keyAlgorithm).name { w.text(TLSFields.keyType, name) }
      if certificate.keyBits > 0 { w.integer(TLSFields.keyLength, certificate.keyBits) }
      if let name = X509Signature.name(certificate.signatureAlgorithm) {
        w.text(TLSFields.signatureAlgorithm, name)
      }
      if !host.isEmpty && certificate.hasSubject && !first.isCut {
        w.boolean(TLSFields.sniMatches, X509Host.matches(certificate, host))
      }
      writeChain(body, digests, into: &w)
      writeFingerprints(digests, TLSFields.zeekChain, into: &w)
    }
  }

  /// The one certificate of SSL 2.0's server.
  static func writeSSL2(_ bytes: Bytes, into w: inout EventWriter) {
    if bytes.isEmpty { return }
    writeIdentity(X509Certificate(bytes), One(bytes: bytes, isCut: false), into: &w)
  }

  /// The client's certificate.
  static func writeClient(_ body: Bytes, _ d: Delivery, into w: inout EventWriter) {
    var list = TLSCertificates(body)
    guard let first = list.next() else { return }
    withDigests(body, d) { digests in
      let certificate = X509Certificate(first.bytes)
      if certificate.isMalformed && !first.isCut { d.note(.appMalformed) }
      w.beginObject(TLSFields.client)
      writeIdentity(certificate, first, into: &w)
      if let digest = digest(0, of: digests) { w.hex(TLSFields.fingerprintSHA256, digest) }
      w.end()
      writeFingerprints(digests, TLSFields.zeekClientChain, into: &w)
    }
  }

  /// The SHA-256 of each certificate that is there as a whole, one behind the other.
  @inline(__always)
  private static func withDigests(_ body: Bytes, _ d: Delivery, _ work: (Bytes) -> Void) {
    let length = Int(CCRYPTO_SHA256_BYTES)
    // 32 of 32 bytes are the smallest block's 1,024.
    let block = d.core.pointee.blocks.take(0)
    guard block != 0 else { return work(.empty) }
    let memory = d.core.pointee.blocks.at(block).assumingMemoryBound(to: UInt8.self)
    var count = 0
    var list = TLSCertificates(body)
    while count < mostCertificates, let one = list.next(), !one.isCut {
      ccrypto_sha256(one.bytes.base, one.bytes.count, memory + count &* length)
      count &+= 1
    }
    work(Bytes(UnsafePointer(memory), count &* length))
    d.core.pointee.blocks.giveBack(block, 0)
  }

  private static func digest(_ place: Int, of digests: Bytes) -> Bytes? {
    digests.slice(place &* Int(CCRYPTO_SHA256_BYTES), Int(CCRYPTO_SHA256_BYTES))
  }

  private static func writeIdentity(
    _ certificate: X509Certificate, _ one: One, into w: inout EventWriter
  ) {
    if certificate.hasSubject { writeName(certificate.subject, TLSFields.subject, into: &w) }
    if !certificate.issuer.isEmpty {
      writeName(certificate.issuer, TLSFields.issuerDN, into: &w)
    }
    writeSerial(certificate.serial, into: &w)
    if !one.isCut {
      w.hex(TLSFields.fingerprint, count: CCRYPTO_SHA1_BYTES, colons: true) {
        ccrypto_sha1(one.bytes.base, one.bytes.count, $0)
      }
    }
    if let time = certificate.notBefore { w.dateTime(TLSFields.notBefore, seconds: time) }
    if let time = certificate.notAfter { w.dateTime(TLSFields.notAfter, seconds: time) }
  }

  private static func writeName(_ name: Bytes, _ field: EventField, into w: inout EventWriter) {
    w.string(field) { X509Name.write(name, to: &$0) }
  }

  /// Two upper-case digits a byte, with colons between, as Suricata has them.
  private static func writeSerial(_ serial: Bytes, into w: inout EventWriter) {
    if serial.isEmpty { return }
    w.string(TLSFields.serial) { text in
      for place in 0..<min(serial.count, 1024) {
        if place > 0 { text.byte(0x3a) }
        text.upperHex(serial.base[place])
      }
    }
  }

  private static func writeNames(_ names: Bytes, into w: inout EventWriter) {
    var list = BERReader(names)
    var count = 0
    while count < mostNames, let name = list.next() {
      switch name.tag {
      case X509AlternativeName.dns, X509AlternativeName.email, X509AlternativeName.uri,
        X509AlternativeName.ip:
        if count == 0 { w.beginArray(TLSFields.alternativeNames) }
        count &+= 1
        if name.tag == X509AlternativeName.ip {
          w.address(TLSFields.alternativeNames, name.content)
        } else {
          w.string(TLSFields.alternativeNames, name.content)
        }
      default: break
      }
    }
    if count > 0 { w.end() }
  }

  private static func writeChain(
    _ body: Bytes, _ digests: Bytes, into w: inout EventWriter
  ) {
    w.beginArray(TLSFields.certificates)
    var list = TLSCertificates(body)
    var place = 0
    while place < mostCertificates, let one = list.next() {
      let certificate = X509Certificate(one.bytes)
      w.beginObject(TLSFields.certificates)
      if certificate.hasSubject {
        writeName(certificate.subject, TLSFields.certificateSubject, into: &w)
      }
      if let digest = digest(place, of: digests) {
        w.hex(TLSFields.certificateFingerprint, digest)
      }
      w.end()
      place &+= 1
    }
    w.end()
  }

  private static func writeFingerprints(
    _ digests: Bytes, _ field: EventField, into w: inout EventWriter
  ) {
    if digests.isEmpty { return }
    w.beginArray(field)
    var place = 0
    while let digest = digest(place, of: digests) {
      w.hex(field, digest)
      place &+= 1
    }
    w.end()
  }
}
