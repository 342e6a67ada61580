/// Where a server is: `https://search.example.net:9200/path`. No query, no fragment, and no user or
/// password, which would be seen wherever the address is shown.
package struct HTTPURL: Sendable, Equatable, CustomStringConvertible {
  package let isSecure: Bool
  /// Host and port as they were given.
  package let authority: String
  /// Without the last slash: empty, or `/a/b`.
  package let path: String
  /// True where a slash stood at the end, which matters to some servers.
  package let endsWithSlash: Bool

  /// - Parameter what: whose address it is, for the errors.
  package init(_ text: String, of what: String = "the target") throws(TargetSettingsError) {
    let rest: Substring
    if text.hasPrefix("https://") {
      isSecure = true
      rest = text.dropFirst("https://".count)
    } else if text.hasPrefix("http://") {
      isSecure = false
      rest = text.dropFirst("http://".count)
    } else {
      throw TargetSettingsError("\(what)'s address must begin with https:// or http://")
    }
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    let host = rest[..<end]
    if host.contains("@") {
      throw TargetSettingsError(
        "\(what)'s address has a user or password in it: give those by file or environment")
    }
    var path = rest[end...]
    endsWithSlash = path.hasSuffix("/")
    while path.hasSuffix("/") { path = path.dropLast() }
    let isClean = rest.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    if host.isEmpty || host.hasPrefix(":") || !isClean || rest.contains("\\") {
      throw TargetSettingsError(
        "\(what)'s address is like https://host:9200, not \(text.debugDescription)")
    }
    if path.contains("?") || path.contains("#") || host.contains("?") || host.contains("#") {
      throw TargetSettingsError("\(what)'s address has a query or fragment, which cannot be used")
    }
    authority = String(host)
    self.path = String(path)
  }

  package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(path)" }
}
