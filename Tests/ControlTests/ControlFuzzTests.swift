import ControlAPI
import Testing

@testable import ControlServer

/// The short form of `make fuzz FUZZ_TARGETS=control`: messages that are nearly right, and many that are not.
struct ControlFuzzTests {
  /// xorshift64*; a test must find tomorrow what it found today.
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return state &* 2_685_821_657_736_338_717
    }
  }

  static let seeds: [[UInt8]] =
    DiscoveryTests.table.entries.map { entry in
      let params = ControlMethod(rawValue: entry.name).flatMap { DiscoveryTests.parameters[$0] }
      let text = (params ?? []).text
      return Array(#"{"jsonrpc":"2.0","id":1,"method":"\#(entry.name)","params":\#(text)}"#.utf8)
    } + [
      Array(#"[{"jsonrpc":"2.0","id":"é\ud83d\ude00","method":"x"},{"a":[1.5e-3,null,true]}]"#.utf8)
    ]

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func anyMessageIsAnsweredOrIgnored(seed: UInt64) throws {
    var generator = Generator(state: seed &* 0x9e37_79b9_7f4a_7c15)
    let processor = MessageProcessor(
      methods: DiscoveryTests.table, limits: ControlServerLimits(), logger: quietLogger)
    let peer = ControlPeer(credentials: .init(pid: 1, uid: 0, gid: 0), role: .admin)
    var answered = 0
    for _ in 0..<1500 {
      var bytes = Self.seeds.randomElement(using: &generator) ?? []
      for _ in 0..<Int.random(in: 0...4, using: &generator) {
        let place = Int.random(in: 0...bytes.count, using: &generator)
        let length = Int.random(in: 0...min(8, bytes.count - place), using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes.removeSubrange(place..<place + length)
        case 1: bytes.insert(.random(in: 0...255, using: &generator), at: place)
        case 2: bytes.insert(contentsOf: Array(bytes[place..<place + length]), at: 0)
        default:
          let words = [
            "null", "\"\\u0000\"", "-0", "1e999", "[[", "{}", ",", "18446744073709551616",
          ]
          bytes.insert(contentsOf: (words.randomElement(using: &generator) ?? "").utf8, at: place)
        }
      }
      guard let answer = processor.respond(to: bytes, from: peer) else { continue }
      answered += 1
      #expect(!answer.contains(10), "an answer is one line")
      let json = try JSONParser.parse(answer[...])
      let responses = if case .array(let all) = json { all } else { [json] }
      for response in responses {
        #expect(response["jsonrpc"] == "2.0" && response["id"] != .none)
        #expect((response["result"] != .none) != (response["error"] != .none))
        if case .number(let digits) = response["error"]?["code"], let code = Int(digits) {
          #expect(RPCErrorCode.all.contains(RPCErrorCode(rawValue: code)))
        }
      }
    }
    #expect(answered > 1000)
  }
}
