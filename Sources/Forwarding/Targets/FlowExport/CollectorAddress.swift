/// Where a collector is, as people write it.
package struct CollectorAddress: Equatable, Sendable {
  package var host: String
  package var port: UInt16

  /// `collector.example:2055`, `192.0.2.1`, `[2001:db8::1]:4739`; nil for anything else.
  package init?(_ text: String, defaultPort: UInt16) {
    var host = Substring(text)
    var port: Substring?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      if !rest.isEmpty {
        guard rest.first == ":" else { return nil }
        port = rest.dropFirst()
      }
      guard host.contains(":") else { return nil }
    } else if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
    }
    if let port {
      guard let number = UInt16(port), number > 0 else { return nil }
      self.port = number
    } else {
      self.port = defaultPort
    }
    guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else {
      return nil
    }
    self.host = String(host)
  }
}
