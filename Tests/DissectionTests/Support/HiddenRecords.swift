import FlowEngine
import Foundation
import Records

@testable import Dissection

/// What a record has for forms other than EVE, which its JSON does not show.
enum HiddenRecords {
  static func members(of record: EventRecord) -> [String: Any] {
    var reader = record.makeReader()
    return object(&reader)
  }

  private static func object(_ reader: inout EventReader) -> [String: Any] {
    var members: [String: Any] = [:]
    while let (field, value) = reader.next() {
      if case .end = value { break }
      members[Dissection.schema.name(field)] = plain(value, &reader)
    }
    return members
  }

  private static func plain(_ value: EventReader.Value, _ reader: inout EventReader) -> Any {
    switch value {
    case .end: return ""
    case .object: return object(&reader)
    case .array:
      var elements: [Any] = []
      while let (_, value) = reader.next() {
        if case .end = value { break }
        elements.append(plain(value, &reader))
      }
      return elements
    case .string(let bytes): return String(decoding: bytes, as: UTF8.self)
    case .hex(let bytes, let colons):
      return bytes.map { String(format: "%02x", $0) }.joined(separator: colons ? ":" : "")
    case .unsigned(let value): return Int(value)
    case .signed(let value): return Int(value)
    case .boolean(let value): return value
    case .time(let value), .seconds(let value), .dateTime(let value): return Int(value)
    case .address(let address, let version):
      if version == 4 {
        return (0..<4).map { String(address.low >> (24 - 8 * UInt64($0)) & 0xff) }
          .joined(separator: ".")
      }
      return (0..<8).map { place in
        let half = place < 4 ? address.high : address.low
        return String(half >> (48 - 16 * UInt64(place % 4)) & 0xffff, radix: 16)
      }.joined(separator: ":")
    }
  }
}
