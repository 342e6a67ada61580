import FlowEngine
import Foundation
import Records
import Testing

@testable import Forwarding

@Suite struct EnrichmentTests {
  private func table(_ text: String) throws -> EnrichmentTable {
    try EnrichmentReader.table(Array(text.utf8), path: "nets.csv")
  }

  private func entry(_ table: EnrichmentTable, _ address: String) -> String? {
    table.entry(Array(address.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func theLongestPrefixCounts() throws {
    let table = try table(
      """
      cidr,name,owner\r
      # the campus
      10.0.0.0/8,campus,it
      10.1.0.0/16,"lab, ""second"" floor",
      10.1.2.3,host,me

      2001:db8::/32,campus6,
      ::/0,everything,
      """)
    #expect(entry(table, "10.0.0.1") == #"{"cidr":"10.0.0.0/8","name":"campus","owner":"it"}"#)
    #expect(entry(table, "10.1.2.2") == #"{"cidr":"10.1.0.0/16","name":"lab, \"second\" floor"}"#)
    #expect(entry(table, "10.1.2.3")?.contains("host") == true)
    #expect(entry(table, "10.1.255.255")?.contains("lab") == true)
    #expect(entry(table, "10.2.0.0")?.contains("campus") == true)
    #expect(entry(table, "9.255.255.255") == nil)
    #expect(entry(table, "11.0.0.0") == nil)
    #expect(entry(table, "2001:db8::1")?.contains("campus6") == true)
    #expect(entry(table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")?.contains("everything") == true)
    #expect(entry(table, "no address") == nil)
    #expect(table.count == 5)
  }

  /// Against a reader that tries every prefix.
  @Test func agreesWithTryingThemAll() throws {
    var generator = SplitMix(seed: 0x6369_6472)
    for version in [4, 6] {
      var prefixes: [String: (bits: [Bool], name: String)] = [:]
      let width = version == 4 ? 32 : 128
      for index in 0..<300 {
        let length = Int.random(in: 0...width, using: &generator)
        let address = Self.address(width, length, &generator)
        let text = "\(Self.text(address, version))/\(length)"
        prefixes[text] = (Array(address.prefix(length)), "n\(index)")
      }
      let csv = "cidr,name\n" + prefixes.map { "\($0),\($1.name)\n" }.joined()
      let table = try table(csv)
      for _ in 0..<2000 {
        // Half of them within some prefix or just beside it.
        var address = Self.address(width, width, &generator)
        if Bool.random(using: &generator),
          let near = prefixes.values.randomElement(using: &generator)
        {
          address.replaceSubrange(0..<near.bits.count, with: near.bits)
        }
        let holding = prefixes.values.filter { address.starts(with: $0.bits) }
        let wanted = holding.max { $0.bits.count < $1.bits.count }?.name
        let found = entry(table, Self.text(address, version))
        #expect(found?.contains("\"name\":\"\(wanted ?? "-")\"") ?? (wanted == nil))
      }
    }
  }

  /// Few bits differ, so that prefixes hold one another.
  private static func address(_ width: Int, _ length: Int, _ generator: inout SplitMix) -> [Bool] {
    (0..<width).map { $0 < length && Int.random(in: 0..<6, using: &generator) == 0 }
  }

  private static func text(_ bits: [Bool], _ version: Int) -> String {
    var address = IPAddress(high: 0, low: 0)
    for (index, bit) in bits.enumerated() where bit {
      let place = index + 128 - bits.count
      if place < 64 { address.high |= 1 << (63 - place) } else { address.low |= 1 << (127 - place) }
    }
    return RecordText.address(address, version: UInt8(version))
  }

  @Test(arguments: [
    ("", "nets.csv:1: there is no line"), ("name,cidr\n", "nets.csv:1: the first line"),
    ("cidr,name\n10.0.0.0/33,x", "nets.csv:2:"), ("cidr,name\n10.0.0.1/8,x", "10.0.0.0/8"),
    ("cidr,name\n10.0.0.0/8\n", "1 values, where there are 2"),
    ("cidr,name\n\n10.0.0.0/8,a\n10.0.0.0/8,b", "nets.csv:4: \"10.0.0.0/8\" stands on line 3"),
    ("cidr,name\n\"10.0.0.0/8,a", "no end"), ("cidr,name,name\n", "two columns"),
    ("cidr,name\nhost,a", "no network"), ("cidr,name,\n", "no name"),
    ("cidr,name\n\"a\"b,c", "behind a quotation"),
  ])
  func saysWhatIsWrongAndWhere(_ text: String, _ part: String) {
    #expect { try table(text) } throws: { "\($0)".contains(part) }
  }

  @Test func recordsGetTheNamesOfTheirNetworks() throws {
    let table = try table("cidr,name\n10.0.0.0/8,campus\n")
    let record = try ForwardSamples.record(#"{"src_ip":"10.0.0.1","dest_ip":"8.8.8.8","x":{}} "#)
    #expect(
      String(decoding: try table.applied(to: record.document).bytes, as: UTF8.self)
        == #"{"src_ip":"10.0.0.1","dest_ip":"8.8.8.8","x":{},"src_net":{"cidr":"10.0.0.0/8","name":"campus"}}"#
    )
    let named = try ForwardSamples.record(#"{"src_ip":"10.0.0.1","src_net":"mine"}"#)
    #expect(try table.applied(to: named.document).bytes == named.document.bytes)
  }

  @Test func aTableIsReadAgainWhereItChanged() throws {
    let path = NSTemporaryDirectory() + "martlet-nets-\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: path) }
    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }
    func name(_ transforms: inout RecordTransforms) throws -> String? {
      var record = try ForwardSamples.record(#"{"src_ip":"10.0.0.1"}"#)
      #expect(try transforms.apply(&record))
      return record.document.text(EVEPath("src_net.name"))
    }
    #expect(throws: RecordTransformError.self) { try RecordTransforms(enrichment: path) }
    try write("cidr,name\n10.0.0.0/8,a\n")
    var transforms = try RecordTransforms(enrichment: path)
    #expect(try name(&transforms) == "a")
    #expect(transforms.reload(always: false) == nil)
    try write("cidr,name\n10.0.0.0/8,another\n")
    #expect(transforms.reload(always: false)?.contains("networks: 1") == true)
    #expect(try name(&transforms) == "another")
    try write("cidr,name\n10.0.0.0/99,broken\n")
    #expect(transforms.reload(always: false)?.contains(":2:") == true)
    #expect(transforms.reload(always: false) == nil)
    #expect(try name(&transforms) == "another")
    try FileManager.default.removeItem(atPath: path)
    #expect(transforms.reload(always: false)?.contains("stay in force") == true)
    #expect(transforms.reload(always: false) == nil)
    #expect(transforms.reload(always: true) != nil)
    try write("cidr,name\n10.0.0.0/8,back\n")
    #expect(transforms.reload(always: false) != nil)
    #expect(try name(&transforms) == "back")
  }
}
