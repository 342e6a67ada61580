// What was said gives the same records however it was cut into segments, in which order they came and how
// often: `make fuzz FUZZ_TARGETS=streams`.
//
// Inputs are those of the dissectors (``DissectionFuzzer``); of each piece the direction and the bytes count.
// A conversation is shown twice: once with a segment a piece, and once with each piece cut, its segments
// exchanged, repeated and overlapped. Nothing is lost, and a piece is there as a whole before the next one:
// nothing but the reassembly stands between the two.

import FlowEngine
import FuzzDriver

enum StreamFuzzer {
  /// What one side says, until the other one or the next piece.
  private struct Piece {
    var toClient: Bool
    var bytes: UnsafeBufferPointer<UInt8>
  }

  private static let ports: [UInt16] = [40_001, 80, 443, 25, 21, 110, 143, 53, 5060, 1883, 23, 22]

  private nonisolated(unsafe) static let bed = DissectionFuzzBed()

  static func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard bytes.count > 3 else { return }
    var pieces: [Piece] = []
    var place = 1
    while place + 2 <= bytes.count {
      let how = bytes[place]
      let length = min(
        Int(bytes[place + 1]) * (how & 2 != 0 ? 8 : 1), bytes.count - place - 2)
      pieces.append(
        Piece(
          toClient: how & 1 != 0,
          bytes: UnsafeBufferPointer(rebasing: bytes[place + 2..<place + 2 + length])))
      place += 2 + length
    }
    let whole = say(pieces, bytes[0], cut: false)
    let cut = say(pieces, bytes[0], cut: true)
    guard whole.records != cut.records || whole.noted != cut.noted else { return }
    complain("whole \(whole.records.count), cut \(cut.records.count) records\n")
    complain("told of: \(String(whole.noted, radix: 2)), \(String(cut.noted, radix: 2))\n")
    for place in 0..<max(whole.said.count, cut.said.count) {
      let one = place < whole.said.count ? whole.said[place] : "none"
      let other = place < cut.said.count ? cut.said[place] : "none"
      if one != other { complain("whole: \(one)\ncut:   \(other)\n") }
    }
    fatalError("the records depend on how the stream was cut")
  }

  private static func say(
    _ pieces: [Piece], _ settings: UInt8, cut: Bool
  ) -> (records: [[UInt8]], said: [String], noted: UInt64) {
    bed.keepsRecords = true
    bed.begin(settings & 0xe7, isUDP: false, proto: nil)
    bed.serverPort = ports[Int(settings >> 3) % ports.count]
    var state = UInt32(settings) | 1
    func random(_ limit: Int) -> Int {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Int(state >> 8) % limit
    }
    for piece in pieces {
      // Both ways the numbers are drawn from what was said: each input has its own cuts.
      for byte in piece.bytes.prefix(64) { state = (state ^ UInt32(byte)) &* 16_777_619 }
      var segments: [Range<Int>] = []
      var start = 0
      let longest = [1, 3, 17, 400][random(4)]
      while start < piece.bytes.count {
        let end = cut ? min(start + 1 + random(longest), piece.bytes.count) : piece.bytes.count
        segments.append(start..<end)
        start = end
      }
      guard cut else {
        for range in segments { bed.show(piece.bytes, range, toClient: piece.toClient) }
        bed.move(piece.bytes.count, toClient: piece.toClient)
        continue
      }
      // No further than a few places: beyond the limits holes are given up.
      for place in segments.indices.dropFirst() where random(4) == 0 {
        segments.swapAt(place, max(0, place - 1 - random(4)))
      }
      for range in segments {
        let back = random(5) == 0 ? min(random(40), range.lowerBound) : 0
        bed.show(
          piece.bytes, range.lowerBound - back..<range.upperBound, toClient: piece.toClient)
        if random(8) == 0 { bed.show(piece.bytes, range, toClient: piece.toClient) }
      }
      bed.move(piece.bytes.count, toClient: piece.toClient)
    }
    bed.end()
    return (bed.records, bed.said, bed.noted)
  }
}
