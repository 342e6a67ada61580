import Foundation
import Testing

@testable import Dissection

/// HTTP/1, made byte by byte.
@Suite struct HTTPTests {
  /// A conversation: pieces with their direction; the records of a type.
  static func records(
    type: String? = "http", settings: DissectionSettings = DissectionSettings(), size: Int = 1460,
    _ pieces: [(Bool, String)]
  ) -> [[String: Any]] {
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    for (toServer, text) in pieces { wire.send(text, toServer: toServer, size: size) }
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed.records(type)
  }

  static func http(_ record: [String: Any]?) -> [String: Any] {
    record?["http"] as? [String: Any] ?? [:]
  }

  static let get = """
    GET http://Example.COM:8080/a/b?x=1&password=hunter2&y=2 HTTP/1.1\r
    Host: example.com:8080\r
    User-Agent: curl/8\r
    X-Forwarded-For: 10.9.8.7, 10.1.1.1\r
    Referer: http://joe:s3cret@other.example/?token=abc\r
    Authorization: Basic am9lOmh1bnRlcjI=\r
    Cookie: sid=hunter2; theme=dark\r
    Via: 1.1 proxy\r
    True-Client-IP: 10.4.4.4\r
    \r

    """
  static let answer = """
    HTTP/1.1 302 Found\r
    Content-Type: text/html; charset=utf-8\r
    Content-Length: 20\r
    Server: nginx\r
    Location: /login?next=%2Fx%3Ftoken%3Dhunter2\r
    Set-Cookie: sid=hunter2; HttpOnly\r
    Content-Range: bytes 10-29/200\r
    \r
    <html><body></body>x
    """

  @Test(arguments: [1460, 1, 7]) func everyField(size: Int) {
    let records = Self.records(size: size, [(true, Self.get), (false, Self.answer)])
    #expect(records.count == 1)
    let http = Self.http(records.first)
    #expect(records.first?["tx_id"] as? Int == 0)
    #expect(http["hostname"] as? String == "example.com")
    #expect(http["http_port"] as? Int == 8080)
    #expect(
      http["url"] as? String == "http://Example.COM:8080/a/b?x=1&password=***&y=2")
    #expect(http["http_user_agent"] as? String == "curl/8")
    #expect(http["xff"] as? String == "10.9.8.7, 10.1.1.1")
    #expect(http["http_refer"] as? String == "http://joe:***@other.example/?token=***")
    #expect(http["http_method"] as? String == "GET")
    #expect(http["protocol"] as? String == "HTTP/1.1")
    #expect(http["via"] as? String == "1.1 proxy")
    #expect(http["true_client_ip"] as? String == "10.4.4.4")
    #expect(http["username"] as? String == "joe")
    #expect(http["cookies"] as? [String] == ["sid", "theme"])
    #expect(http["set_cookies"] as? [String] == ["sid"])
    #expect(http["request_header_count"] as? Int == 8)
    #expect(http["status"] as? Int == 302)
    #expect(http["http_content_type"] as? String == "text/html")
    #expect(http["redirect"] as? String == "/login?next=%2Fx%3Ftoken%3D***")
    #expect(http["server"] as? String == "nginx")
    #expect(http["length"] as? Int == 20)
    #expect(http["response_body_length"] as? Int == 20)
    #expect(http["response_mimetype"] as? String == "text/html")
    let range = http["content_range"] as? [String: Any]
    #expect(range?["raw"] as? String == "bytes 10-29/200")
    #expect(range?["start"] as? Int == 10)
    #expect(range?["end"] as? Int == 29)
    #expect(range?["size"] as? Int == 200)
    #expect(http["incomplete"] == nil)
    #expect(http["latency"] as? Double ?? 0 > 0)
  }

  @Test func recordComesWithTheLastByteOfTheBody() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", toServer: true)
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n", toServer: false)
    wire.send(String(repeating: "x", count: 2999), toServer: false)
    #expect(bed.records("http").isEmpty)
    wire.send("x", toServer: false)
    #expect(bed.records("http").count == 1)
    bed.finish()
    #expect(Self.http(bed.records("http").first)["length"] as? Int == 3000)
  }

  @Test(arguments: [1460, 1, 3]) func chunksPipelinedAndTrailers(size: Int) {
    let chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n"
      + "1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n"
    let records = Self.records(
      size: size,
      [
        (
          true,
          "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            + "HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\nHost: a\n\n"
        ),
        (
          false,
          chunked
            + "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 404 No\nContent-Length: 2"
            + "\n\nno"
        ),
      ])
    #expect(records.map { Self.http($0)["url"] as? String } == ["/1", "/2", "/3"])
    #expect(records.map { Self.http($0)["status"] as? Int } == [200, 200, 404])
    #expect(records.map { $0["tx_id"] as? Int } == [0, 1, 2])
    let first = Self.http(records.first)
    #expect(first["request_body_length"] as? Int == 3)
    #expect(first["response_body_length"] as? Int == 6)
    // With the framing but without trailers, as Suricata counts.
    #expect(first["length"] as? Int == 23)
    #expect(Self.http(records[1])["length"] as? Int == 0)
    #expect(Self.http(records[2])["length"] as? Int == 2)
  }

  @Test(arguments: [1460, 1]) func bodyUpToTheEnd(size: Int) {
    let records = Self.records(
      size: size,
      [
        (true, "GET /x HTTP/1.0\r\n\r\n"),
        (false, "HTTP/1.0 200 OK\r\n\r\n%PDF-1.4" + String(repeating: "z", count: 5000)),
      ])
    let http = Self.http(records.first)
    #expect(records.count == 1)
    #expect(http["length"] as? Int == 5008)
    #expect(http["response_mimetype"] as? String == "application/pdf")
  }

  @Test(arguments: [1460, 1]) func informationalAndExpected(size: Int) {
    let records = Self.records(
      size: size,
      [
        (true, "POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"),
        (false, "HTTP/1.1 100 Continue\r\n\r\n"), (true, "{\"a\""),
        (false, "HTTP/1.1 204 No Content\r\n\r\n"),
      ])
    #expect(records.count == 1)
    #expect(Self.http(records.first)["status"] as? Int == 204)
    #expect(Self.http(records.first)["request_body_length"] as? Int == 4)
    #expect(Self.http(records.first)["request_mimetype"] as? String == "text/json")
  }

  @Test(arguments: [1460, 1]) func tunnel(size: Int) {
    let records = Self.records(
      type: nil, size: size,
      [
        (true, "CONNECT joe:hunter2@inner.example:25 HTTP/1.1\r\nHost: inner.example:25\r\n\r\n"),
        (false, "HTTP/1.1 200 Connection established\r\n\r\n"),
        (true, "GET /in HTTP/1.1\r\nHost: b\r\n\r\n"),
        (false, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
      ])
    let http = records.filter { $0["event_type"] as? String == "http" }.map { Self.http($0) }
    #expect(http.count == 2)
    #expect(http.first?["hostname"] as? String == "inner.example")
    #expect(http.first?["http_port"] as? Int == 25)
    #expect(http.first?["url"] as? String == "joe:***@inner.example:25")
    #expect(http.last?["url"] as? String == "/in")
  }

  @Test func upgrade() {
    let records = Self.records(
      type: nil,
      [
        (
          true, "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        ),
        (
          false,
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        ), (true, "\u{1}abc"),
      ])
    let http = records.filter { $0["event_type"] as? String == "http" }.map { Self.http($0) }
    #expect(http.count == 1)
    #expect(http.first?["status"] as? Int == 101)
    let flow = records.first { $0["event_type"] as? String == "flow" }
    #expect(flow?["app_proto"] as? String == "websocket")
  }

  @Test(arguments: [1460, 1]) func simpleRequest(size: Int) {
    let records = Self.records(
      size: size, [(true, "GET /old\r\n"), (false, "<html>hello</html>")])
    #expect(records.count == 1)
    #expect(Self.http(records.first)["url"] as? String == "/old")
    #expect(Self.http(records.first)["length"] as? Int == 18)
    #expect(Self.http(records.first)["response_mimetype"] as? String == "text/html")
  }

  @Test func moreRequestsThanRoom() {
    let requests = (0..<12).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
    let answers = (0..<12).map { "HTTP/1.1 \(200 + $0) OK\r\nContent-Length: 0\r\n\r\n" }.joined()
    let records = Self.records([(true, requests), (false, answers)])
    let joined = records.map { Self.http($0) }.filter { $0["url"] != nil && $0["status"] != nil }
    #expect(joined.count == 7)
    for http in joined {
      let number = Int((http["url"] as? String ?? "").dropFirst()) ?? -1
      #expect(http["status"] as? Int == 200 + number)
    }
    let urls = Set(records.compactMap { Self.http($0)["url"] as? String })
    #expect(urls.count == 12)
    #expect(Set(records.compactMap { Self.http($0)["status"] as? Int }).count == 12)
  }

  @Test func endlessHeaders() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send("GET /long HTTP/1.1\r\n", toServer: true)
    for i in 0..<3000 {
      wire.send("X-\(i): \(String(repeating: "a", count: 40))\r\n", toServer: true)
    }
    wire.send("GET /after HTTP/1.1\r\nHost: a\r\n\r\n", toServer: true)
    bed.finish()
    let http = bed.records("http").map { Self.http($0) }
    #expect(http.compactMap { $0["url"] as? String }.contains("/long"))
    #expect(http.compactMap { $0["url"] as? String }.contains("/after"))
    #expect(bed.lines.contains { $0.contains("anomaly") })
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  // MARK: Holes

  /// Bytes of a message that are not seen, on a connection of its own.
  static func withHole(
    on bed: DissectionBed, port: Int, _ request: String, _ answer: String, hole: Range<Int>,
    toServer: Bool, size: Int = 100
  ) {
    let wire = Wire(on: bed, to: 80, from: port)
    wire.handshake()
    for (isRequest, text) in [(true, request), (false, answer)] {
      let bytes = Array(text.utf8)
      if isRequest == toServer {
        wire.send(Array(bytes[..<hole.lowerBound]), toServer: isRequest, size: size)
        wire.lose(hole.count, toServer: isRequest)
        wire.send(Array(bytes[hole.upperBound...]), toServer: isRequest, size: size)
      } else {
        wire.send(bytes, toServer: isRequest, size: size)
      }
    }
    wire.close()
  }

  /// The http records of a connection.
  static func records(of bed: DissectionBed, port: Int) -> [[String: Any]] {
    bed.records("http").filter { $0["src_port"] as? Int == port }
  }

  @Test func holeInABody() {
    let body = String(repeating: "b", count: 2000)
    let answers =
      "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + body
      + "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n"
    let requests = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"
    let bed = DissectionBed()
    let holes = [45..<60, 300..<900, 1990..<2041, 41..<2041]
    for (port, hole) in holes.enumerated() {
      Self.withHole(
        on: bed, port: 10_000 + port, requests, answers, hole: hole, toServer: false)
    }
    bed.finish()
    for (port, hole) in holes.enumerated() {
      let records = Self.records(of: bed, port: 10_000 + port)
      #expect(records.count == 2, "\(hole)")
      let first = Self.http(records.first)
      #expect(first["length"] as? Int == 2000)
      #expect(first["incomplete"] as? Bool == true)
      #expect(first["missing_bytes"] as? Int == hole.count)
      #expect(Self.http(records.last)["status"] as? Int == 201)
      #expect(Self.http(records.last)["incomplete"] == nil)
    }
  }

  @Test func holeAnywhere() {
    let requests =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      + "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"
    let answers =
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxyz"
      + "HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      + "HTTP/1.1 202 OK\r\nContent-Length: 1\r\n\r\n1"
    let bed = DissectionBed()
    var port = 10_000
    for toServer in [true, false] {
      let count = toServer ? requests.utf8.count : answers.utf8.count
      for start in stride(from: 0, to: count - 30, by: 3) {
        for length in [1, 20] {
          Self.withHole(
            on: bed, port: port, requests, answers, hole: start..<start + length,
            toServer: toServer, size: 1460)
          port += 1
        }
      }
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    let records = Dictionary(grouping: bed.records("http")) { $0["src_port"] as? Int ?? 0 }
    for port in 10_000..<port {
      #expect(records[port]?.contains { Self.http($0)["incomplete"] != nil } == true, "\(port)")
    }
  }

  @Test func cutAnywhere() {
    let bed = DissectionBed()
    var long = 0
    for (toServer, text) in [(true, Self.get), (false, Self.answer)] {
      let bytes = Array(text.utf8)
      for end in 0..<bytes.count {
        let wire = Wire(on: bed, to: 80, from: 10_000 + end + (toServer ? 0 : 5000))
        wire.handshake()
        if !toServer { wire.send(Self.get, toServer: true) }
        wire.send(Array(bytes[..<end]), toServer: toServer)
        wire.close()
        if end >= 67 || !toServer { long += 1 }
      }
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    let urls = bed.records("http").filter { Self.http($0)["url"] != nil }
    #expect(urls.count == long)
  }

  @Test func nothingIsFoundInNoise() {
    var generator = SplitMix(state: 7)
    let bed = DissectionBed()
    for port in 0..<500 {
      let wire = Wire(on: bed, to: 80, from: 10_000 + port)
      wire.handshake()
      let noise = (0..<300).map { _ in UInt8.random(in: 0...255, using: &generator) }
      wire.send(noise, toServer: true)
      wire.send(noise, toServer: false)
      wire.close()
    }
    bed.finish()
    #expect(bed.records("http").isEmpty)
  }

  @Test func stateFits() {
    #expect(MemoryLayout<HTTPState>.size <= FlowState.ownBytes)
    #expect(
      MemoryLayout<HTTPState>.size >= HTTPState.digestsOffset + 2 * 112)
  }
}
