import ControlAPI
import Foundation
import Testing

@testable import Forwarding

/// The index against the tree-building reader, and the places where readers of JSON go wrong.
@Suite struct JSONIndexTests {
  /// Records and other texts, changed at random: both readers take the same texts and read the same.
  @Test func agreesWithTheTreeOnEveryText() throws {
    var generator = SplitMix(seed: 0x6a73_6f6e)
    let seeds =
      (0..<40).map { _ in FlowSamples.eve(FlowSamples.random(&generator)) }
      + [FlowSamples.eve(FlowSamples.stats())] + Self.oddTexts.map { Array($0.utf8) }
    var taken = 0
    for round in 0..<30_000 {
      var text = seeds[round % seeds.count]
      for _ in 0..<Int.random(in: 0...3, using: &generator) where !text.isEmpty {
        let place = Int.random(in: text.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: text[place] = .random(in: .min ... .max, using: &generator)
        case 1: text.remove(at: place)
        case 2: text.insert(Self.marks.randomElement(using: &generator) ?? 0x22, at: place)
        default: text[place] = Self.marks.randomElement(using: &generator) ?? 0x22
        }
      }
      var tree: JSONValue?
      if case .object? = try? JSONParser.parse(text[...]) {
        tree = try? JSONParser.parse(text[...])
      }
      let document = try? EVEDocument(text)
      if document?.root != tree {
        Issue.record("\(String(decoding: text, as: UTF8.self)): \(String(describing: tree))")
      }
      if tree != nil { taken += 1 }
    }
    #expect((5000...28_000).contains(taken), "\(taken) texts were JSON")
  }

  private static let marks =
    Array(#"{}[]",:\u0e-.tn /"#.utf8) + [0x0a, 0xc3, 0xa9, 0xed, 0xf0, 0x1f]

  private static let oddTexts = [
    #"{"a":"\ud83d\ude00\u00e9\n\"\\\/","b":[[],{},[{}]],"é":"日本語"}"#,
    #" { "a" : -0.5e+10 , "b" : [ true , false , null ] } "#,
    #"{"a":1,"\u0061":2}"#, #"{"a":{"b":1},"c":{"b":1}}"#, #"{"a":"\ud800"}"#, #"{"":0}"#,
    #"{"a":01}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":-}"#, "[]", "",
  ]

  @Test func nestingIsBounded() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array(
        ("{\"a\":" + String(repeating: "[", count: depth - 1)
          + String(repeating: "]", count: depth - 1) + "}").utf8)
    }
    _ = try EVEDocument(nested(64))
    #expect { try EVEDocument(nested(65)) } throws: { "\($0)".contains("64") }
    #expect { try EVEDocument(nested(1_000_000)) } throws: { "\($0)".contains("64") }
  }

  @Test func namesAreToldApartInObjectsOfAnySize() throws {
    for count in [2, 63, 64, 65, 200, 5000] {
      let names = (0..<count).map { "\"counter_of_things_\($0)\":\($0)" }
      let document = try EVEDocument(Array(("{" + names.joined(separator: ",") + "}").utf8))
      #expect(document.integer(EVEPath("counter_of_things_\(count - 1)")) == Int64(count - 1))
      let twice = names + ["\"counter_of_things_0\":0"]
      #expect {
        try EVEDocument(Array(("{" + twice.joined(separator: ",") + "}").utf8))
      } throws: { "\($0)".contains("counter_of_things_0") && "\($0)".contains("twice") }
    }
  }

  /// More values for its length than any record has: the first guess of the room is too small.
  @Test func denseTextsHaveRoom() throws {
    let zeros = Array(repeating: "0", count: 10_000).joined(separator: ",")
    let document = try EVEDocument(Array("{\"a\":[\(zeros)]}".utf8))
    #expect(document.element(EVEPath("a"))?.children.reduce(0) { count, _ in count + 1 } == 10_000)
  }

  /// Names of every length, at the very end of the text too, where eight bytes cannot be read.
  @Test func namesOfAnyLengthAreFound() throws {
    for length in 0...40 {
      let name = String(repeating: "k", count: length)
      for behind in ["", #","z":1234567890"#] {
        let document = try EVEDocument(Array("{\"\(name)\":7\(behind)}".utf8))
        #expect(document.integer(EVEPath(names: [name])) == 7, "\(length)")
        #expect(document.integer(EVEPath(names: [name + "k"])) == nil)
      }
    }
  }

  @Test func valuesByPath() throws {
    let document = try EVEDocument(
      Array(
        #"{"a":{"b\n":{"c":18446744073709551615}},"d":-9223372036854775808,"e":1.5e3,"f":true,"g":"x\ty","h":null}"#
          .utf8))
    let big = EVEPath(names: ["a", "b\n", "c"])
    #expect(document.unsigned(big) == .max)
    #expect(document.integer(big) == nil)
    #expect(document.integer(EVEPath("d")) == .min)
    #expect(document.unsigned(EVEPath("d")) == nil)
    #expect(document.double(EVEPath("e")) == 1500)
    #expect(document.integer(EVEPath("e")) == nil)
    #expect(document.boolean(EVEPath("f")) == true)
    #expect(document.text(EVEPath("g")) == "x\ty")
    #expect(document.element(EVEPath("h"))?.kind == .null)
    #expect(document.text(EVEPath("d")) == nil)
    #expect(document.members.map(\.name) == ["a", "d", "e", "f", "g", "h"])
    #expect(document.element(EVEPath("g.x")) == nil)
  }

  @Test(arguments: [
    (#"{"a":1"#, "ends within"), (#"{"a" 1}"#, "\":\" is missing"), (#"{"a":tru}"#, "no value"),
    (#"{"a":1}x"#, "after the end"), ("[1]", "not an object"), ("{\"a\":\"\u{1}\"}", "control"),
    (#"{"a":"\x"}"#, "escape"), (#"{"a":1,}"#, "name is missing"), (#"{"a":[1,]}"#, "no value"),
    (#"{"a":1 "b":2}"#, "\",\" or \"}\""),
  ])
  func saysWhatIsWrong(_ text: String, _ part: String) {
    #expect { try EVEDocument(Array(text.utf8)) } throws: { "\($0)".contains(part) }
  }
}

/// The same numbers in every run.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
