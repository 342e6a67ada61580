/// A certificate's parts, where they lie (RFC 5280, section 4.1). Of one that is cut short what
/// stands before the cut is there.
struct X509Certificate: BitwiseCopyable {
  /// Content of the serial number, with its leading zero where it has one.
  var serial = Bytes.empty
  /// The content of the names: sets of types and values.
  var issuer = Bytes.empty
  var subject = Bytes.empty
  var hasSubject = false
  /// Seconds since 1970.
  var notBefore: Int64?
  var notAfter: Int64?
  /// Object identifiers, encoded.
  var signatureAlgorithm = Bytes.empty
  var keyAlgorithm = Bytes.empty
  /// The named curve of an elliptic key.
  var curve = Bytes.empty
  var keyBits = 0
  /// The content of subjectAltName: general names.
  var alternativeNames = Bytes.empty
  /// It could not be read to its end.
  var isMalformed = true

  init(_ bytes: Bytes) {
    var outer = BERReader(bytes)
    guard let whole = outer.content(BERTag.sequence, allowsCut: true) else { return }
    var parts = BERReader(whole)
    guard let signed = parts.next(allowsCut: true), signed.tag == BERTag.sequence else { return }
    var fields = BERReader(signed.content)
    // [0] version
    _ = fields.content(0xa0)
    guard let serial = fields.content(BERTag.integer) else { return }
    self.serial = serial
    guard let algorithm = fields.content(BERTag.sequence) else { return }
    var inner = BERReader(algorithm)
    signatureAlgorithm = inner.content(BERTag.oid) ?? .empty
    guard let issuer = fields.content(BERTag.sequence) else { return }
    self.issuer = issuer
    guard let validity = fields.content(BERTag.sequence) else { return }
    var times = BERReader(validity)
    notBefore = times.next().flatMap(X509Time.seconds)
    notAfter = times.next().flatMap(X509Time.seconds)
    guard let subject = fields.content(BERTag.sequence) else { return }
    self.subject = subject
    hasSubject = true
    guard let key = fields.content(BERTag.sequence) else { return }
    takeKey(key)
    // [1] issuerUniqueID, [2] subjectUniqueID
    _ = fields.content(0x81)
    _ = fields.content(0x82)
    if let extensions = fields.content(0xa3) { takeExtensions(extensions) }
    isMalformed = signed.isCut || !fields.isAtEnd || notBefore == nil || notAfter == nil
  }

  /// SubjectPublicKeyInfo.
  private mutating func takeKey(_ bytes: Bytes) {
    var fields = BERReader(bytes)
    guard let algorithm = fields.content(BERTag.sequence),
      let key = fields.content(BERTag.bitString)
    else { return }
    var inner = BERReader(algorithm)
    guard let identifier = inner.content(BERTag.oid) else { return }
    keyAlgorithm = identifier
    switch X509Key(identifier) {
    case .rsa:
      // Behind the count of unused bits: modulus and exponent.
      var outer = BERReader(key.dropFirst(1))
      guard let pair = outer.content(BERTag.sequence) else { return }
      var numbers = BERReader(pair)
      keyBits = numbers.content(BERTag.integer).map(Self.bits) ?? 0
    case .dsa, .dh:
      guard let parameters = inner.content(BERTag.sequence) else { return }
      var numbers = BERReader(parameters)
      keyBits = numbers.content(BERTag.integer).map(Self.bits) ?? 0
    case .ecdsa:
      curve = inner.content(BERTag.oid) ?? .empty
      keyBits = X509Curve.bits(curve)
    case .ed25519: keyBits = 256
    case .ed448: keyBits = 456
    case .unknown: break
    }
  }

  /// Bits of an integer without its leading zeros.
  private static func bits(_ number: Bytes) -> Int {
    var rest = number
    while let first = rest.u8(0), first == 0 { rest = rest.dropFirst(1) }
    guard let first = rest.u8(0) else { return 0 }
    // At the most eight times the bytes of a message.
    return rest.count &* 8 &- first.leadingZeroBitCount
  }

  private mutating func takeExtensions(_ bytes: Bytes) {
    var outer = BERReader(bytes)
    guard let list = outer.content(BERTag.sequence) else { return }
    var extensions = BERReader(list)
    while let one = extensions.content(BERTag.sequence) {
      var fields = BERReader(one)
      guard let identifier = fields.content(BERTag.oid) else { continue }
      // critical
      _ = fields.content(0x01)
      // 2.5.29.17
      guard identifier.be24(0) == 0x551d11, identifier.count == 3,
        let value = fields.content(BERTag.octetString)
      else { continue }
      var names = BERReader(value)
      alternativeNames = names.content(BERTag.sequence) ?? .empty
    }
  }
}
