import FlowEngine
import Foundation
import Testing

@testable import Records

/// Values as people write them, against other readers of the same.
@Suite struct LiteralTests {
  @Test func addressesAsTheSystemReadsThem() {
    let texts = [
      "10.0.0.1", "0.0.0.0", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.",
      ".1.2.3", "1..2.3", "1.2.3.4 ", "+1.2.3.4", "0x1.2.3.4", "1.2.3.1000", "", ":", "::", ":::",
      "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::",
      "::g", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "::1.2.3.4",
      "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "::1.2.3.4:5", "::ffff:1.2.3",
      "FE80::ABCD", "fe80::1%eth0", "1:", ":1", "1:2:", "::1:", "1:::2", "-1::", "::0001",
    ]
    for text in texts + randomAddresses() {
      let ours = AddressLiteral.address(text)
      var v4 = in_addr()
      var v6 = in6_addr()
      if inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, text, &v6) == 1 {
        #expect(ours?.address == address(text), "\(text)")
        #expect(ours?.version == (text.contains(":") ? 6 : 4))
      } else {
        #expect(ours == nil, "\(text)")
      }
    }
    // Read as octal by some.
    #expect(AddressLiteral.address("010.0.0.1") == nil)
  }

  private func randomAddresses() -> [String] {
    (0..<20_000).map { _ in
      (0..<Int.random(in: 1...9)).map { _ in
        ["", "0", "1", "ffff", "abc", "1.2.3.4", "0012"].randomElement()!
      }.joined(separator: ["::", ":", ":", ":", ":"].randomElement()!)
    }
  }

  @Test func networksHaveTheirEnds() throws {
    for (text, first, last) in [
      ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"), ("10.1.2.3/32", "10.1.2.3", "10.1.2.3"),
      ("1.2.3.4/0", "0.0.0.0", "255.255.255.255"), ("1.2.3.4/31", "1.2.3.4", "1.2.3.5"),
      ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
      ("2001:db8::ff/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"),
      ("2001:db8::/63", "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
      ("2001:db8::/65", "2001:db8::", "2001:db8::7fff:ffff:ffff:ffff"),
      ("::1/128", "::1", "::1"), ("1.2.3.4-1.2.4.0", "1.2.3.4", "1.2.4.0"),
      ("::1..::9", "::1", "::9"),
    ] {
      let range = try #require(AddressLiteral.range(text), "\(text)")
      #expect(range.first == address(first) && range.last == address(last), "\(text)")
    }
    for text in ["10.0.0.0/33", "::/129", "::/", "/8", "::/08", "::/-1", "1.2.3.4-::1", "1-2"] {
      #expect(AddressLiteral.range(text) == nil, "\(text)")
    }
  }

  /// Lists are put in order and searched by halves: each value of them against one by one.
  @Test func listsHoldWhatTheirPartsHold() throws {
    var generator = Generator(seed: 7)
    for _ in 0..<300 {
      let parts = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        let octet = Int.random(in: 0...40, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return "10.0.0.\(octet)"
        case 1: return "10.0.0.\(octet)/\(Int.random(in: 24...32, using: &generator))"
        case 2: return "10.0.0.\(octet)-10.0.0.\(octet + 5)"
        default: return "::\(octet)/\(Int.random(in: 122...128, using: &generator))"
        }
      }
      let whole = try RecordExpression(
        parsing: "src_ip in (\(parts.joined(separator: ",")))", context: context)
      let single = try parts.map {
        try RecordExpression(parsing: "src_ip == \($0)", context: context)
      }
      for octet in 0...50 {
        for source in ["10.0.0.\(octet)", "::\(octet)"] {
          let peer = source.contains(":") ? "2001:db8::1" : "192.0.2.1"
          let record = flow(IPProtocol.udp, source, 1, peer, 2)
          withUnsafePointer(to: record) { record in
            if whole.matches(record) != single.contains(where: { $0.matches(record) }) {
              Issue.record("\(source) in \(parts)")
            }
          }
        }
      }
    }
  }

  @Test func listsOfNumbersHoldWhatTheirPartsHold() throws {
    var generator = Generator(seed: 8)
    for _ in 0..<300 {
      let ranges = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        let first = UInt16.random(in: 0...40, using: &generator)
        return first...(first + UInt16.random(in: 0...12, using: &generator) / 2)
      }
      let list = ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
      let expression = try RecordExpression(parsing: "src_port in (\(list))", context: context)
      for port in 0...50 as ClosedRange<UInt16> {
        let record = flow(IPProtocol.udp, "10.0.0.1", port, "10.0.0.2", 9)
        let found = withUnsafePointer(to: record) { expression.matches($0) }
        if found != ranges.contains(where: { $0.contains(port) }) {
          Issue.record("\(port) in \(list)")
        }
      }
    }
  }

  @Test func macs() {
    #expect(AddressLiteral.mac("00:1B:c0:ff:01:02") == 0x001b_c0ff_0102)
    #expect(AddressLiteral.mac("00-1b-c0-ff-01-02") == 0x001b_c0ff_0102)
    for text in [
      "", "00:1b:c0:ff:01", "00:1b:c0:ff:01:2", "00:1b-c0:ff:01:02", "0g:1b:c0:ff:01:02",
    ] {
      #expect(AddressLiteral.mac(text) == nil, "\(text)")
    }
  }

  @Test func powersOfTen() {
    func value(_ text: String) -> DecimalLiteral.Product? {
      DecimalLiteral(text).flatMap { literal in
        DecimalLiteral.multiplier(literal.unit, unit: "bytes").map { literal.times($0) }
      }
    }
    #expect(value("1e6") == .whole(1_000_000))
    #expect(value("1.5E+3") == .whole(1500))
    #expect(value("2e3k") == .whole(2_000_000))
    #expect(value("0e24") == .whole(0))
    #expect(value("1.25e1") == .broken)
    #expect(value("999999999999999999999999999e24") == nil)
    for text in ["1e25", "1e", "1e-3", "1e+", "e6"] { #expect(value(text) == nil, "\(text)") }
  }

  @Test func times() {
    for (text, seconds) in [
      ("1970-01-01", 0), ("2026-11-21T05:36", secondsOfTests),
      ("2026-11-21t05:36:00z", secondsOfTests),
      ("2026-11-21 05:36:00+0000", secondsOfTests), ("2026-11-21T06:36+01", secondsOfTests),
      ("2026-11-21T00:06:00-05:30", secondsOfTests), ("2000-02-29", 951_782_400),
      ("1969-12-31T23:59:59", -1), ("0000-03-01", -62_162_035_200), ("9999-12-31", 253_402_214_400),
    ] as [(String, Int64)] {
      #expect(TimeLiteral.microseconds(text) == Int128(seconds) * 1_000_000, "\(text)")
    }
    #expect(TimeLiteral.microseconds("1970-01-01T00:00:00.000001Z") == 1)
    #expect(TimeLiteral.microseconds("1970-01-01T00:00:00.1") == 100_000)
    for text in [
      "", "2026", "2026-13-01", "2026-00-01", "2026-02-29", "1900-02-29", "2026-04-31",
      "2026-1-1", "2026-11-21T", "2026-11-21T24:00", "2026-11-21T05:60", "2026-11-21T05:36:60",
      "2026-11-21T05:36:00.", "2026-11-21T05:36:00.1234567", "2026-11-21T05:36:00+1",
      "2026-11-21T05:36:00+24", "2026-11-21T05:36:00+01:60", "2026-11-21T05:36:00ZZ",
      "2026-11-21Z", "２026-11-21",
    ] {
      #expect(TimeLiteral.microseconds(text) == nil, "\(text)")
    }
  }

  /// Every day of eight centuries, as the system's calendar has it.
  @Test func datesAsTheSystemReadsThem() {
    for day in stride(from: -150_000, to: 150_000, by: 37) {
      var second = time_t(day * 86_400 + 12_345)
      var parts = tm()
      gmtime_r(&second, &parts)
      let text = String(
        format: "%04d-%02d-%02dT%02d:%02d:%02d", Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1,
        Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec))
      if TimeLiteral.microseconds(text) != Int128(second) * 1_000_000 {
        Issue.record("\(text) is read wrongly")
      }
    }
  }

  @Test func globsAsTheSystemFitsThem() {
    let letters = ["a", "b", "A", "*", "?", "*", ""]
    var fitted = 0
    for _ in 0..<50_000 {
      let pattern = (0..<Int.random(in: 0...8)).map { _ in letters.randomElement()! }.joined()
      let text = (0..<Int.random(in: 0...8)).map { _ in letters[..<3].randomElement()! }.joined()
      let ours = Array(text.utf8).withUnsafeBufferPointer { text in
        Array(pattern.utf8).withUnsafeBufferPointer { Glob.matches(text, $0) }
      }
      let isFit = fnmatch(pattern, text, 0) == 0
      if isFit { fitted += 1 }
      if ours != isFit { Issue.record("\(pattern) and \(text)") }
    }
    #expect(fitted > 1000)
  }
}
