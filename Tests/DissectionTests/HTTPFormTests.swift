import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// Forms that are sent: their files, and nothing of their fields.
@Suite struct HTTPFormTests {
  static let boundary = "----form7MA4YWxk"

  static func part(_ head: String, _ body: String) -> String {
    "--\(boundary)\r\n\(head)\r\n\r\n\(body)\r\n"
  }

  static func file(_ name: String, _ body: String) -> String {
    part(
      "Content-Disposition: form-data; name=\"upload\"; filename=\"\(name)\"\r\n"
        + "Content-Type: application/octet-stream", body)
  }

  static let password = part("Content-Disposition: form-data; name=\"password\"", "geheim")
  static let end = "--\(boundary)--\r\n"
  /// Beginnings of the delimiter, and line ends, that are the file's own.
  static let tricky =
    "GIF89a\r\n--\r\r\n--\(boundary.dropLast())\r\n\r\n---\r\n--\(boundary.dropLast(3))x"

  static func head(_ body: String, _ more: String = "") -> String {
    "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=\(boundary)\r\n"
      + more + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
  }

  static func run(_ body: (Wire) -> Void) -> DissectionBed {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    body(wire)
    wire.send("HTTP/1.1 204 No\r\n\r\n", toServer: false)
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(!bed.lines.joined().contains("geheim"))
    return bed
  }

  static func files(_ bed: DissectionBed) -> [[String: Any]] {
    bed.records("fileinfo").map { $0["fileinfo"] as! [String: Any] }
  }

  @Test(arguments: [1460, 100, 7, 1]) func filesOfAForm(size: Int) {
    let body =
      "preamble\r\n" + Self.file("a.gif", Self.tricky) + Self.password
      + Self.file("b.txt", "plain text") + Self.file("", "none was chosen") + Self.end + "epilogue"
    let bed = Self.run { $0.send(Self.head(body), toServer: true, size: size) }
    let files = Self.files(bed)
    #expect(files.map { $0["filename"] as? String } == ["a.gif", "b.txt"])
    #expect(files[0]["sha256"] as? String == HTTPFileTests.hash(Array(Self.tricky.utf8)))
    #expect(files[0]["size"] as? Int == Self.tricky.utf8.count)
    #expect(files[0]["mimetype"] as? String == "image/gif")
    #expect(files[1]["sha256"] as? String == HTTPFileTests.hash(Array("plain text".utf8)))
    #expect(files.allSatisfy { $0["state"] as? String == "CLOSED" && $0["tx_id"] as? Int == 0 })
    let record = bed.records("fileinfo")[0]
    #expect(record["src_port"] as? Int == 40_000 && record["app_proto"] as? String == "http")
    #expect(HTTPTests.http(record)["url"] as? String == "/upload")
    let http = HTTPTests.http(bed.records("http").first)
    #expect(http["request_body_length"] as? Int == body.utf8.count)
  }

  @Test(arguments: [1460, 9]) func inChunks(size: Int) {
    let body = Self.file("a.txt", "some text") + Self.end
    var coded = ""
    var rest = body[...]
    while !rest.isEmpty {
      let piece = rest.prefix(13)
      coded += String(piece.utf8.count, radix: 16) + "\r\n" + piece + "\r\n"
      rest = rest.dropFirst(13)
    }
    let bed = Self.run { wire in
      wire.send(
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
          + "Content-Type: Multipart/Form-Data; charset=x; boundary=\"\(Self.boundary)\"\r\n\r\n"
          + coded + "0\r\n\r\n", toServer: true, size: size)
    }
    let files = Self.files(bed)
    #expect(files.count == 1)
    #expect(files.first?["sha256"] as? String == HTTPFileTests.hash(Array("some text".utf8)))
  }

  /// What breaks off, and what a hole goes through.
  @Test func brokenOffAndHoles() {
    let body = Self.file("a.txt", String(repeating: "a", count: 400)) + Self.file("b.txt", "b")
    let cut = Self.run { $0.send(String(Self.head(body).dropLast(200)), toServer: true) }
    #expect(Self.files(cut).count == 1)
    #expect(Self.files(cut).first?["state"] as? String == "TRUNCATED")
    let whole = Array(Self.head(body + Self.end).utf8)
    let start = whole.count - body.utf8.count - Self.end.utf8.count
    for place in stride(from: start + 10, to: whole.count - 60, by: 17) {
      let bed = Self.run { wire in
        wire.send(Array(whole[..<place]), toServer: true)
        wire.lose(30, toServer: true)
        wire.send(Array(whole[(place + 30)...]), toServer: true)
      }
      for file in Self.files(bed) {
        let isWhole = file["state"] as? String == "CLOSED"
        let name = file["filename"] as? String
        #expect(isWhole == (file["sha256"] != nil), "\(place)")
        if isWhole { #expect(file["size"] as? Int == (name == "a.txt" ? 400 : 1), "\(place)") }
      }
    }
  }

  /// What says that it is a form and has no boundary, or is none, is a body like any other.
  @Test(arguments: [
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x",
    "multipart/form-data; boundary=" + String(repeating: "x", count: 71),
  ])
  func noForms(type: String) {
    let bed = Self.run { wire in
      wire.send(
        "POST /p HTTP/1.1\r\nContent-Type: \(type)\r\nContent-Length: 5\r\n\r\nhello",
        toServer: true)
    }
    #expect(Self.files(bed).map { $0["filename"] as? String } == ["/p"])
  }

  @Test func damaged() {
    var generator = SplitMix(state: 77)
    let body =
      Self.file("a.gif", Self.tricky) + Self.password + Self.file("b.txt", "plain") + Self.end
    let whole = Array(Self.head(body).utf8)
    let start = whole.count - body.utf8.count
    for _ in 0..<60 {
      var bytes = whole
      for _ in 0..<4 {
        let place = Int.random(in: start..<bytes.count, using: &generator)
        bytes[place] = [0x0d, 0x0a, 0x2d, 0x22, 0x00].randomElement(using: &generator)!
      }
      _ = Self.run { wire in
        wire.send(bytes, toServer: true, size: Int.random(in: 1...90, using: &generator))
      }
    }
  }
}
