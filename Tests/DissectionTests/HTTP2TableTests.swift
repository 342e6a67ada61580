import Foundation
import Testing

@testable import Dissection

/// HPACK's table within its limits, and fields that come twice.
@Suite struct HTTP2TableTests {
  /// An integer behind the bits of `first` (RFC 7541, section 5.1).
  static func integer(_ value: Int, prefix: Int, first: UInt8) -> [UInt8] {
    let most = 1 << prefix - 1
    if value < most { return [first | UInt8(value)] }
    var bytes = [first | UInt8(most)]
    var rest = value - most
    while rest > 127 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  static func resize(_ size: Int) -> [UInt8] { integer(size, prefix: 5, first: 0x20) }
  static func indexed(_ index: Int) -> [UInt8] { integer(index, prefix: 7, first: 0x80) }

  static func kept(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] {
    [0x40] + integer(name.count, prefix: 7, first: 0) + name
      + integer(value.count, prefix: 7, first: 0) + value
  }

  /// Requests, one a block, and their records.
  static func requests(_ blocks: [[UInt8]]) -> (DissectionBed, [[String: Any]]) {
    let bed = HTTP2Tests.run { wire in
      wire.send(HTTP2Tests.preface + HTTP2Tests.settings, toServer: true)
      for (place, block) in blocks.enumerated() {
        wire.send(
          HTTP2Tests.frame(1, 5, UInt32(1 + 2 * place), [0x82, 0x84] + block), toServer: true)
      }
    }
    let records = HTTP2Tests.http(bed).filter { HTTP2Tests.stream($0) != 0 }
    return (bed, records.sorted { HTTP2Tests.stream($0) < HTTP2Tests.stream($1) })
  }

  static func headers(_ record: [String: Any]?) -> [[String: String]] {
    record?["request_headers"] as? [[String: String]] ?? []
  }

  /// 64 KiB are kept, whatever the peers agree on: 2048 entries of 32 bytes each.
  @Test func noMoreThanItsLimit() {
    let empty = [UInt8]([0x40, 0, 0])
    let (bed, records) = Self.requests([
      Self.resize(1 << 24) + Self.kept([0x61], [0x62]),
      [[UInt8]](repeating: empty, count: 1900).flatMap { $0 }, Self.indexed(62 + 1900),
      [[UInt8]](repeating: empty, count: 400).flatMap { $0 }, Self.indexed(62 + 2300),
    ])
    #expect(records.count == 5)
    #expect(Self.headers(records[2]).last == ["name": "a", "value": "b"])
    #expect(records[2]["incomplete"] == nil)
    // Gone here, and not said to be malformed.
    #expect(records[4]["incomplete"] as? Bool == true)
    #expect(bed.records("anomaly").isEmpty)
  }

  /// Long names that small references repeat: the table is moved many times, and what is in it stays right.
  @Test func movesKeepTheirEntries() {
    let name = [UInt8](repeating: 0x6e, count: 1000)
    var blocks = [Self.resize(64 << 10) + Self.kept(name, [0x30])]
    for round in 0..<6 {
      let letters: [UInt8] = (0..<30).map { UInt8(0x41 + (round + $0) % 26) }
      blocks.append(letters.flatMap { [0x7e, 1, $0] })
    }
    blocks.append((0..<30).flatMap { Self.indexed(62 + $0) })
    let (_, records) = Self.requests(blocks)
    #expect(records.count == 8)
    let last = Self.headers(records[7]).dropFirst(2)
    let letters: [String] = (0..<30).reversed().map { place in
      String(UnicodeScalar(UInt8(0x41 + (5 + place) % 26)))
    }
    #expect(last.map { $0["value"] ?? "" } == letters)
    #expect(last.allSatisfy { $0["name"]?.count == 1000 })
  }

  /// The list has them all; a key of its own stands for the first.
  @Test func fieldsThatComeTwice() {
    func field(_ name: String, _ value: String) -> [UInt8] {
      [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
    }
    let names = [
      "via": "via", "x-forwarded-for": "xff", "user-agent": "http_user_agent",
      "content-type": "request_content_type", "origin": "origin",
    ]
    let block = names.keys.sorted().flatMap { field($0, "first/1") + field($0, "second/2") }
    let (bed, records) = Self.requests([block + field(":path", "/other")])
    #expect(records.count == 1)
    #expect(Self.headers(records.first).count == 13)
    let line = bed.lines.first { $0.contains("second/2") } ?? ""
    for key in ["via", "xff", "http_user_agent", "url", "http_method"] {
      #expect(line.components(separatedBy: "\"\(key)\":").count == 2, "\(key)")
    }
    #expect(records.first?["via"] as? String == "first/1")
    #expect(records.first?["url"] as? String == "/")
  }
}
