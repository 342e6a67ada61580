// The engine under libFuzzer and the address sanitizer: `make fuzz`.
//
// MARTLET_FUZZ_TARGET says which part the input is for: `parser`, `fragments`, `tcp` or `engine`.
// With `seeds` it makes inputs of all four from captures: see Seeds.swift.

import FlowEngine
import FuzzDriver
import Glibc

/// Whole frames, as they are.
///
/// | shape 1 | then for each: length and oddities 2, packet flags 1, link type 1, frame |
///
///     oddities  bits 11-13 how time goes on, 14 a wire length that lies
enum FrameFuzzer {
  static func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    var input = FuzzInput(bytes)
    let shape = FuzzShape(input.byte())
    var frames: [FuzzFrame] = []
    var time: UInt64 = 1 << 60
    while !input.isAtEnd && frames.count < 600 {
      let head = input.word()
      let flags = input.byte()
      let link = input.byte()
      time = Wire.step(time, UInt8(head >> 11 & 7))
      var frame = FuzzFrame(input.take(Int(head & 0x7ff)), at: time)
      // Of the port's words those on tags and checksums.
      frame.flags = UInt16(flags & 0x7e)
      frame.linkType = link == 255 ? 276 : UInt32(link)
      if head & 0x4000 != 0 { frame.wire = .max }
      frames.append(frame)
    }
    FuzzBed.run(frames, shape)
  }
}

let fuzzTarget: @Sendable (UnsafeBufferPointer<UInt8>) -> Void = {
  switch fuzzTargetName {
  case "parser": return { ParserFuzzer.run($0) }
  case "fragments": return { FragmentFuzzer.run($0) }
  case "tcp": return { TCPFuzzer.run($0) }
  case "engine": return { FrameFuzzer.run($0) }
  default:
    complain("MARTLET_FUZZ_TARGET is parser, fragments, tcp, engine or seeds\n")
    exit(64)
  }
}()

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  fuzzTarget(UnsafeBufferPointer(start: data, count: size))
  return 0
}

@_cdecl("martlet_fuzz_engine_main")
func entry(_ count: Int32, _ arguments: Arguments) -> Int32 {
  if let words = wordsForSeeds(count, arguments) { return Seeds.make(words) }
  return drive(count, arguments) { fuzz($0, $1) }
}
