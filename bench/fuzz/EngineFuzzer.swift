// The engine under libFuzzer and the address sanitizer: `make fuzz`.
//
// MARTLET_FUZZ_TARGET says which part the input is for: `parser`, `fragments`, `tcp` or `engine`.
// With `seeds` it makes inputs of all four from captures: see Seeds.swift.

import FlowEngine
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

func complain(_ text: String) { _ = text.withCString { write(2, $0, strlen($0)) } }

let fuzzTarget: @Sendable (UnsafeBufferPointer<UInt8>) -> Void = {
  switch getenv("MARTLET_FUZZ_TARGET").map({ String(cString: $0) }) {
  case "parser": return { ParserFuzzer.run($0) }
  case "fragments": return { FragmentFuzzer.run($0) }
  case "tcp": return { TCPFuzzer.run($0) }
  case "engine": return { FrameFuzzer.run($0) }
  default:
    complain("MARTLET_FUZZ_TARGET is parser, fragments, tcp, engine or seeds\n")
    exit(64)
  }
}()

/// libFuzzer as a library: SwiftPM gives executables an entry point of its own name, so libFuzzer's
/// `main` cannot be it.
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  fuzzTarget(UnsafeBufferPointer(start: data, count: size))
  return 0
}

@_cdecl("martlet_fuzz_engine_main")
func entry(
  _ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  if getenv("MARTLET_FUZZ_TARGET").map({ String(cString: $0) }) == "seeds" {
    let words = (1..<Int(count)).compactMap { arguments?[$0].map { String(cString: $0) } }
    return Seeds.make(words)
  }
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments) { fuzz($0, $1) }
}
