// What all fuzzers begin with.

import Glibc

package typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

/// libFuzzer as a library: SwiftPM gives executables an entry point of its own name, so libFuzzer's
/// `main` cannot be it.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<Arguments>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// Runs `body` on input after input; returns the exit status.
package func drive(
  _ count: Int32, _ arguments: Arguments,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32 {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments, body)
}

/// MARTLET_FUZZ_TARGET; empty where it is not set.
package let fuzzTargetName = getenv("MARTLET_FUZZ_TARGET").map { String(cString: $0) } ?? ""

/// The command's words, where the target is `seeds`: inputs are to be made.
package func wordsForSeeds(_ count: Int32, _ arguments: Arguments) -> [String]? {
  guard fuzzTargetName == "seeds" else { return nil }
  return (1..<Int(count)).compactMap { arguments?[$0].map { String(cString: $0) } }
}

package func complain(_ text: String) { _ = text.withCString { write(2, $0, strlen($0)) } }
