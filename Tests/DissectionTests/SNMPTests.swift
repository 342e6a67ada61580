import Foundation
import Testing

@testable import Dissection

struct SNMPTests {
  static func tlv(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    content.count < 128
      ? [tag, UInt8(content.count)] + content
      : [tag, 0x82] + Wire.be16(content.count) + content
  }
  static let oid: [UInt8] = [0x2b, 6, 1, 2, 1, 1, 0x8f, 0x01, 0]
  static func variables(_ count: Int = 1) -> [UInt8] {
    tlv(0x30, (0..<count).flatMap { _ in tlv(0x30, tlv(6, oid) + [5, 0]) })
  }
  static func v2(_ pdu: UInt8, error: UInt8 = 0, index: UInt8 = 0, version: UInt8 = 1) -> [UInt8] {
    tlv(
      0x30,
      [2, 1, version] + tlv(4, Array("hunter2".utf8))
        + tlv(pdu, [2, 4, 0x7f, 0, 0, 1, 2, 1, error, 2, 1, index] + variables(2)))
  }
  static let trap = tlv(
    0x30,
    [2, 1, 0] + tlv(4, Array("hunter2".utf8))
      + tlv(
        0xa4,
        tlv(6, oid) + tlv(0x40, [192, 0, 2, 1]) + [2, 1, 6, 2, 1, 42, 0x43, 1, 9]
          + variables()))
  static func v3(flags: UInt8) -> [UInt8] {
    let usm = tlv(
      0x30,
      tlv(4, [0x80, 0, 1]) + [2, 1, 7, 2, 2, 1, 0] + tlv(4, Array("operator".utf8)) + [4, 0, 4, 0])
    let scoped = tlv(
      0x30,
      [4, 0] + tlv(4, Array("ctx".utf8)) + tlv(0xa0, [2, 1, 5, 2, 1, 0, 2, 1, 0] + variables()))
    return tlv(
      0x30,
      [2, 1, 3] + tlv(0x30, [2, 1, 99, 2, 2, 5, 0xdc, 4, 1, flags, 2, 1, 3]) + tlv(4, usm)
        + (flags & 2 != 0 ? tlv(4, [UInt8](repeating: 0xee, count: 40)) : scoped))
  }

  static func records(_ datagrams: [(Bool, [UInt8])], cut: Int = 0) -> [[String: Any]] {
    let bed = DissectionBed(flows: 64)
    let wire = Wire(on: bed, to: 4711)
    for (toServer, bytes) in datagrams { wire.datagram(bytes, toServer: toServer, cut: cut) }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(!bed.lines.joined().contains("hunter2"))
    return bed.records("snmp").map { $0["snmp"] as? [String: Any] ?? [:] }
  }

  @Test func requestAndResponse() {
    let records = Self.records([
      (true, Self.v2(0xa0)), (false, Self.v2(0xa2, error: 2, index: 1, version: 0)),
      (true, Self.v2(0xa5, error: 0, index: 10)),
    ])
    #expect(records.count == 3)
    #expect(records[0]["version"] as? Int == 2)
    #expect(records[1]["version"] as? Int == 1)
    #expect(
      records.map { $0["pdu_type"] as? String } == [
        "get_request", "response", "get_bulk_request",
      ])
    #expect(records[0]["community"] as? String == "***")
    #expect(records[0]["vars"] as? [String] == ["1.3.6.1.2.1.1.1921.0", "1.3.6.1.2.1.1.1921.0"])
    #expect(records[0]["request_id"] as? Int == 0x7f00_0001)
    #expect(records[0]["error"] == nil)
    #expect(records[1]["error"] as? String == "NoSuchName")
    #expect(records[1]["error_index"] as? Int == 1)
    #expect(records[2]["max_repetitions"] as? Int == 10)
    #expect(
      records[2]["counts"] as? [String: Int] == [
        "get_requests": 1, "get_bulk_requests": 1, "get_responses": 1, "set_requests": 0,
      ])
  }

  @Test func trapOfVersion1() {
    let records = Self.records([(true, Self.trap)])
    #expect(records.first?["pdu_type"] as? String == "trap_v1")
    #expect(records.first?["trap_type"] as? String == "EnterpriseSpecific")
    #expect(records.first?["trap_oid"] as? String == "1.3.6.1.2.1.1.1921.0")
    #expect(records.first?["trap_address"] as? String == "192.0.2.1")
    #expect(records.first?["specific_trap"] as? Int == 42)
  }

  @Test func version3() {
    let records = Self.records([(true, Self.v3(flags: 4)), (true, Self.v3(flags: 7))])
    #expect(records.map { $0["pdu_type"] as? String } == ["get_request", "encrypted"])
    #expect(records[0]["usm"] as? String == "operator")
    #expect(records[0]["context_name"] as? String == "ctx")
    #expect(records[0]["engine_id"] as? String == "800001")
    #expect(records[0]["engine_boots"] as? Int == 7)
    #expect(records[0]["engine_time"] as? Int == 256)
    #expect(records[0]["message_id"] as? Int == 99)
    #expect(records.map { $0["authenticated"] as? Bool } == [false, true])
  }

  @Test func cutAndChangedMessagesDoNoHarm() {
    let bed = DissectionBed()
    var port = 10_000
    func send(_ bytes: [UInt8], cut: Int = 0) {
      port += 1
      Wire(on: bed, to: 161, from: port).datagram(bytes, toServer: true, cut: cut)
    }
    var generator = SplitMix(state: 3)
    for message in [Self.v2(0xa0), Self.trap, Self.v3(flags: 4), Self.v3(flags: 7)] {
      for count in 1..<message.count {
        send(message, cut: count)
        send(Array(message.prefix(count)))
      }
      for _ in 0..<500 {
        var changed = message
        changed[Int.random(in: 0..<changed.count, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
        send(changed)
      }
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(!bed.lines.joined().contains("hunter2"))
  }

  @Test func longIdentifiersAreBounded() {
    let long = [UInt8](repeating: 0xff, count: 300) + [0x7f]
    let many = [UInt8](repeating: 0x7f, count: 5000)
    // What makes no sense is empty; what does is there as far as there is room for a text.
    for (content, beginning) in [(long, ""), (many, "2.47.127.127."), ([0x80], ""), ([], "")] {
      let records = Self.records([
        (
          true,
          Self.tlv(
            0x30,
            [2, 1, 1] + Self.tlv(4, [0x61])
              + Self.tlv(
                0xa0,
                [2, 1, 1, 2, 1, 0, 2, 1, 0]
                  + Self.tlv(0x30, Self.tlv(0x30, Self.tlv(6, content) + [5, 0]))))
        )
      ])
      let names = records.first?["vars"] as? [String] ?? []
      #expect(names.count == 1, "\(content.count) bytes")
      #expect(names.allSatisfy { $0.hasPrefix(beginning) && $0.isEmpty == beginning.isEmpty })
      // 5,000 numbers and their dots would be 19,998.
      #expect(names.allSatisfy { $0.utf8.count <= 16_384 })
    }
  }
}
