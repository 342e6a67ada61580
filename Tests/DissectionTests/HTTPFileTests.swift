import CCrypto
import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// Bodies that are hashed and decoded.
@Suite struct HTTPFileTests {
  /// 2,000 times `hello `, made by gzip.
  static let hello = Data(
    base64Encoded: "H4sIAAAAAAACA+3EMQ0AAAgDMCuYI+FYgv8PGTzt0elka2zbtm3btm3btm3btm3btm3bfv0A/cUM"
      + "g+AuAAA=")

  static func hash(_ bytes: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    ccrypto_sha256(bytes, bytes.count, &digest)
    return digest.map { String(format: "%02x", $0) }.joined()
  }

  static func run(
    _ answer: [UInt8], size: Int = 1460, request: String = "GET /d/f.txt?x=1 HTTP/1.1\r\n\r\n",
    inflaters: Int = 4, close: Bool = true
  ) -> DissectionBed {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    settings.inflaterCount = inflaters
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    wire.send(request, toServer: true, size: size)
    wire.send(answer, toServer: false, size: size)
    if close { wire.close() }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(bed.dissection.pointee.core.inflaters.used == 0)
    return bed
  }

  static func file(_ bed: DissectionBed) -> [String: Any] {
    let records = bed.records("fileinfo")
    #expect(records.count == 1)
    return records.first?["fileinfo"] as? [String: Any] ?? [:]
  }

  @Test(arguments: [1460, 1]) func plain(size: Int) {
    let body = Array("plain text".utf8)
    let bed = Self.run(
      Array("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".utf8) + body, size: size)
    let file = Self.file(bed)
    #expect(file["filename"] as? String == "/d/f.txt")
    #expect(file["state"] as? String == "CLOSED")
    #expect(file["sha256"] as? String == Self.hash(body))
    #expect(file["size"] as? Int == 10)
    #expect(file["gaps"] as? Bool == false)
    #expect(file["stored"] as? Bool == false)
    #expect(file["tx_id"] as? Int == 0)
    #expect(file["mimetype"] as? String == "text/plain")
    let record = bed.records("fileinfo").first
    #expect(record?["src_port"] as? Int == 80)
    #expect(record?["app_proto"] as? String == "http")
    #expect(HTTPTests.http(record)["url"] as? String == "/d/f.txt?x=1")
    #expect(HTTPTests.http(record)["length"] as? Int == 10)
  }

  /// Of a part of a file its place, and how long all of it is.
  @Test(arguments: [1460, 1]) func range(size: Int) {
    let bed = Self.run(
      Array(
        ("HTTP/1.1 206 Partial\r\nContent-Range: bytes 10-19/200\r\nContent-Length: 10\r\n\r\n"
          + "plain text").utf8), size: size)
    let file = Self.file(bed)
    #expect(file["start"] as? Int == 10 && file["end"] as? Int == 19 && file["size"] as? Int == 10)
  }

  /// What Zeek's files.log has as total_bytes.
  @Test func promisedBytes() {
    func promised(_ head: String, _ body: String) -> Int? {
      var settings = DissectionSettings()
      settings.wantsHiddenRecords = true
      let bed = DissectionBed(settings)
      let wire = Wire(on: bed, to: 80)
      wire.handshake()
      wire.send("GET / HTTP/1.1\r\n\r\n", toServer: true)
      wire.send("HTTP/1.1 200 OK\r\n\(head)\r\n\(body)", toServer: false)
      wire.close()
      bed.finish()
      let file = bed.hidden.compactMap { $0["fileinfo"] as? [String: Any] }.first
      return file?["total_bytes"] as? Int
    }
    #expect(promised("Content-Length: 10\r\n", "0123456789") == 10)
    #expect(promised("Content-Length: 10\r\n", "0123") == 10)
    #expect(promised("Content-Length: 4\r\nContent-Range: bytes 0-3/77\r\n", "0123") == 77)
    #expect(promised("Content-Length: 4\r\nContent-Encoding: br\r\n", "0123") == nil)
    #expect(promised("Transfer-Encoding: chunked\r\n", "4\r\n0123\r\n0\r\n\r\n") == nil)
    #expect(promised("", "0123") == nil)
  }

  @Test(arguments: [1460, 1]) func chunkedUploadWithAName(size: Int) {
    let request =
      "POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Disposition: attachment; "
      + "filename=\"a b.txt\"\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    let bed = Self.run(
      Array("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n".utf8), size: size, request: request)
    let file = Self.file(bed)
    #expect(file["filename"] as? String == "a b.txt")
    #expect(file["sha256"] as? String == Self.hash(Array("abcde".utf8)))
    #expect(bed.records("fileinfo").first?["src_port"] as? Int == 40_000)
  }

  @Test(arguments: [1460, 1, 5]) func compressed(size: Int) throws {
    let plain = Array(String(repeating: "hello ", count: 2000).utf8)
    let coded = Array(try #require(Self.hello))
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(coded.count)\r\n\r\n"
    let bed = Self.run(Array(head.utf8) + coded, size: size)
    let file = Self.file(bed)
    #expect(file["size"] as? Int == plain.count)
    #expect(file["sha256"] as? String == Self.hash(plain))
    #expect(file["state"] as? String == "CLOSED")
    #expect(file["mimetype"] as? String == "text/plain")
    let http = HTTPTests.http(bed.records("http").first)
    #expect(http["length"] as? Int == coded.count)
    #expect(http["response_decoded_length"] as? Int == plain.count)
  }

  /// 3,000 times A, and 3,000 times B, each made by gzip.
  static let members = [
    "H4sIAAAAAAACA+3BMQEAAADCoGzrX8oaHkABAADvBmn2qpO4CwAA",
    "H4sIAAAAAAACA+3BMQEAAADCoG7rH8oaHkABAADvBsC0eoq4CwAA",
  ]

  /// RFC 1952, section 2.2: a file is one member or several. What follows and is none is passed over.
  @Test(arguments: [1460, 1, 5], [[], [0x1f, 7, 0x1f, 8], [0, 0]])
  func severalMembers(_ size: Int, _ behind: [UInt8]) throws {
    let coded = try Self.members.flatMap { try Array(#require(Data(base64Encoded: $0))) } + behind
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(coded.count)\r\n\r\n"
    let file = Self.file(Self.run(Array(head.utf8) + coded, size: size))
    #expect(file["size"] as? Int == 6000)
    #expect(
      file["sha256"] as? String
        == Self.hash(Array(repeating: 0x41, count: 3000) + Array(repeating: 0x42, count: 3000)))
    #expect(file["state"] as? String == "CLOSED")
  }

  @Test(arguments: [1460, 1]) func aSecondMemberThatIsCutOff(_ size: Int) throws {
    let coded = try Self.members.flatMap { try Array(#require(Data(base64Encoded: $0))) }
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    let file = Self.file(Self.run(Array(head.utf8) + coded.dropLast(9), size: size))
    #expect(file["state"] as? String == "TRUNCATED")
  }

  /// RFC 9112, section 7: an encoding for the way is undone, too.
  @Test(arguments: [1460, 1]) func encodedForTheWay(_ size: Int) throws {
    let coded = Array(try #require(Self.hello))
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
    // Zeros in front of a chunk's size are allowed.
    let chunk = "00000000000000000\(String(coded.count, radix: 16))\r\n"
    let file = Self.file(
      Self.run(Array((head + chunk).utf8) + coded + Array("\r\n0\r\n\r\n".utf8), size: size))
    #expect(
      file["sha256"] as? String == Self.hash(Array(String(repeating: "hello ", count: 2000).utf8)))
    #expect(file["state"] as? String == "CLOSED")
  }

  /// Chunked is what comes last, and is a word of its own.
  @Test(arguments: ["xchunked", "chunked, gzip", "chunkedx"])
  func notChunked(_ coding: String) throws {
    let file = Self.file(
      Self.run(
        Array(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: \(coding)\r\nContent-Length: 5\r\n\r\nabcde"
            .utf8)))
    #expect(file["sha256"] as? String == Self.hash(Array("abcde".utf8)))
  }

  @Test func noDecompressorIsFree() throws {
    let coded = Array(try #require(Self.hello))
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(coded.count)\r\n\r\n"
    let file = Self.file(Self.run(Array(head.utf8) + coded, inflaters: 0))
    #expect(file["encoded"] as? Bool == true)
    #expect(file["sha256"] as? String == Self.hash(coded))
  }

  @Test func bomb() {
    var coded: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
    coded += Self.zeros
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    let bed = Self.run(Array(head.utf8) + coded)
    let file = Self.file(bed)
    #expect(file["state"] as? String == "TRUNCATED")
    #expect((file["size"] as? Int ?? 0) < 3 << 20)
    #expect(bed.lines.contains { $0.contains("COMPRESSION_BOMB") })
  }

  /// One block of a dynamic code that has a zero, then 258 of it for each two bits.
  static let zeros: [UInt8] = {
    let start: [UInt8] = [
      0xec, 0xc1, 0x01, 0x01, 0x00, 0x00, 0x00, 0x80, 0x90, 0xfe, 0xaf, 0xee, 0x08, 0x0a,
    ]
    return start + [UInt8](repeating: 0, count: 60_000)
  }()

  @Test func brokenAndHalf() throws {
    let coded = Array(try #require(Self.hello))
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(coded.count)\r\n\r\n"
    let noise = [UInt8](repeating: 0x55, count: coded.count)
    #expect(Self.file(Self.run(Array(head.utf8) + noise))["state"] as? String == "TRUNCATED")
    let half = Array(coded.prefix(30))
    #expect(Self.file(Self.run(Array(head.utf8) + half))["state"] as? String == "TRUNCATED")
  }
}
