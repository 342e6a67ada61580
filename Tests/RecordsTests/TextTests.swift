import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct TextTests {
  @Test func decimalsAtEveryLength() {
    var values: [UInt64] = [0, .max, .max - 1, 1 << 53, UInt64(UInt32.max)]
    var power: UInt64 = 1
    for _ in 0..<20 {
      values += [power, power - 1, power + 1]
      power = power.multipliedReportingOverflow(by: 10).partialValue
    }
    for value in values {
      #expect(written { $0.decimal(value) } == "\(value)")
    }
    for value in 0..<100_000 as Range<UInt64> {
      if written({ $0.decimal(value) }) != "\(value)" {
        Issue.record("\(value) is written wrongly")
      }
    }
    for _ in 0..<20_000 {
      let value = UInt64.random(in: .min ... .max) >> UInt64.random(in: 0..<64)
      if written({ $0.decimal(value) }) != "\(value)" {
        Issue.record("\(value) is written wrongly")
      }
    }
    for value in UInt8.min...UInt8.max { #expect(written { $0.decimal(value) } == "\(value)") }
  }

  @Test func ipv4AddressesAsTheSystemWritesThem() {
    for octet in 0...255 as ClosedRange<UInt32> {
      let value = octet << 24 | (255 - octet) << 16 | octet << 8 | (octet ^ 0x5a)
      #expect(written { $0.dottedQuad(value) } == system(AF_INET, value.bigEndian))
    }
  }

  /// RFC 5952, sections 4 and 5.
  @Test(arguments: [
    "::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "2001:db8::1:0:0:1",
    "0:0:0:1::", "::ffff:192.0.2.1", "::192.0.2.1", "::1:2", "64:ff9b::c000:201", "1:0:0:2:0:0:3:4",
    "1:2:3:4:5:6:7:8", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:0", "fe80::abcd:ef01:0:10",
    "::ffff:0:1.2.3.4", "0:0:0:0:0:ffff::", "1::2:0:0:0:3",
  ])
  func ipv6Address(_ source: String) {
    expectAsSystem(address(source))
  }

  @Test func ipv6AddressesAsTheSystemWritesThem() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      // Groups are zero half of the time, so that runs of every length come up everywhere.
      func half() -> UInt64 {
        (0..<4).reduce(0) { sum, _ in
          let draw: UInt64 = generator.next()
          let group = (draw & 0xffff) >> (draw >> 16 & 15)
          return sum << 16 | (draw >> 63 == 0 ? 0 : group)
        }
      }
      expectAsSystem(IPAddress(high: half(), low: half()))
    }
  }

  private func expectAsSystem(_ address: IPAddress) {
    let expected = system(AF_INET6, (address.high.bigEndian, address.low.bigEndian))
    #expect(written { $0.ipv6(address) } == expected)
  }

  private func system(_ family: Int32, _ address: some BitwiseCopyable) -> String {
    var text = [CChar](repeating: 0, count: 64)
    withUnsafeBytes(of: address) { _ = inet_ntop(family, $0.baseAddress!, &text, 64) }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// FIPS 180's examples and, for the padding's edges, values that sha1sum gives.
  @Test(arguments: [
    ("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    ),
    ("a", 1_000_000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
    ("a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
    ("a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
    ("a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
  ])
  func sha1(_ unit: String, _ count: Int, _ expected: String) {
    let message = Array(String(repeating: unit, count: count).utf8)
    let digest = message.withUnsafeBytes { SHA1.digest($0) }
    let bytes = (0..<5).flatMap { index in
      withUnsafeBytes(of: digest[index].bigEndian) { Array($0) }
    }
    #expect(written { writer in for byte in bytes { writer.hexByte(byte) } } == expected)
    #expect(written { $0.base64(digest) } == Data(bytes).base64EncodedString())
  }

  @Test func base64OfEveryBit() {
    for bit in 0..<160 {
      var digest = SHA1.Digest(repeating: 0)
      digest[bit / 32] = 1 << UInt32(bit % 32)
      let bytes = (0..<5).flatMap { index in
        withUnsafeBytes(of: digest[index].bigEndian) { Array($0) }
      }
      #expect(written { $0.base64(digest) } == Data(bytes).base64EncodedString())
    }
  }

  @Test func macInFrameOrder() {
    var words: (UInt16, UInt16, UInt16) = (0, 0, 0)
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: [0, 0x11, 0xa2, 0x3b, 0x04, 0xff]) }
    #expect(written { $0.mac(words) } == "00:11:a2:3b:04:ff")
  }

  @Test func escapesSurviveAnything() throws {
    let hostile =
      (0..<0x80).map { String(UnicodeScalar(UInt8($0))) }.joined() + "é🦅\u{2028}\u{ffff}"
    let json = Array("[\"".utf8) + JSONText.escaped(hostile) + Array("\"]".utf8)
    let read = try JSONSerialization.jsonObject(with: Data(json)) as? [String]
    #expect(read == [hostile])
    #expect(!JSONText.escaped(hostile).contains { $0 < 0x20 || $0 == 0x7f })
  }
}

/// Bytes off the wire within a JSON string.
@Suite struct WireTextTests {
  private func read(_ bytes: [UInt8]) throws -> String {
    let inside = bytes.withUnsafeBytes { bytes in written { $0.escaped(bytes) } }
    let json = Data("[\"".utf8) + Data(inside.utf8) + Data("\"]".utf8)
    return try #require((JSONSerialization.jsonObject(with: json) as? [String])?.first)
  }

  /// Every byte at every place of the eight that are looked at together, between ordinary ones.
  @Test func eachByteAtEachPlace() throws {
    for byte in UInt8.min...UInt8.max {
      for place in 0..<18 {
        var bytes = Array("abcdefghijklmnopqr".utf8)
        bytes[place] = byte
        let hex = (byte < 16 ? "0" : "") + String(byte, radix: 16)
        let wanted =
          byte < 0x80 ? String(UnicodeScalar(byte)) : "\\x" + hex
        var text = "abcdefghijklmnopqr"
        let at = text.index(text.startIndex, offsetBy: place)
        text.replaceSubrange(at...at, with: wanted)
        #expect(try read(bytes) == text, "byte \(hex) at \(place)")
      }
    }
  }

  @Test func manyOfThemAndUTF8() throws {
    let text = "\"\\\u{7f}\u{0}é🦅\n\"\"\t12345678é1234567🦅\\\\x41\u{1f} !\"#[\\]~"
    #expect(try read(Array(text.utf8)) == text)
  }

  /// What a terminal acts on does not come through as it is, and is the same text for who parses it.
  @Test func nothingThatATerminalActsOn() throws {
    let controls = (0x80...0x9f).map { UnicodeScalar($0)! }
    let formats = [0x200b, 0x200e, 0x200f, 0x2028, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff]
      .map { UnicodeScalar($0)! }
    for scalar in controls + formats {
      let text = "ab\(scalar)[2J·é\(scalar)"
      let bytes = Array(text.utf8)
      let json = bytes.withUnsafeBytes { bytes in written { $0.escaped(bytes) } }
      #expect(!json.unicodeScalars.contains(scalar))
      #expect(try read(bytes) == text)
      var lines = ZeekLines(FlowIdentity(sensorName: "test"))
      bytes.withUnsafeBytes { lines.string($0) }
      let line = String(decoding: lines.bytes, as: UTF8.self)
      #expect(!line.unicodeScalars.contains(scalar) && line.hasPrefix("ab\\x"), "\(line)")
    }
  }
}

@Suite struct TimestampTests {
  private func text(_ nanoseconds: Int64) -> String {
    var timestamp = TimestampText()
    return written { timestamp.write(nanoseconds: nanoseconds, to: &$0) }
  }

  /// What the C library makes of the same second.
  private func expected(_ second: Int64, _ microsecond: Int64) -> String {
    var time = time_t(second)
    var parts = tm()
    gmtime_r(&time, &parts)
    return String(
      format: "%04d-%02d-%02dT%02d:%02d:%02d.%06d+0000", Int(parts.tm_year) + 1900,
      parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, microsecond)
  }

  @Test func suricatasForm() {
    #expect(text(1_795_239_360_123_456_789) == "2026-11-21T05:36:00.123456+0000")
    #expect(text(0) == "1970-01-01T00:00:00.000000+0000")
    #expect(text(0).utf8.count == TimestampText.length)
  }

  @Test func before1970() {
    #expect(text(-1) == "1969-12-31T23:59:59.999999+0000")
    #expect(text(-1_000_000_000) == "1969-12-31T23:59:59.000000+0000")
    #expect(text(.min) == "1677-09-21T00:12:43.145224+0000")
    #expect(text(.max) == "2262-04-11T23:47:16.854775+0000")
  }

  /// 2016-12-31T23:59:60Z: POSIX time has no number for it, and gives 00:00:00 its second.
  @Test func leapSecond() {
    #expect(text(1_483_228_799_500_000_000) == "2016-12-31T23:59:59.500000+0000")
    #expect(text(1_483_228_800_500_000_000) == "2017-01-01T00:00:00.500000+0000")
  }

  @Test func year9999AndYear0() {
    var timestamp = TimestampText()
    let last = written {
      timestamp.write(second: 253_402_300_799, nanosecond: 999_999_999, to: &$0)
    }
    #expect(last == "9999-12-31T23:59:59.999999+0000")
    let first = written { timestamp.write(second: -62_167_219_200, nanosecond: 0, to: &$0) }
    #expect(first == "0000-01-01T00:00:00.000000+0000")
  }

  @Test func everyDayOfFourCenturies() {
    var timestamp = TimestampText()
    for day in -20_000..<140_000 as Range<Int64> {
      let second = day * 86_400 + (day &* 7919) % 86_400
      let text = written { timestamp.write(second: second, nanosecond: 1000, to: &$0) }
      if text != expected(second, 1) {
        #expect(text == expected(second, 1))
        return
      }
    }
  }

  @Test func nanosecondsWithinTheSecond() {
    #expect(TimestampText.split(-1) == (-1, 999_999_999))
    #expect(TimestampText.split(999_999_999) == (0, 999_999_999))
    #expect(TimestampText.split(-1_000_000_000) == (-1, 0))
  }
}
