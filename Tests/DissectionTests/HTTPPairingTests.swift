import FlowEngine
import Testing

@testable import Dissection

/// Which answer is whose where a hole hides whole messages: what was acknowledged with a request, and with
/// an answer, tells.
struct HTTPPairingTests {
  /// A step of a conversation.
  enum Step {
    case client(String)
    case server(String)
    /// Bytes that are sent and not seen.
    case clientLoses(String)
    case serverLoses(String)
    /// As the two, acknowledging only so many bytes of the other direction.
    case clientHas(Int, String)
    case serverHas(Int, String)
  }

  private static func get(_ name: String) -> String { "GET /\(name) HTTP/1.1\r\nHost: h\r\n\r\n" }
  private static func answer(_ status: Int, body: String = "abc") -> String {
    "HTTP/1.1 \(status) OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
  /// In chunks: behind the hole nobody knows where it ends.
  private static let lostWithin: [Step] = [
    .server("HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n"),
    .serverLoses("012345678\r\n0\r"), .server("\n\r\n"),
  ]

  /// `url status`, with what is missing, of the records in their order.
  static func pairs(_ steps: [Step], size: Int = 1460) -> [String] {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    let (client, server) = (wire.clientSequence, wire.serverSequence)
    func send(_ text: String, toServer: Bool, has count: Int) {
      let own = toServer ? wire.serverSequence : wire.clientSequence
      let known = (toServer ? server : client) &+ UInt32(count)
      if toServer { wire.serverSequence = known } else { wire.clientSequence = known }
      wire.send(text, toServer: toServer, size: size)
      if toServer { wire.serverSequence = own } else { wire.clientSequence = own }
    }
    for step in steps {
      switch step {
      case .client(let text): wire.send(text, toServer: true, size: size)
      case .server(let text): wire.send(text, toServer: false, size: size)
      case .clientLoses(let text): wire.lose(text.utf8.count, toServer: true)
      case .serverLoses(let text): wire.lose(text.utf8.count, toServer: false)
      case .clientHas(let count, let text): send(text, toServer: true, has: count)
      case .serverHas(let count, let text): send(text, toServer: false, has: count)
      }
    }
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed.records("http").map { record in
      let http = HTTPTests.http(record)
      let missing = (http["missing_bytes"] as? Int).map { " \($0)" } ?? ""
      return "\(http["url"] ?? "-") \(http["status"] ?? "-")"
        + (http["incomplete"] == nil ? "" : " incomplete" + missing)
    }
  }

  /// The first answer's end is not known, the next ones are not seen at all.
  @Test(arguments: [1460, 1, 7]) func answersHiddenBehindALostOne(size: Int) {
    var steps: [Step] = [.client(Self.get("1"))] + Self.lostWithin
    steps += [.client(Self.get("2")), .serverLoses(Self.answer(202))]
    steps += [.client(Self.get("3")), .serverLoses(Self.answer(203, body: "abcd"))]
    steps += [.client(Self.get("4")), .server(Self.answer(204, body: ""))]
    steps += [.client(Self.get("5")), .server(Self.answer(205))]
    #expect(
      Self.pairs(steps, size: size) == [
        "/1 201 incomplete 13", "/2 - incomplete \(Self.answer(202).utf8.count)",
        "/3 - incomplete \(Self.answer(203, body: "abcd").utf8.count)", "/4 204", "/5 205",
      ])
  }

  /// More of them than requests are remembered.
  @Test func manyHiddenAnswers() {
    var steps: [Step] = [.client(Self.get("0"))] + Self.lostWithin
    for i in 1...20 {
      steps += [.client(Self.get("\(i)")), .serverLoses(Self.answer(200 + i))]
    }
    steps += [.client(Self.get("21")), .server(Self.answer(221))]
    let pairs = Self.pairs(steps)
    #expect(pairs.count == 22)
    #expect(pairs.dropFirst().dropLast().allSatisfy { $0.contains(" - incomplete ") })
    #expect(pairs.last == "/21 221")
  }

  /// Nothing was captured for a while, in neither direction.
  @Test(arguments: [1460, 1, 7]) func anOutage(size: Int) {
    let hidden: [Step] = [
      .serverLoses(Self.answer(201)), .clientLoses(Self.get("2")), .serverLoses(Self.answer(202)),
      .clientLoses(Self.get("3")), .serverLoses(Self.answer(203)),
    ]
    let steps: [Step] =
      [.client(Self.get("1"))] + hidden + [
        .client(Self.get("4")), .server(Self.answer(204, body: "")), .client(Self.get("5")),
        .server(Self.answer(205)),
      ]
    let pairs = Self.pairs(steps, size: size)
    #expect(pairs.first?.hasPrefix("/1 - incomplete") == true)
    #expect(pairs.contains("/4 204"))
    #expect(pairs.last == "/5 205")
    #expect(!pairs.contains { $0.hasPrefix("- ") })
  }

  /// Requests that were sent together: how many of their answers are in the hole nobody knows.
  @Test func pipelinedOnesAreUnsure() {
    let together = Self.get("1") + Self.get("2") + Self.get("3")
    let length = Self.answer(201).utf8.count
    let pairs = Self.pairs([
      .client(together), .serverLoses(Self.answer(201)),
      .server(Self.answer(202) + Self.answer(203)), .client(Self.get("4")),
      .server(Self.answer(204, body: "")),
    ])
    #expect(
      pairs == [
        "/1 - incomplete \(length)", "/2 202 incomplete", "/3 203 incomplete", "/4 204",
      ])
    // Two are hidden: what was sent later tells that the third has no answer of its own.
    let two = Self.pairs([
      .client(together), .serverLoses(Self.answer(201) + Self.answer(202)),
      .server(Self.answer(203)), .client(Self.get("4")), .server(Self.answer(204, body: "")),
    ])
    #expect(two.count == 4)
    #expect(two.first == "/1 - incomplete \(2 * length)")
    #expect(two.dropFirst().dropLast().allSatisfy { $0.contains("incomplete") })
    #expect(two.last == "/4 204 incomplete")
  }

  /// What a client acknowledges while it sends requests during a body says nothing of their answers.
  @Test func requestsDuringABody() {
    let body = String(repeating: "b", count: 100)
    let head = "HTTP/1.1 201 OK\r\nContent-Length: 300\r\n\r\n"
    let pairs = Self.pairs([
      .client(Self.get("1")), .server(head + body), .clientHas(60, Self.get("2")),
      .serverLoses(body), .clientHas(160, Self.get("3")), .server(body),
      .server(Self.answer(202) + Self.answer(203)),
    ])
    #expect(pairs == ["/1 201 incomplete 100", "/2 202", "/3 203"])
  }

  /// A request that nobody saw is answered, and the client has that answer when it sends the next one.
  @Test(arguments: [1460, 1, 7]) func anAnswerWithoutItsRequest(size: Int) {
    let post = "POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n"
    let pairs = Self.pairs(
      [
        .client(post), .clientLoses("012345678\r\n0\r\n\r\n"), .server(Self.answer(201)),
        .clientLoses(Self.get("2")), .server(Self.answer(202)),
        .client(Self.get("3")), .server(Self.answer(203)),
        .client(Self.get("4")), .server(Self.answer(204, body: "")),
      ], size: size)
    #expect(pairs.first?.hasPrefix("/1 201 incomplete") == true)
    #expect(pairs.dropFirst().first?.hasPrefix("- 202") == true)
    #expect(pairs.suffix(2) == ["/3 203", "/4 204"])
  }

  /// The answer to one that nobody saw had begun before the next one came to the server.
  @Test func anAnswerBeforeItsRequest() {
    let post = "POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n"
    let rest = "012345678\r\n0\r\n\r\n"
    let known = (post + rest + Self.get("2")).utf8.count
    let pairs = Self.pairs([
      .client(post), .clientLoses(rest), .server(Self.answer(201)),
      .clientLoses(Self.get("2")), .client(Self.get("3")), .serverHas(known, Self.answer(202)),
      .server(Self.answer(203)), .client(Self.get("4")), .server(Self.answer(204, body: "")),
    ])
    #expect(pairs.contains { $0.hasPrefix("- 202") })
    #expect(pairs.contains { $0.hasPrefix("/3 203") })
    #expect(pairs.last == "/4 204")
  }

  /// Of what is complete nothing changes, whatever is acknowledged when.
  @Test func acknowledgementsAloneTellNothing() {
    let first = Self.answer(201)
    let pairs = Self.pairs([
      .client(Self.get("1")), .client(Self.get("2")), .server(first),
      .clientHas(first.utf8.count, Self.get("3")), .serverHas(10, Self.answer(202)),
      .server(Self.answer(203)),
    ])
    #expect(pairs == ["/1 201", "/2 202", "/3 203"])
  }

  /// Whatever is lost of connections without pipelining: where an answer is joined with another one's request
  /// the record says that it is not sure, but where a connection begins with holes in both directions.
  @Test(arguments: 0..<8) func hardlyAnythingIsJoinedWrongly(seed: Int) {
    var generator = SplitMix(state: UInt64(seed))
    let bed = DissectionBed()
    for port in 0..<60 {
      let wire = Wire(on: bed, to: 80, from: 20_000 + port)
      wire.handshake()
      let loss = Double.random(in: 0.02...0.6, using: &generator)
      for i in 0..<12 {
        let isChunked = Bool.random(using: &generator)
        let length = Int.random(in: 0...900, using: &generator)
        let body = String(repeating: "b", count: length)
        let answer =
          isChunked
          ? "HTTP/1.1 \(400 + i) OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (length > 0 ? "\(String(length, radix: 16))\r\n\(body)\r\n" : "") + "0\r\n\r\n"
          : Self.answer(400 + i, body: body)
        for (toServer, text) in [(true, Self.get("\(i)")), (false, answer)] {
          var rest = Array(text.utf8)[...]
          while !rest.isEmpty {
            let piece = Array(rest.prefix(Int.random(in: 20...300, using: &generator)))
            rest = rest.dropFirst(piece.count)
            if Double.random(in: 0..<1, using: &generator) < loss {
              wire.lose(piece.count, toServer: toServer)
            } else {
              wire.send(piece, toServer: toServer)
            }
          }
        }
      }
      wire.close()
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    var wrong: [String] = []
    var unsure = 0
    for record in bed.records("http") {
      let http = HTTPTests.http(record)
      guard let url = http["url"] as? String, let status = http["status"] as? Int,
        url != "/\(status - 400)"
      else { continue }
      if http["incomplete"] != nil {
        unsure += 1
        continue
      }
      wrong.append("\(record["src_port"] ?? 0): \(url) \(status) \(http["incomplete"] ?? "")")
    }
    // Some 550 records of 60 connections with up to six of ten segments lost.
    #expect(wrong.count <= 5, "\(wrong)")
    #expect(unsure <= 30)
  }
}
