import FlowEngine
import Testing

@testable import Dissection

/// Datagrams that come in IP fragments are looked at as though they had come whole.
struct FragmentedDatagramTests {
  /// One fragment, from the server where `isAnswer`.
  struct Piece {
    var offset: Int
    var bytes: [UInt8]
    var isLast: Bool
  }

  private static let answer: [UInt8] = {
    let texts = (0..<12).map { "text number \($0) " + String(repeating: "t", count: 100) }
    var message = Wire.be16(7) + Wire.be16(0x8180) + Wire.be16(1) + Wire.be16(texts.count)
    message += [0, 0, 0, 0] + DNSBuild.name("example.org") + Wire.be16(16) + Wire.be16(1)
    for text in texts {
      message += [0xc0, 12] + Wire.be16(16) + Wire.be16(1) + Wire.be32(60)
      message += Wire.be16(text.utf8.count + 1) + [UInt8(text.utf8.count)] + Array(text.utf8)
    }
    return message
  }()

  /// The UDP datagram in pieces of `size`, a multiple of eight.
  private static func pieces(_ payload: [UInt8], size: Int) -> [Piece] {
    let udp =
      Wire.be16(53) + Wire.be16(40_000) + Wire.be16(8 + payload.count) + [0, 0] + payload
    return stride(from: 0, to: udp.count, by: size).map {
      Piece(
        offset: $0, bytes: Array(udp[$0..<min($0 + size, udp.count)]),
        isLast: $0 + size >= udp.count)
    }
  }

  private static func frame(_ piece: Piece, id: Int) -> [UInt8] {
    let place = piece.offset / 8 | (piece.isLast ? 0 : 0x2000)
    var header: [UInt8] = [2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xb, 8, 0, 0x45, 0]
    header += Wire.be16(20 + piece.bytes.count) + Wire.be16(id) + Wire.be16(place)
    return header + [64, 17, 0, 0] + [10, 0, 0, 2, 10, 0, 0, 1] + piece.bytes
  }

  private static func frameV6(_ piece: Piece, id: UInt32) -> [UInt8] {
    let from: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [2]
    let to: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
    var header: [UInt8] = [2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xb, 0x86, 0xdd, 0x60, 0, 0, 0]
    header += Wire.be16(8 + piece.bytes.count) + [44, 64] + from + to
    return header + [17, 0] + Wire.be16(piece.offset | (piece.isLast ? 0 : 1)) + Wire.be32(id)
      + piece.bytes
  }

  /// Answers recorded of frames; what they hold is all given back.
  private static func answers(
    _ frames: [[UInt8]], settings: DissectionSettings = DissectionSettings(),
    apart: Double = 0.001, cut: Int = 0, check: (DissectionBed) -> Void = { _ in }
  ) -> [Int] {
    let bed = DissectionBed(settings)
    var time = 1_700_000_000.0
    for frame in frames {
      bed.add(Array(frame.dropLast(cut)), at: time, wire: frame.count)
      time += apart
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    check(bed)
    return bed.records("dns").map {
      (($0["dns"] as? [String: Any])?["answers"] as? [Any])?.count ?? 0
    }
  }

  @Test(arguments: [8, 64, 512, 1480])
  func inOrder(_ size: Int) {
    let frames = Self.pieces(Self.answer, size: size).map { Self.frame($0, id: 5) }
    #expect(Self.answers(frames) == [12])
    let v6 = Self.pieces(Self.answer, size: size).map { Self.frameV6($0, id: 5) }
    #expect(Self.answers(v6) == [12])
  }

  @Test func inAnyOrder() {
    let frames = Self.pieces(Self.answer, size: 512).map { Self.frame($0, id: 5) }
    #expect(frames.count == 4)
    #expect(Self.answers(frames.reversed()) == [12])
    #expect(Self.answers([frames[1], frames[3], frames[0], frames[2]]) == [12])
    // Two datagrams at once, and one twice.
    let others = Self.pieces(Self.answer, size: 512).map { Self.frame($0, id: 6) }
    #expect(Self.answers(zip(frames, others).flatMap { [$0, $1] }) == [12, 12])
    #expect(Self.answers(frames + frames) == [12, 12])
    #expect(
      Self.answers([frames[0], frames[0], frames[1], frames[1], frames[2], frames[3]]) == [12])
  }

  @Test func whatCannotBePutTogether() {
    let pieces = Self.pieces(Self.answer, size: 512)
    let frames = pieces.map { Self.frame($0, id: 5) }
    // One is missing; it is counted where fragments are followed.
    let incomplete = Self.answers(Array(frames.dropLast())) {
      #expect($0.counters[.datagramsIncomplete] == 1)
    }
    #expect(incomplete == [])
    #expect(Self.answers([frames[0], frames[1], frames[3]]) == [])
    #expect(Self.answers(Array(frames.dropFirst())) == [])
    // Its last bytes were not captured.
    #expect(Self.answers(frames, cut: 20) == [])
    // It shares bytes with another: nobody knows which hold.
    let shared = Piece(offset: 256, bytes: [UInt8](repeating: 0, count: 512), isLast: false)
    #expect(Self.answers([frames[0], Self.frame(shared, id: 5)] + frames.dropFirst()) == [])
    // The other half comes a minute later.
    #expect(Self.answers(frames, apart: 60) == [])
  }

  /// More datagrams at a time than there is room for cost no more, and are counted.
  @Test func noMoreThanTheLimit() {
    var settings = DissectionSettings()
    settings.datagramCapacity = 4
    let pieces = Self.pieces(Self.answer, size: 512)
    let first = (0..<10).flatMap { id in pieces.dropLast().map { Self.frame($0, id: id) } }
    let last = (0..<10).map { Self.frame(pieces[3], id: $0) }
    let answers = Self.answers(first + last, settings: settings) {
      #expect($0.counters[.dissectionNoMemory] >= 6)
    }
    #expect(answers.count <= 4)
  }

  /// Captures of fragmented DNS: as many messages as tshark finds.
  @Test(.enabled(if: PublicCaptures.areHere), arguments: fragmented)
  func realOnes(_ capture: FragmentedCapture) {
    let bed = DissectionBed()
    bed.read((PublicCaptures.folder ?? "") + "/" + capture.path)
    bed.finish()
    #expect(bed.records("dns").count == capture.records)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  struct FragmentedCapture: CustomTestStringConvertible, Sendable {
    var path: String
    var records: Int
    var testDescription: String { path }
  }

  static let fragmented = [
    FragmentedCapture(path: "ndpi/tests/cfgs/default/pcap/dns_fragmented.pcap", records: 43),
    FragmentedCapture(path: "dnscap/src/test/frags.pcap", records: 82),
  ]
}
