internal import Glibc

/// A password, token or key: never shown, whatever prints the value that holds it.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  package let bytes: [UInt8]

  package var description: String { "(secret)" }
  package var debugDescription: String { "(secret)" }
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// As text for a header.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  package init(_ bytes: [UInt8], of what: String) throws(TargetSettingsError) {
    if bytes.isEmpty { throw TargetSettingsError("\(what) is empty") }
    // A line end would begin a header of its own.
    if !bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) {
      throw TargetSettingsError("\(what) must be one line of text")
    }
    self.bytes = bytes
  }

  /// Reads a secret from a file's one line, or where none is given from an environment variable;
  /// nil where neither is there.
  package static func read(
    _ what: String, file: String?, variable: String
  ) throws(TargetSettingsError) -> Secret? {
    if let file {
      var bytes = try SmallFile.read(file, maximumBytes: 64 << 10)
      if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
      return try Secret(bytes, of: "\(what) in \(file)")
    }
    guard let value = getenv(variable), value.pointee != 0 else { return nil }
    return try Secret(Array(String(cString: value).utf8), of: "\(what) in $\(variable)")
  }
}
