/// Options of version 6 (RFC 8415, 21.1): code and length of two bytes each.
struct DHCPv6Options: BitwiseCopyable {
  private var cursor: ByteCursor

  init(_ bytes: Bytes) { cursor = ByteCursor(bytes) }

  /// All of them have been read.
  var isAtEnd: Bool { cursor.isAtEnd }

  mutating func next() -> (code: UInt16, data: Bytes)? {
    let before = cursor
    guard let code = cursor.be16(), let data = cursor.prefixed16() else {
      cursor = before
      return nil
    }
    return (code, data)
  }
}

/// Message types (RFC 8415, 7.3, and IANA's registry).
enum DHCPv6Type {
  static let relayForward: UInt8 = 12
  static let relayReply: UInt8 = 13

  static func name(_ type: UInt8) -> StaticString? {
    switch type {
    case 1: "solicit"
    case 2: "advertise"
    case 3: "request"
    case 4: "confirm"
    case 5: "renew"
    case 6: "rebind"
    case 7: "reply"
    case 8: "release"
    case 9: "decline"
    case 10: "reconfigure"
    case 11: "information_request"
    case 12: "relay_forward"
    case 13: "relay_reply"
    case 14: "leasequery"
    case 15: "leasequery_reply"
    case 16: "leasequery_done"
    case 17: "leasequery_data"
    default: nil
    }
  }

  /// A server sends it.
  static func isReply(_ type: UInt8) -> Bool {
    switch type {
    case 2, 7, 10, 13, 15, 16, 17: true
    default: false
    }
  }
}
