/// Whether a certificate is for a host (RFC 6125, section 6.4): its DNS names where it has any, and
/// its common name where it has none.
enum X509Host {
  static func matches(_ certificate: X509Certificate, _ host: Bytes) -> Bool {
    var hasNames = false
    var names = BERReader(certificate.alternativeNames)
    while let name = names.next() {
      guard name.tag == X509AlternativeName.dns else { continue }
      hasNames = true
      if matches(name.content, host) { return true }
    }
    if hasNames { return false }
    return X509Name.commonName(certificate.subject).map { matches($0, host) } ?? false
  }

  /// A `*` stands for the whole first label.
  private static func matches(_ pattern: Bytes, _ host: Bytes) -> Bool {
    let host = host.u8(host.count &- 1) == 0x2e ? host.prefix(host.count &- 1) : host
    guard !pattern.isEmpty, !host.isEmpty else { return false }
    if pattern.starts(with: "*.") {
      guard let dot = host.firstIndex(of: 0x2e), dot > 0 else { return false }
      return areSame(pattern.dropFirst(1), host.dropFirst(dot))
    }
    return areSame(pattern, host)
  }

  private static func areSame(_ a: Bytes, _ b: Bytes) -> Bool {
    guard a.count == b.count else { return false }
    for place in 0..<a.count
    where Bytes.lowercase(a.u8(place) ?? 0) != Bytes.lowercase(b.u8(place) ?? 1) {
      return false
    }
    return true
  }
}

/// Tags of general names (RFC 5280, section 4.2.1.6).
enum X509AlternativeName {
  static var email: UInt8 { 0x81 }
  static var dns: UInt8 { 0x82 }
  static var uri: UInt8 { 0x86 }
  static var ip: UInt8 { 0x87 }
}
