import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// Bodies of HTTP/2: several at a time, in frames of any length.
@Suite struct HTTP2FileTests {
  /// A request and an answer by literals that are not kept (RFC 7541, section 6.2.2).
  static func literal(_ name: String, _ value: String) -> [UInt8] {
    [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
  }

  static func request(_ path: String, _ stream: UInt32, isLast: Bool = true) -> [UInt8] {
    HTTP2Tests.frame(1, isLast ? 5 : 4, stream, [0x82, 0x86] + literal(":path", path))
  }

  static func answer(_ stream: UInt32, _ fields: [UInt8] = []) -> [UInt8] {
    HTTP2Tests.frame(1, 4, stream, [0x88] + fields)
  }

  static func data(
    _ stream: UInt32, _ body: [UInt8], isLast: Bool = false, padding: Int? = nil
  ) -> [UInt8] {
    guard let padding else { return HTTP2Tests.frame(0, isLast ? 1 : 0, stream, body) }
    return HTTP2Tests.frame(
      0, isLast ? 9 : 8, stream,
      [UInt8(padding)] + body + [UInt8](repeating: 0, count: padding))
  }

  static let start = HTTP2Tests.preface + HTTP2Tests.settings

  static func run(hashes: Bool = true, inflaters: Int = 4, _ body: (Wire) -> Void) -> DissectionBed
  {
    var settings = DissectionSettings()
    settings.hashesFiles = hashes
    settings.inflaterCount = inflaters
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 8080)
    wire.handshake()
    body(wire)
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(bed.dissection.pointee.core.inflaters.used == 0)
    return bed
  }

  static func file(_ bed: DissectionBed, stream: Int) -> [String: Any] {
    let record = bed.records("fileinfo").first { record in
      (record["http"] as? [String: Any]).map(HTTP2Tests.stream) == stream
    }
    return record?["fileinfo"] as? [String: Any] ?? [:]
  }

  static func record(_ bed: DissectionBed, stream: Int) -> [String: Any] {
    bed.records("http").first { HTTP2Tests.stream($0["http"] as! [String: Any]) == stream } ?? [:]
  }

  @Test func sizes() {
    #expect(MemoryLayout<HTTP2Bodies>.size <= BlockPool.byteCount(0))
    #expect(
      MemoryLayout<HTTP2Bodies>.offset(of: \.response) == MemoryLayout<HTTP2Body>.stride)
  }

  /// Two bodies by turns, with padding, cut anywhere.
  @Test(arguments: [1460, 100, 7, 1]) func twoAtATime(size: Int) {
    let one = Array("{\"a\": \(String(repeating: "1", count: 300))}".utf8)
    let other = Array("<html>\(String(repeating: "x", count: 500))".utf8)
    let bed = Self.run { wire in
      wire.send(
        Self.start + Self.request("/one.json?x=1", 1) + Self.request("/two", 3), toServer: true,
        size: size)
      wire.send(
        HTTP2Tests.frame(4) + Self.answer(1) + Self.answer(3) + Self.data(1, Array(one[..<200]))
          + Self.data(3, Array(other[..<150]), padding: 20) + Self.data(1, [])
          + Self.data(1, Array(one[200...]), isLast: true)
          + Self.data(3, Array(other[150...]), isLast: true, padding: 3), toServer: false,
        size: size)
    }
    #expect(bed.records("fileinfo").count == 2)
    let first = Self.file(bed, stream: 1)
    #expect(first["sha256"] as? String == HTTPFileTests.hash(one))
    #expect(first["size"] as? Int == one.count && first["state"] as? String == "CLOSED")
    #expect(first["filename"] as? String == "/one.json")
    #expect(first["mimetype"] as? String == "text/json" && first["gaps"] as? Bool == false)
    let second = Self.file(bed, stream: 3)
    #expect(second["sha256"] as? String == HTTPFileTests.hash(other))
    #expect(second["mimetype"] as? String == "text/html" && second["stored"] as? Bool == false)
    for stream in [1, 3] {
      let record = Self.record(bed, stream: stream)
      #expect(record["tx_id"] as? Int == Self.file(bed, stream: stream)["tx_id"] as? Int)
    }
    let http = Self.record(bed, stream: 3)["http"] as? [String: Any]
    #expect(http?["response_mimetype"] as? String == "text/html")
    #expect(http?["response_body_length"] as? Int == other.count)
    let info = bed.records("fileinfo")[0]
    #expect(info["app_proto"] as? String == "http2" && info["src_port"] as? Int == 8080)
  }

  /// Without hashes the type alone is told, and there is no file.
  @Test(arguments: [1460, 1]) func typeAlone(size: Int) {
    let body = [0x89] + Array("PNG".utf8) + [UInt8](repeating: 0, count: 400)
    let bed = Self.run(hashes: false) { wire in
      wire.send(Self.start + Self.request("/a", 1), toServer: true, size: size)
      wire.send(
        HTTP2Tests.frame(4) + Self.answer(1) + Self.data(1, body, isLast: true), toServer: false,
        size: size)
    }
    let http = Self.record(bed, stream: 1)["http"] as? [String: Any]
    #expect(http?["response_mimetype"] as? String == "image/png")
    #expect(http?["response_body_length"] as? Int == body.count)
    #expect(bed.records("fileinfo").isEmpty)
  }

  @Test(arguments: [1460, 5]) func compressedAndSent(size: Int) throws {
    let plain = Array(String(repeating: "hello ", count: 2000).utf8)
    let coded = Array(try #require(HTTPFileTests.hello))
    let upload = Array("plain text".utf8)
    let bed = Self.run { wire in
      wire.send(
        Self.start
          + HTTP2Tests.frame(
            1, 4, 1,
            [0x83, 0x86] + Self.literal(":path", "/up")
              + Self.literal("content-disposition", "attachment; filename=\"a b.txt\""))
          + Self.data(1, upload, isLast: true), toServer: true, size: size)
      wire.send(
        HTTP2Tests.frame(4) + Self.answer(1, Self.literal("content-encoding", "gzip"))
          + Self.data(1, Array(coded[..<30])) + Self.data(1, Array(coded[30...]))
          + HTTP2Tests.frame(1, 5, 1, Self.literal("x", "y")), toServer: false, size: size)
    }
    let files = bed.records("fileinfo").map { $0["fileinfo"] as! [String: Any] }
    #expect(files.count == 2)
    #expect(files[0]["filename"] as? String == "a b.txt")
    #expect(files[0]["sha256"] as? String == HTTPFileTests.hash(upload))
    #expect(files[1]["sha256"] as? String == HTTPFileTests.hash(plain))
    #expect(files[1]["size"] as? Int == plain.count && files[1]["state"] as? String == "CLOSED")
    #expect(files[1]["mimetype"] as? String == "text/plain" && files[1]["encoded"] == nil)
    let http = Self.record(bed, stream: 1)["http"] as? [String: Any]
    #expect(http?["response_decoded_length"] as? Int == plain.count)
    #expect(http?["response_body_length"] as? Int == coded.count)
    #expect(http?["request_body_length"] as? Int == upload.count)
    #expect(bed.records("fileinfo")[0]["src_port"] as? Int == 40_000)
  }

  /// A hole within one body, wherever it is, is that body's alone; behind it frames are read on.
  @Test func holes() {
    let body = [UInt8](repeating: 0x41, count: 600)
    let whole =
      HTTP2Tests.frame(4) + Self.answer(1) + Self.data(1, Array(body[..<400]), padding: 9)
      + Self.data(1, Array(body[400...]), isLast: true) + Self.answer(3)
      + Self.data(3, body, isLast: true)
    // The frame's data stand from 29 on, its padding from 429.
    for start in [29, 30, 60, 150, 157, 158, 200, 300, 399, 404, 410, 413] {
      let bed = Self.run { wire in
        wire.send(
          Self.start + Self.request("/one", 1) + Self.request("/two", 3), toServer: true)
        wire.send(Array(whole[..<start]), toServer: false)
        wire.lose(25, toServer: false)
        wire.send(Array(whole[(start + 25)...]), toServer: false)
        wire.send(HTTP2Tests.frame(8, 0, 0, [0, 0, 1, 0]), toServer: true)
      }
      #expect(Self.file(bed, stream: 3)["sha256"] as? String == HTTPFileTests.hash(body))
      let first = Self.file(bed, stream: 1)
      #expect(first["state"] as? String == "TRUNCATED" && first["gaps"] as? Bool == true)
      #expect(first["sha256"] == nil, "\(start)")
      let http = Self.record(bed, stream: 1)["http"] as? [String: Any]
      #expect(http?["response_body_length"] as? Int == 600, "\(start)")
      #expect(first["missing_bytes"] as? Int == min(25, 429 - start), "\(start)")
    }
  }

  /// A hole that hides a frame's head: what is behind it may be any stream's, and no body goes on or begins with it.
  @Test func holesThatHideFrames() {
    let body = [UInt8](repeating: 0x41, count: 600)
    let before = HTTP2Tests.frame(4) + Self.answer(1) + Self.data(1, body) + Self.answer(3)
    let hidden = Self.data(1, [UInt8](repeating: 0x42, count: 50)) + Self.data(3, [0x43])
    let behind =
      Self.data(1, body, isLast: true) + Self.data(3, body, isLast: true) + Self.answer(5)
      + Self.data(5, body, isLast: true)
    let bed = Self.run { wire in
      wire.send(
        Self.start + Self.request("/1", 1) + Self.request("/3", 3) + Self.request("/5", 5),
        toServer: true)
      wire.send(before, toServer: false)
      wire.lose(hidden.count, toServer: false)
      wire.send(behind, toServer: false)
      wire.send(HTTP2Tests.frame(8, 0, 0, [0, 0, 1, 0]), toServer: true)
    }
    let first = Self.file(bed, stream: 1)
    #expect(first["state"] as? String == "TRUNCATED" && first["gaps"] as? Bool == true)
    #expect(first["sha256"] == nil && first["size"] as? Int == 600)
    #expect(Self.file(bed, stream: 3).isEmpty)
    // Its header stands behind the hole.
    #expect(Self.file(bed, stream: 5)["sha256"] as? String == HTTPFileTests.hash(body))
  }

  /// What is reset or breaks off is not whole.
  @Test func brokenOff() {
    let body = [UInt8](repeating: 0x41, count: 300)
    let bed = Self.run { wire in
      wire.send(Self.start + Self.request("/one", 1) + Self.request("/two", 3), toServer: true)
      wire.send(
        HTTP2Tests.frame(4) + Self.answer(1) + Self.data(1, body)
          + HTTP2Tests.frame(3, 0, 1, Wire.be32(8)) + Self.answer(3)
          + Array(Self.data(3, body, isLast: true).dropLast(100)), toServer: false)
    }
    for (stream, size) in [(1, 300), (3, 200)] {
      let file = Self.file(bed, stream: stream)
      #expect(file["state"] as? String == "TRUNCATED" && file["size"] as? Int == size)
    }
  }

  /// All decompressors are taken by bodies that never end.
  @Test func noDecompressorIsFree() throws {
    let coded = Array(try #require(HTTPFileTests.hello))
    let bed = Self.run(inflaters: 1) { wire in
      wire.send(Self.start + Self.request("/one", 1) + Self.request("/two", 3), toServer: true)
      let gzip = Self.literal("content-encoding", "gzip")
      wire.send(
        HTTP2Tests.frame(4) + Self.answer(1, gzip) + Self.data(1, Array(coded[..<20]))
          + Self.answer(3, gzip) + Self.data(3, coded, isLast: true), toServer: false)
    }
    #expect(Self.file(bed, stream: 1)["state"] as? String == "TRUNCATED")
    #expect(Self.file(bed, stream: 3)["encoded"] as? Bool == true)
    #expect(Self.file(bed, stream: 3)["sha256"] as? String == HTTPFileTests.hash(coded))
  }

  @Test func damaged() {
    var generator = SplitMix(state: 91)
    let body = [UInt8](repeating: 0x42, count: 700)
    let whole =
      HTTP2Tests.frame(4) + Self.answer(1) + Self.data(1, body, padding: 7) + Self.answer(3)
      + Self.data(3, body, isLast: true) + Self.data(1, body, isLast: true)
    for round in 0..<60 {
      var bytes = whole
      for _ in 0..<3 {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
      }
      _ = Self.run { wire in
        wire.send(Self.start + Self.request("/1", 1) + Self.request("/2", 3), toServer: true)
        let cut = Int.random(in: 0..<bytes.count - 50, using: &generator)
        wire.send(Array(bytes[..<cut]), toServer: false, size: 61)
        if round % 2 == 0 { wire.lose(40, toServer: false) }
        wire.send(Array(bytes[(cut + 40)...]), toServer: false, size: 500)
      }
    }
  }
}
