import ArgumentParser
import CLineRate
import DPDKPorts
import Foundation

/// The player: a vhost device that serves a socket, and a capture whose passes are sent when a line on
/// standard input says so; or, with `--write`, passes in a file.
struct Play: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Sends a capture again and again, each time with other addresses.",
    discussion: """
      Commands, one a line on standard input, each answered by a line of JSON:

        wait SECONDS            until a receiver has connected
        run GIGABITS PASSES     sends; Gbit/s of frames without checksums, 0 for as fast as they are \
      taken
        quit
      """)

  @Option(help: "The capture: Ethernet, pcap or pcapng.")
  var capture: String

  @Option(help: "The vhost socket that is made and served.")
  var socket: String?

  @Option(help: "The core it runs on.")
  var core: Int?

  @Option(help: "Milliseconds that a packet may be late because the receiver's ring is full.")
  var patience = 100.0

  @Option(help: "Microseconds to sleep when nothing is due; 0 spins.")
  var nap: UInt32 = 0

  @Option(help: "Write passes to this capture file, and end.")
  var write: String?

  @Option(help: "Passes to write.")
  var passes = 1

  @Option(help: "Pace of what is written, Gbit/s of frames.")
  var gigabits = 10.0

  func validate() throws {
    guard write != nil || (socket != nil && core != nil) else {
      throw ValidationError("--socket and --core, or --write")
    }
    guard passes > 0 && gigabits > 0 else {
      throw ValidationError("--passes and --gigabits are above 0")
    }
  }

  func run() throws {
    let replay = try Replay(path: capture)
    if let write {
      try replay.write(to: write, passes: passes, bitsPerSecond: gigabits * 1e9)
      return try Environment.answer(replay.contents)
    }
    guard let socket, let core else { return }
    let environment = try Environment.start(core: core, memoryMegabytes: 64)
    defer { environment.shutDown() }
    if nap > 0 { linerate_wake_promptly() }
    var error = [CChar](repeating: 0, count: Int(LINERATE_ERROR_MAX))
    guard let sender = linerate_sender_create(socket, &error) else {
      let text = error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw BenchError(String(decoding: text, as: UTF8.self))
    }
    defer { linerate_sender_close(sender) }
    let pacer = Pacer(
      sender: sender, burst: linerate_sender_burst(sender),
      ticksPerSecond: Environment.ticksPerSecond(), napMicroseconds: nap)
    try Environment.answer(replay.contents)
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      guard let command = words.first, command != "quit" else { return }
      let numbers = words.dropFirst().compactMap(Double.init)
      switch (command, numbers.count, words.count) {
      case ("wait", 1, 2):
        let deadline = Date(timeIntervalSinceNow: numbers[0])
        while !linerate_sender_connect(sender) && Date() < deadline { usleep(10_000) }
        try Environment.answer(["connected": linerate_sender_connect(sender)])
      case ("run", 2, 3) where numbers[1] >= 1 && numbers[1] < Double(linerate_passes()):
        try Environment.answer(
          pacer.play(
            replay, passes: Int(numbers[1]), bitsPerSecond: numbers[0] * 1e9,
            patienceSeconds: patience / 1e3))
      default:
        try Environment.answer(["error": "not a command: \(line)"])
      }
    }
  }
}
