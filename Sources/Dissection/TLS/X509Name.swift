/// Names of certificates as EVE has them (Suricata's, of its X.509 library): `C=US, O=Example,
/// CN=a.example`, parts in the certificate's own order, ` + ` between those of one set, nothing
/// escaped.
enum X509Name {
  static func write(_ name: Bytes, to text: inout BoundedText) {
    var sets = BERReader(name)
    var isFirst = true
    while let set = sets.content(BERTag.set) {
      var parts = BERReader(set)
      var isFirstOfSet = true
      while let part = parts.content(BERTag.sequence) {
        var fields = BERReader(part)
        guard let type = fields.content(BERTag.oid), let value = fields.next() else { continue }
        if !isFirst { text.text(isFirstOfSet ? ", " : " + ") }
        isFirst = false
        isFirstOfSet = false
        if let label = label(type) { text.text(label) } else { _ = text.identifier(type) }
        text.byte(0x3d)
        X509Text.write(value, to: &text)
      }
    }
  }

  /// The last common name, as it stands there.
  static func commonName(_ name: Bytes) -> Bytes? {
    var sets = BERReader(name)
    var found: Bytes?
    while let set = sets.content(BERTag.set) {
      var parts = BERReader(set)
      while let part = parts.content(BERTag.sequence) {
        var fields = BERReader(part)
        guard let type = fields.content(BERTag.oid), type.count == 3, type.be24(0) == 0x550403,
          let value = fields.next()
        else { continue }
        found = value.content
      }
    }
    return found
  }

  private static func label(_ type: Bytes) -> StaticString? {
    switch type.count {
    case 3:
      guard type.be16(0) == 0x5504 else { return nil }
      return switch type.u8(2) {
      case 3: "CN"
      case 4: "SN"
      case 5: "serialNumber"
      case 6: "C"
      case 7: "L"
      case 8: "ST"
      case 9: "street"
      case 10: "O"
      case 11: "OU"
      case 12: "title"
      case 13: "description"
      case 15: "businessCategory"
      case 17: "postalCode"
      case 41: "name"
      case 42: "GN"
      case 43: "initials"
      case 44: "generationQualifier"
      case 46: "dnQualifier"
      case 65: "pseudonym"
      case 97: "organizationIdentifier"
      default: nil
      }
    case 9:
      // PKCS #9
      guard type.be64(0) == 0x2a86_4886_f70d_0109 else { return nil }
      return switch type.u8(8) {
      case 1: "Email"
      case 2: "unstructuredName"
      default: nil
      }
    case 10:
      // 0.9.2342.19200300.100.1
      guard type.be64(0) == 0x0992_2689_93f2_2c64 else { return nil }
      return switch type.be16(8) {
      case 0x0101: "UID"
      case 0x0119: "DC"
      default: nil
      }
    case 11:
      // Microsoft's, for extended validation: 1.3.6.1.4.1.311.60.2.1
      guard type.be64(0) == 0x2b06_0104_0182_373c, type.be16(8) == 0x0201 else { return nil }
      return switch type.u8(10) {
      case 1: "jurisdictionL"
      case 2: "jurisdictionST"
      case 3: "jurisdictionC"
      default: nil
      }
    default: return nil
    }
  }
}
