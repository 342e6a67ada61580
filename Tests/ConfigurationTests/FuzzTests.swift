import Testing

@testable import Configuration

/// Configurations broken at random: whatever comes, the answer is settings or at least one problem.
@Suite("Fuzzing")
struct FuzzTests {
  /// SplitMix64: the same mutations in every run, and from a seed in a failure's message.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  /// What configurations are made of, and what they trip over.
  static let pieces = [
    "{", "}", "[", "]", ":", ": ", "- ", "? ", "#", " #", "\"", "'", "\n", "\r\n", "\t", "  ",
    "&a ",
    "*a", "!!str ", "!x ", "|", ">", "%", "@", "`", "~", "null", "true", "-1", "0", "1e309", "nan",
    ".inf", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "0x10", "1_000",
    "${", "}", "${HOME}", "${X:-1}", "${X:-${Y}}", "---\n", "...\n", "<<: ", "\u{0}", "\u{7F}",
    "\u{85}", "\u{2028}", "\u{FEFF}", "é", "👩‍👩‍👧", "workers", "type: redis", "[[[[", "0000:03:00.0",
  ]

  static func mutate(_ text: String, _ generator: inout Generator) -> [UInt8] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      Array($0.utf8)
    }
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let at = Int.random(in: 0..<lines.count, using: &generator)
      let other = Int.random(in: 0..<lines.count, using: &generator)
      let column = Int.random(in: 0...lines[at].count, using: &generator)
      let piece = Array(pieces.randomElement(using: &generator)!.utf8)
      switch Int.random(in: 0..<10, using: &generator) {
      case 0: lines[at].insert(contentsOf: piece, at: column)
      case 1: if column < lines[at].count { lines[at].remove(at: column) }
      case 2: lines.insert(lines[other], at: at)
      case 3: if lines.count > 1 { lines.remove(at: at) }
      case 4: lines.swapAt(at, other)
      case 5: lines[at].insert(contentsOf: Array("    ".utf8), at: 0)
      case 6:
        if column < lines[at].count {
          lines[at][column] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        }
      case 7:
        // A value replaced.
        if let colon = lines[at].firstIndex(of: UInt8(ascii: ":")) {
          lines[at].replaceSubrange(colon..., with: Array(": ".utf8) + piece)
        }
      case 8: lines = Array(lines.prefix(at + 1))
      default:
        // A commented key brought to life.
        if let hash = lines[at].firstIndex(of: UInt8(ascii: "#")) { lines[at].remove(at: hash) }
      }
    }
    return Array(lines.joined(separator: [UInt8(ascii: "\n")]))
  }

  @Test("mutations of the samples", arguments: ["config/martlet.yaml", "config/demo.yaml"])
  func samples(_ path: String) throws {
    // Without most of its comments, so that mutations hit something.
    let text = try Documents.file(path).split(separator: "\n")
      .filter { !$0.drop(while: { $0 == " " }).hasPrefix("# ") }.joined(separator: "\n")
    var right = 0
    for seed in 0..<2500 as Range<UInt64> {
      var generator = Generator(state: seed)
      let mutated = String(decoding: Self.mutate(text, &generator), as: UTF8.self)
      let result = SettingsLoader.load(
        text: mutated, file: "f", environment: ["HOME": "/root", "X": "\u{0}"])
      #expect((result.settings == nil) == !result.problems.isEmpty, "seed \(seed)")
      #expect(
        Set(result.problems.map(\.description)).count == result.problems.count, "seed \(seed)")
      let lines = result.problems.map(\.line)
      #expect(lines == lines.sorted(), "seed \(seed)")
      let count = mutated.count { $0.isNewline } + 2
      #expect(lines.allSatisfy { (0...count).contains($0) }, "seed \(seed)")
      #expect(result.problems.allSatisfy { !$0.message.isEmpty }, "seed \(seed)")
      right += result.settings == nil ? 0 : 1
      if let settings = result.settings {
        #expect(Documents.problems(settings.describe()) == [], "seed \(seed)")
        #expect(MemoryBudget(settings).totalBytes > 0, "seed \(seed)")
      }
    }
    // Else mutations are so coarse that only the YAML parser is tested, or so fine that nothing is.
    #expect((50...2300).contains(right), "\(right) of 2500 loaded")
  }

  @Test("texts of pieces")
  func pieces() {
    for seed in 0..<1500 as Range<UInt64> {
      var generator = Generator(state: seed)
      var text = ""
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        text += Self.pieces.randomElement(using: &generator)!
      }
      let result = Documents.load(text)
      #expect((result.settings == nil) == !result.problems.isEmpty, "seed \(seed)")
    }
  }
}
