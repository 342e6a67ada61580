/// Headers of the user's own for a webhook, from a file: `Name: value` a line, `#` before a comment.
/// A file and not options, since they may hold tokens.
package enum HeaderFile {
  package static func read(
    _ path: String
  ) throws(TargetSettingsError) -> [(name: String, value: String)] {
    let bytes = try SmallFile.read(path, maximumBytes: 64 << 10)
    return try parse(String(decoding: bytes, as: UTF8.self), path: path)
  }

  static func parse(
    _ text: String, path: String
  ) throws(TargetSettingsError) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = []
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() {
      if line.allSatisfy(\.isWhitespace) || line.hasPrefix("#") { continue }
      // The line itself is not shown: it may be a token.
      let place = "\(path), line \(index + 1)"
      guard let colon = line.firstIndex(of: ":") else {
        throw TargetSettingsError("\(place): a header is Name: value")
      }
      let name = String(line[..<colon])
      let value = line[line.index(after: colon)...]
        .drop { $0 == " " || $0 == "\t" }
      if name.isEmpty || !name.utf8.allSatisfy(isTokenByte) {
        throw TargetSettingsError("\(place): that is no name for a header (RFC 9110 section 5.6.2)")
      }
      if !value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) || value.isEmpty {
        throw TargetSettingsError("\(place): a header's value is text, and not empty")
      }
      let lower = name.lowercased()
      if lower.hasPrefix("martlet-") || reserved.contains(lower) {
        throw TargetSettingsError("\(place): \(name) is set by Martlet itself")
      }
      headers.append((name, String(value)))
    }
    return headers
  }

  private static let reserved: Set<String> = [
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection",
    "expect",
  ]

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
