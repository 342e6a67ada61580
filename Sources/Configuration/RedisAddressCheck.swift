/// Whether a text names a Redis, by the rules of the sink's own `RedisURL`, which runs only when the
/// engine does: a start should not fail over what a check could have said.
enum RedisAddressCheck {
  private static let forms = "redis://127.0.0.1:6379/0 or unix:/run/redis/redis.sock would be right"

  /// What is wrong, in the words of a problem; nil where nothing is. The text may hold a password, even
  /// where a port should stand: it is not repeated.
  static func fault(_ url: String) -> String? {
    for scheme in ["redis+unix://", "unix://", "unix:"] where url.hasPrefix(scheme) {
      return pathFault(url.dropFirst(scheme.count))
    }
    guard let scheme = ["redis://", "rediss://"].first(where: url.hasPrefix) else {
      return "names no Redis; \(forms)"
    }
    var rest = url.dropFirst(scheme.count)
    if let at = rest.lastIndex(of: "@") {
      guard isPercentEncoded(rest[..<at]) else {
        return "has a broken %-escape in its user or password; %40 stands for @, %25 for %"
      }
      rest = rest[rest.index(after: at)...]
    }
    if let slash = rest.firstIndex(of: "/") {
      let number = rest[rest.index(after: slash)...]
      guard number.isEmpty || Int(number).map({ $0 >= 0 }) == true else {
        return "names a database by something else than its number; \(forms)"
      }
      rest = rest[..<slash]
    }
    var host = rest
    var port: Substring?
    if rest.hasPrefix("["), let close = rest.firstIndex(of: "]") {
      host = rest[rest.index(after: rest.startIndex)..<close]
      let tail = rest[rest.index(after: close)...]
      port = tail.hasPrefix(":") ? tail.dropFirst() : nil
    } else if let colon = rest.lastIndex(of: ":") {
      host = rest[..<colon]
      port = rest[rest.index(after: colon)...]
    }
    if host.isEmpty { return "names no host; \(forms)" }
    if let port, !(1...65_535).contains(Int(port) ?? 0) {
      return "has something else than a port from 1 to 65535 behind the host; \(forms)"
    }
    return nil
  }

  private static func pathFault(_ path: Substring) -> String? {
    guard path.hasPrefix("/"), !path.hasSuffix("/") else {
      return "names no socket by its whole path; \(forms)"
    }
    // sockaddr_un.sun_path has 108 bytes, the last of them zero.
    guard path.utf8.count <= 107 else {
      return "has a path of \(path.utf8.count) bytes; a socket's path has at most 107"
    }
    return nil
  }

  /// Whether each `%` has two hexadecimal digits behind it, and each part is UTF-8 once decoded.
  private static func isPercentEncoded(_ text: Substring) -> Bool {
    text.split(separator: ":", maxSplits: 1).allSatisfy { part in
      var bytes: [UInt8] = []
      var rest = Substring(part).utf8[...]
      while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
          bytes.append(byte)
          continue
        }
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return false }
        bytes.append(value)
        rest = rest.dropFirst(2)
      }
      return String(validating: bytes, as: UTF8.self) != nil
    }
  }
}
