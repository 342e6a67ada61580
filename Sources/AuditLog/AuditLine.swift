// A line of the audit log: an object of JSON whose last two members tie it to the line before it.
//
//     {"sequence":7,"time":"…","event":"begin", … ,"previous":"<hash of line 6>","hash":"<its own>"}
//
// `hash` is SHA-256, in hexadecimal digits, over the line's bytes without the hash itself: up to the
// comma before `"hash"`, and the closing brace behind it. So sed and sha256sum can check a line, and
// nobody has to agree on how JSON is written canonically: the bytes in the file are the form.

import COpenSSL
package import ControlAPI

/// Where a chain ends: the sequence number and hash of its last line.
package struct AuditHead: Equatable, Sendable {
  /// Rises by one with each line, from 1; 0 before the first.
  package var sequence: UInt64
  /// 64 hexadecimal digits; noughts before the first.
  package var hash: String

  package init(sequence: UInt64, hash: String) {
    self.sequence = sequence
    self.hash = hash
  }

  package static let beginning = AuditHead(
    sequence: 0, hash: String(repeating: "0", count: 64))
}

/// A line that could be read and whose own hash is right.
package struct AuditLine: Equatable, Sendable {
  package var head: AuditHead
  package var previous: String
  /// All of it.
  package var json: JSONValue

  package func text(_ name: String) -> String? {
    guard case .string(let text) = json[name] else { return nil }
    return text
  }

  package func number(_ name: String) -> UInt64? {
    guard case .number(let digits) = json[name] else { return nil }
    return UInt64(digits)
  }

  package var event: String { text("event") ?? "" }
}

package enum AuditHash {
  /// SHA-256 (FIPS 180-4) in hexadecimal digits.
  package static func text(of bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    let content = Array(bytes)
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256(content, content.count, &digest)
    for byte in digest {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension AuditLine {
  /// `,"hash":"`, the digits, `"}`
  private static let tail = Array(#","hash":""#.utf8)
  private static let tailBytes = tail.count + 64 + 2

  /// The line that follows `head`, without a line end, and where the chain ends then.
  package static func make(
    _ members: [JSONValue.Member], after head: AuditHead
  ) -> (bytes: [UInt8], head: AuditHead) {
    let sequence = head.sequence + 1
    let body: [JSONValue.Member] =
      [.init("sequence", .number(String(sequence)))] + members + [
        .init("previous", .string(head.hash))
      ]
    var bytes: [UInt8] = []
    JSONValue.object(body).write(to: &bytes)
    let hash = AuditHash.text(of: bytes)
    bytes.removeLast()
    bytes.append(contentsOf: tail)
    bytes.append(contentsOf: hash.utf8)
    bytes.append(contentsOf: "\"}".utf8)
    return (bytes, AuditHead(sequence: sequence, hash: hash))
  }

  /// Why some bytes are no line of an audit log.
  package enum Fault: Error, Equatable, Sendable {
    /// No JSON, or not of this form.
    case noLine
    /// Its hash is not that of its bytes.
    case wrongHash
  }

  /// - Parameter bytes: a line without its end.
  package init(_ bytes: ArraySlice<UInt8>) throws(Fault) {
    guard bytes.count > Self.tailBytes else { throw .noLine }
    let end = bytes.endIndex - Self.tailBytes
    guard bytes[end...].starts(with: Self.tail), let json = try? JSONParser.parse(bytes),
      case .number(let digits) = json["sequence"], let sequence = UInt64(digits),
      case .string(let previous) = json["previous"], case .string(let hash) = json["hash"]
    else { throw .noLine }
    guard AuditHash.text(of: bytes[..<end] + [UInt8(ascii: "}")]) == hash else {
      throw .wrongHash
    }
    head = AuditHead(sequence: sequence, hash: hash)
    self.previous = previous
    self.json = json
  }
}
