import Foundation
import Testing

@testable import Dissection

/// Where HTTP/1's messages begin and end, and that no cut changes it.
@Suite struct HTTPFramingTests {
  /// What is measured of a body does not count what came before HTTP began.
  @Test(arguments: [1460, 1]) func withinATunnel(size: Int) {
    let records = HTTPTests.records(
      size: size,
      [
        (true, "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n"),
        (false, "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n"),
        (true, "POST /in HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc"),
        (false, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"),
      ])
    #expect(records.count == 2)
    let inner = HTTPTests.http(records.last)
    #expect(inner["url"] as? String == "/in")
    #expect(inner["request_body_length"] as? Int == 3)
    #expect(inner["response_body_length"] as? Int == 2)
    #expect(inner["length"] as? Int == 2)
  }

  /// First lines of any length, HTTP's and others'.
  @Test(arguments: [
    "DESCRIBE rtsp://b/movie RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "DESCRIBE rtsp://b/\(String(repeating: "m", count: 600)) RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "BREW /\(String(repeating: "p", count: 600)) HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\(String(repeating: "p", count: 600)) HTTP/1.1\r\nHost: a\r\n\r\n",
  ]) func noCutChangesWhatBegins(second: String) {
    func said(_ size: Int) -> String {
      let records = HTTPTests.records(
        type: nil, size: size,
        [
          (
            true,
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" + second + "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"
          ),
          (false, "HTTP/1.1 204 None\r\n\r\nHTTP/1.1 204 None\r\n\r\n"),
        ]
      ).filter { ["http", "anomaly"].contains($0["event_type"] as? String) }
      return Dialogue.text(
        records.map { record in
          var plain = record["http"] as? [String: Any] ?? ["anomaly": record["anomaly"] ?? ""]
          plain["latency"] = nil
          return plain
        }.sorted { ($0["url"] as? String ?? "") < ($1["url"] as? String ?? "") })
    }
    let whole = said(60_000)
    #expect(whole.contains("\"\\/3\""))
    for size in [1, 7, 100, 511, 512, 513] { #expect(said(size) == whole, "size \(size)") }
  }
}
