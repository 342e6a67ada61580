import ControlAPI
import Testing

struct JSONTests {
  @Test(arguments: [
    "null", "true", "false", "0", "-0", "1.50", "1E+2", "-12.3e-4", "\"\"", "[]", "{}",
    #"[1,[2,{"a":[null]}],"x"]"#, #"{"b":1,"a":{"c":[true]}}"#, #""é😀\"\\\n\r\t\u0001""#,
  ])
  func comesBackAsItWas(text: String) throws {
    #expect(try JSONParser.parse(text).text == text)
  }

  @Test func escapes() throws {
    #expect(
      try JSONParser.parse(#" "\u0041\u00e9\ud83d\ude00\/\b\f" "#) == .string("Aé😀/\u{8}\u{c}"))
  }

  @Test(arguments: [
    "", " ", "nul", "truee", "+1", "01", "1.", ".5", "1e", "--1", "[1 2]", "[,1]", "[1,]",
    "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "\"", "\"\\u12\"", "\"\\ud83d\"",
    "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\t\"", "\"\\a\"", "[", "]", "1 1", "\u{feff}1", "NaN",
    "{\"a\":1,\"a\":2}",
  ])
  func isNoJSON(text: String) {
    #expect(throws: JSONParseError.self) { try JSONParser.parse(text) }
  }

  @Test func depthIsCounted() throws {
    let nested = { (depth: Int) in
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONParser.parse(nested(5), maximumDepth: 5)
    let error = #expect(throws: JSONParseError.self) {
      try JSONParser.parse(nested(6), maximumDepth: 5)
    }
    #expect(error?.isTooDeep == true)
  }

  /// Whatever the bytes are, the reader answers or refuses, and what it takes it can write.
  @Test func anyBytesAreReadOrRefused() throws {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("[]{}:,\"\\u0d8tfnrue1-+.eE \u{e9}\n\t".utf8) + [0xff, 0x00]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
        alphabet.randomElement(using: &random) ?? 0
      }
      guard let value = try? JSONParser.parse(bytes[...]) else { continue }
      #expect(try JSONParser.parse(value.text) == value)
    }
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000000+0000"),
      (1_795_239_360_123_456_789, "2026-11-21T05:36:00.123456+0000"),
      (951_782_400_000_000_000, "2000-02-29T00:00:00.000000+0000"),
      (-1, "1969-12-31T23:59:59.999999+0000"),
      (4_102_444_799_999_999_999, "2099-12-31T23:59:59.999999+0000"),
    ] as [(Int64, String)])
  func timeIsWrittenAsInTheRecords(nanoseconds: Int64, text: String) {
    #expect(ControlTime.text(nanoseconds: nanoseconds) == text)
  }

  @Test func conservationIsComputedFromTheTotals() {
    var totals = SampleData.stats(uptimeSeconds: 100).totals
    #expect(Conservation(totals: totals).holds)
    totals.received += 3
    let check = Conservation(totals: totals)
    #expect(!check.holds && check.difference == 3)
    totals.received -= 5
    #expect(Conservation(totals: totals).difference == -2)
  }
}
