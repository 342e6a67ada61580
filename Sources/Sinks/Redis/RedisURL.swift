/// Where a Redis is and how to sign in: `redis://[user[:password]@]host[:port][/db]`, the same with
/// `rediss://` for TLS, `unix:/path` or `redis+unix:///path`.
///
/// User and password may be percent-encoded. `redis://:secret@host` signs in the default user.
package struct RedisURL: Sendable, Equatable {
  package enum Endpoint: Sendable, Equatable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  package var endpoint: Endpoint
  package var username: String?
  package var password: String?
  /// The number that SELECT takes.
  package var database: Int
  /// Nil: without TLS.
  package var tls: RedisTLS?

  package init(_ text: String) throws(SinkError) {
    // The text may hold a password, so an error repeats no more of it than it must.
    username = nil
    password = nil
    database = 0
    for scheme in ["redis+unix://", "unix://", "unix:"] where text.hasPrefix(scheme) {
      let path = String(text.dropFirst(scheme.count))
      guard path.hasPrefix("/") else {
        throw SinkError("Redis URL: \(scheme) wants an absolute path, as in unix:/run/redis.sock")
      }
      endpoint = .unix(path: path)
      return
    }
    guard let scheme = ["redis://", "rediss://"].first(where: text.hasPrefix) else {
      let scheme = text.prefix { $0 != ":" }.prefix(16)
      throw SinkError(
        "Redis URL: scheme \"\(scheme)\" is unknown; redis://host:port/db, rediss://host:port/db"
          + " (TLS), unix:/path and redis+unix:///path are known")
    }
    if scheme == "rediss://" { tls = RedisTLS() }
    var rest = text.dropFirst(scheme.count)
    if let at = rest.lastIndex(of: "@") {
      let user = rest[..<at].split(
        separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = percentDecoded(user[0]), let secret = percentDecoded(user.last ?? "")
      else { throw SinkError("Redis URL: user or password has a broken %-escape") }
      username = name.isEmpty ? nil : name
      password = user.count == 2 ? secret : nil
      rest = rest[rest.index(after: at)...]
    }
    if let slash = rest.firstIndex(of: "/") {
      let number = rest[rest.index(after: slash)...]
      guard number.isEmpty || Int(number).map({ $0 >= 0 }) == true else {
        throw SinkError("Redis URL: database \"\(number)\" is not a number")
      }
      database = Int(number) ?? 0
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
    guard !host.isEmpty else {
      throw SinkError("Redis URL: no host, as in \(scheme)127.0.0.1:6379/0")
    }
    let number = port.map { Int($0) ?? 0 } ?? 6379
    guard (1...65535).contains(number) else {
      throw SinkError("Redis URL: port \"\(port ?? "")\" is not within 1 to 65535")
    }
    endpoint = .tcp(host: String(host), port: number)
  }

  /// The host's name; empty for a UNIX socket.
  var host: String {
    if case .tcp(let host, _) = endpoint { return host }
    return ""
  }

  /// For people: no user, no password.
  package var target: String {
    switch endpoint {
    case .unix(let path): "unix:\(path)"
    case .tcp(let host, let port):
      "\(tls == nil ? "redis" : "rediss")://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
    }
  }
}

/// `%40` → `@`; nil where an escape is broken or the result is not UTF-8.
private func percentDecoded(_ text: Substring) -> String? {
  var bytes: [UInt8] = []
  var rest = Substring(text).utf8[...]
  while let byte = rest.popFirst() {
    if byte != UInt8(ascii: "%") {
      bytes.append(byte)
      continue
    }
    let digits = String(decoding: rest.prefix(2), as: UTF8.self)
    guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
    bytes.append(value)
    rest = rest.dropFirst(2)
  }
  return String(validating: bytes, as: UTF8.self)
}
