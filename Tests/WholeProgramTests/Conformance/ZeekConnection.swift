import Foundation

/// What a connection is told by: Zeek's columns of `conn.log`, of which a test's log may have only some.
enum ZeekField: String, CaseIterable, Comparable {
  case originatorHost = "id.orig_h"
  case originatorPort = "id.orig_p"
  case responderHost = "id.resp_h"
  case responderPort = "id.resp_p"
  case proto
  case ipProto = "ip_proto"
  case vlan = "id.ctx.vlan"
  case innerVLAN = "id.ctx.inner_vlan"
  case originatorPackets = "orig_pkts"
  case responderPackets = "resp_pkts"
  case originatorIPBytes = "orig_ip_bytes"
  case responderIPBytes = "resp_ip_bytes"
  case connState = "conn_state"
  case history
  case originatorBytes = "orig_bytes"
  case responderBytes = "resp_bytes"
  case missedBytes = "missed_bytes"

  static func < (a: ZeekField, b: ZeekField) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }

  /// The fields that are one answer.
  enum Group: String, CaseIterable {
    case ends = "end points"
    case packets
    case ipBytes = "IP bytes"
    case connState = "conn_state"
    case history
    case payload = "payload bytes"
    case missed = "missed bytes"

    /// Those that every flow record is held to; the others only where both sides give them.
    static let four: [Group] = [.packets, .ipBytes, .connState, .history]
  }

  var group: Group {
    switch self {
    case .originatorHost, .originatorPort, .responderHost, .responderPort, .proto, .ipProto, .vlan,
      .innerVLAN:
      .ends
    case .originatorPackets, .responderPackets: .packets
    case .originatorIPBytes, .responderIPBytes: .ipBytes
    case .connState: .connState
    case .history: .history
    case .originatorBytes, .responderBytes: .payload
    case .missedBytes: .missed
    }
  }

  /// Some tests rename columns.
  static let otherNames: [String: ZeekField] = [
    "src_ip": .originatorHost, "src_port": .originatorPort, "dst_ip": .responderHost,
    "dst_port": .responderPort,
  ]
}

/// One connection, by Zeek's log or by a record of Martlet's in Zeek's terms.
struct ZeekConnection: CustomStringConvertible {
  var fields: [ZeekField: String] = [:]
  var uid = ""
  /// Identities of the connections around this one.
  var parents: [String] = []
  var services: [String] = []
  /// Martlet's record says that some packet was a fragment.
  var isFragmented = false

  subscript(field: ZeekField) -> String? {
    get { fields[field] }
    set { fields[field] = newValue }
  }

  func number(_ field: ZeekField) -> Int? { fields[field].flatMap { Int($0) } }

  /// Both ends, in an order that does not depend on who began; nil where the log leaves them out.
  var ends: [String]? {
    guard let a = fields[.originatorHost], let aPort = fields[.originatorPort],
      let b = fields[.responderHost], let bPort = fields[.responderPort]
    else { return nil }
    return ["\(a) \(aPort)", "\(b) \(bPort)"].sorted()
  }

  /// Nothing that the log says of ends and protocol speaks against its being `other`.
  func mayBe(_ other: ZeekConnection) -> Bool {
    guard ends == nil || ends == other.ends else { return false }
    return [.proto, .ipProto].allSatisfy { fields[$0] == nil || fields[$0] == other.fields[$0] }
  }

  /// The same connection with originator and responder exchanged.
  var turned: ZeekConnection {
    var other = self
    let pairs: [(ZeekField, ZeekField)] = [
      (.originatorHost, .responderHost), (.originatorPort, .responderPort),
      (.originatorPackets, .responderPackets), (.originatorIPBytes, .responderIPBytes),
      (.originatorBytes, .responderBytes),
    ]
    for (a, b) in pairs { (other[a], other[b]) = (fields[b], fields[a]) }
    other[.history] = fields[.history].map { text in
      String(text.map { $0.isUppercase ? Character($0.lowercased()) : Character($0.uppercased()) })
    }
    return other
  }

  /// Fields that this row has and `other` does not have the same.
  func differences(from other: ZeekConnection) -> [ZeekField] {
    fields.filter { field, value in
      // What records have no field for cannot be compared; the four always can.
      guard let found = other[field] else { return ZeekField.Group.four.contains(field.group) }
      return found != value
    }.map(\.key).sorted()
  }

  var description: String {
    ZeekField.allCases.compactMap { fields[$0] }.joined(separator: " ")
  }
}

extension ZeekConnection {
  /// Addresses in one spelling; values that are unset, left out where Zeek counts nothing then.
  mutating func unify() {
    for host in [ZeekField.originatorHost, .responderHost] {
      if let text = fields[host] { fields[host] = Self.address(text) }
    }
    for field in [ZeekField.originatorBytes, .responderBytes] where fields[field] == "-" {
      // Zeek leaves payload unset where it has seen no connection, and then there is none to compare.
      fields[field] = nil
    }
  }

  static func address(_ text: String) -> String {
    // The end's own text has a port, and brackets around IPv6.
    guard let end = TupleEnd(text, port: 0) else { return text }
    return end.description.dropLast(2).filter { $0 != "[" && $0 != "]" }
  }
}
