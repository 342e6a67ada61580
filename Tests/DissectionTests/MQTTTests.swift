import Foundation
import Testing

@testable import Dissection

struct MQTTTests {
  static func text(_ text: String) -> [UInt8] { Wire.be16(text.utf8.count) + Array(text.utf8) }

  static func message(_ first: UInt8, _ body: [UInt8]) -> [UInt8] {
    var length = body.count
    var head = [first]
    repeat {
      head.append(UInt8(length & 0x7f) | (length > 0x7f ? 0x80 : 0))
      length >>= 7
    } while length > 0
    return head + body
  }

  static let connect = message(
    0x10,
    text("MQTT") + [4, 0xee] + Wire.be16(60) + text("me") + text("last/will") + text("gone")
      + text("user") + text("hunter2"))
  static let connect5 = message(
    0x10,
    text("MQTT") + [5, 0x02] + Wire.be16(60) + [5, 0x11, 0, 0, 2, 0x2b] + text("me"))

  /// A conversation, in segments of at the most `size`, and what it gives.
  static func records(
    _ parts: [(Bool, [UInt8])], size: Int = 1460, to port: Int = 1883,
    _ settings: DissectionSettings = DissectionSettings()
  ) -> [[String: Any]] {
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: port)
    wire.handshake()
    for (toServer, bytes) in parts { wire.send(bytes, toServer: toServer, size: size) }
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed.records("mqtt").map { $0["mqtt"] as? [String: Any] ?? [:] }
  }

  static let talk: [(Bool, [UInt8])] = [
    (true, connect), (false, [0x20, 2, 1, 0]),
    (true, message(0x82, [0, 7] + text("a/b") + [1] + text("c") + [2])),
    (false, message(0x90, [0, 7, 1, 0x80])),
    (true, message(0x33, text("t") + [0, 9] + Array("hello".utf8))), (false, [0x40, 2, 0, 9]),
    (true, message(0x34, text("t") + [0, 10] + Array("two".utf8))), (false, [0x50, 2, 0, 10]),
    (true, [0x62, 2, 0, 10]), (false, [0x70, 2, 0, 10]),
    (true, message(0xa2, [0, 11] + text("a/b"))), (false, [0xb0, 2, 0, 11]),
    (true, [0xc0, 0]), (false, [0xd0, 0]), (true, [0xe0, 0]),
  ]

  @Test func exchangesAreRecords() throws {
    let records = Self.records(Self.talk, to: 4711)
    #expect(
      records.map { $0.keys.sorted() } == [
        ["connack", "connect"], ["suback", "subscribe"], ["puback", "publish"],
        ["pubcomp", "publish", "pubrec", "pubrel"], ["unsuback", "unsubscribe"], ["pingreq"],
        ["pingresp"], ["disconnect"],
      ])
    let connect = try #require(records[0]["connect"] as? [String: Any])
    #expect(connect["protocol_string"] as? String == "MQTT")
    #expect(connect["protocol_version"] as? Int == 4)
    #expect(connect["client_id"] as? String == "me")
    #expect(connect["username"] as? String == "user")
    #expect(connect["keep_alive"] as? Int == 60)
    let flags = connect["flags"] as? [String: Bool]
    #expect(
      flags == [
        "username": true, "password": true, "will_retain": true, "will": true,
        "clean_session": true,
      ])
    let will = connect["will"] as? [String: String]
    #expect(will == ["topic": "last/will", "message": "gone"])
    #expect(connect["password"] == nil)
    let connack = records[0]["connack"] as? [String: Any]
    #expect(connack?["session_present"] as? Bool == true)
    #expect(connack?["return_code"] as? Int == 0)
    let topics = (records[1]["subscribe"] as? [String: Any])?["topics"] as? [[String: Any]]
    #expect(topics?.map { $0["topic"] as? String } == ["a/b", "c"])
    #expect(topics?.map { $0["qos"] as? Int } == [1, 2])
    let suback = records[1]["suback"] as? [String: Any]
    #expect(suback?["qos_granted"] as? [Int] == [1, 128])
    let publish = records[2]["publish"] as? [String: Any]
    #expect(publish?["topic"] as? String == "t")
    #expect(publish?["message"] as? String == "hello")
    #expect(publish?["message_length"] as? Int == 5)
    #expect(publish?["message_id"] as? Int == 9)
    #expect(publish?["qos"] as? Int == 1)
    #expect(publish?["retain"] as? Bool == true)
    let unsubscribe = records[4]["unsubscribe"] as? [String: Any]
    #expect(unsubscribe?["topics"] as? [String] == ["a/b"])
  }

  @Test func noSecretLeaves() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 1883)
    wire.handshake()
    let properties: [UInt8] =
      [0x15] + Self.text("SCRAM") + [0x16] + Self.text("hunter3") + [0x26]
      + Self.text("access_token") + Self.text("hunter4")
    wire.send(
      Self.message(
        0x10,
        Self.text("MQTT") + [5, 0x42] + Wire.be16(9) + [UInt8(properties.count)] + properties
          + Self.text("me") + Self.text("hunter2")), toServer: true)
    bed.finish()
    let all = bed.lines.joined()
    #expect(!all.contains("hunter"))
    #expect(all.contains(#""authentication_method":"SCRAM""#))
    #expect(all.contains(#"{"name":"access_token","value":"***"}"#))
  }

  @Test func headerOnlyShowsNoMessage() {
    var settings = DissectionSettings()
    settings.isHeaderOnly = true
    let records = Self.records(Self.talk, settings)
    #expect(records.count == 8)
    #expect((records[2]["publish"] as? [String: Any])?["message"] == nil)
    #expect((records[2]["publish"] as? [String: Any])?["topic"] as? String == "t")
    let will = (records[0]["connect"] as? [String: Any])?["will"] as? [String: String]
    #expect(will == ["topic": "last/will"])
  }

  @Test func propertiesOfVersion5() throws {
    let publish = Self.message(
      0x30,
      Self.text("t") + [3, 0x0b, 0x80, 0x01] + Array("x".utf8))
    let records = Self.records([
      (true, Self.connect5), (false, Self.message(0x20, [0, 0, 3, 0x22, 0, 10])),
      (true, publish), (true, Self.message(0xe0, [4])),
    ])
    let connect = records[0]["connect"] as? [String: Any]
    #expect((connect?["properties"] as? [String: Int]) == ["session_expiry_interval": 555])
    let connack = records[0]["connack"] as? [String: Any]
    #expect((connack?["properties"] as? [String: Int]) == ["topic_alias_maximum": 10])
    let message = records[1]["publish"] as? [String: Any]
    #expect((message?["properties"] as? [String: Int]) == ["subscription_identifier": 128])
    #expect(message?["message"] as? String == "x")
    #expect((records[2]["disconnect"] as? [String: Any])?["reason_code"] as? Int == 4)
  }

  /// Names are their sender's: they become no fields, and are as many as the limit says.
  @Test func userPropertiesAreBounded() throws {
    var properties: [UInt8] = [0x03] + Self.text("type")
    properties += [0x26] + Self.text("password") + Self.text("hunter2")
    for i in 0..<200 { properties += [0x26] + Self.text("name\(i)") + Self.text("value") }
    let length = [UInt8(properties.count & 0x7f | 0x80), UInt8(properties.count >> 7)]
    let records = Self.records([
      (true, Self.connect5),
      (true, Self.message(0x30, Self.text("t") + length + properties + Array("x".utf8))),
    ])
    let publish = try #require(records.compactMap { $0["publish"] as? [String: Any] }.first)
    let found = try #require(publish["properties"] as? [String: Any])
    #expect(found.keys.sorted() == ["content_type", "user_properties"])
    let users = try #require(found["user_properties"] as? [[String: String]])
    #expect(users.count == 63)
    #expect(users.first == ["name": "password", "value": "***"])
    #expect(users.last == ["name": "name61", "value": "value"])
    #expect(publish["message"] as? String == "x")
  }

  @Test func cutsDoNotMatter() {
    let whole = Self.records(Self.talk)
    for size in [1, 2, 3, 7] {
      let cut = Self.records(Self.talk, size: size)
      #expect(NSArray(array: cut) == NSArray(array: whole))
    }
  }

  @Test func longMessagesAreLookedAtAndSkipped() {
    let long = Self.message(
      0x30, Self.text("big") + [UInt8](repeating: 0x61, count: 100_000))
    let topics = Self.message(
      0x82, [0, 1] + Array(repeating: Self.text("topic") + [0], count: 4000).flatMap { $0 })
    let records = Self.records([
      (true, Self.connect), (false, [0x20, 2, 0, 0]), (true, long), (true, topics),
      (true, [0xe0, 0]),
    ])
    let publish = records[1]["publish"] as? [String: Any]
    #expect((publish?["message"] as? String)?.count == 1024)
    #expect(publish?["message_length"] as? Int == 100_000)
    #expect(records.contains { $0["disconnect"] != nil })
    let subscribe = records.compactMap { $0["subscribe"] as? [String: Any] }.first
    #expect(subscribe?["truncated"] as? Bool == true)
    #expect(subscribe?["skipped_length"] as? Int == 32_002)
  }

  @Test func aHoleWithinAMessageIsGoneOnBehind() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 1883)
    wire.handshake()
    wire.send(Self.connect, toServer: true)
    wire.send([0x20, 2, 0, 0], toServer: false)
    let publish = Self.message(0x30, Self.text("t") + [UInt8](repeating: 0x61, count: 500))
    wire.send(Array(publish.prefix(100)), toServer: true)
    wire.lose(200, toServer: true)
    wire.send([0xd0, 0], toServer: false)
    wire.send(Array(publish.dropFirst(300)), toServer: true)
    wire.send([0xe0, 0], toServer: true)
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    let records = bed.records("mqtt").map { $0["mqtt"] as? [String: Any] ?? [:] }
    #expect(records.contains { $0["disconnect"] != nil })
    #expect(records.last?["incomplete"] as? Bool == true)
  }

  @Test func whatIsTruncatedAnywhereLeavesNothing() {
    let all = Self.talk.flatMap { $0.0 ? $0.1 : [] }
    let bed = DissectionBed()
    for count in 0..<all.count {
      let wire = Wire(on: bed, to: 1883, from: 20_000 + count)
      wire.handshake()
      wire.send(Array(all.prefix(count)), toServer: true)
      wire.close()
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  @Test func manyOpenExchangesAreBounded() {
    var parts: [(Bool, [UInt8])] = [(true, Self.connect)]
    for i in 0..<200 {
      parts.append((true, Self.message(0x32, Self.text("t") + Wire.be16(i + 1) + [0x61])))
    }
    let records = Self.records(parts)
    #expect(records.count == 201)
  }

  @Test func theStateFits() {
    #expect(MemoryLayout<MQTTStream.State>.size <= FlowState.ownBytes)
    #expect(
      MemoryLayout<MQTTPending>.size == MQTTPending.count * MemoryLayout<MQTTWaiting>.stride)
  }
}
