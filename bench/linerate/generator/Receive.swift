import ArgumentParser
import CBurst
import CLineRate
import DPDKPorts
import Foundation

/// The null receiver: what the transport carries where nothing is done with a packet.
struct Receive: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Receives from a port and frees what comes.",
    discussion: "Each line on standard input is answered by the counts so far; `quit` ends it.")

  @Option(help: "The port's device, as in martletd's configuration.")
  var device: String

  @Option(help: "The core it runs on.")
  var core: Int

  @Option(help: "Receive descriptors.")
  var descriptors = 1024

  @Option(help: "Packet buffers; worked out where it is left out.")
  var mbufs: Int?

  @Flag(help: "Read each packet's first bytes, so that its first line comes to this core.")
  var touch = false

  func run() throws {
    var options = DPDKPortOptions(
      name: "null", device: device, index: 0, queues: 1, descriptors: descriptors,
      wantsChecksums: false)
    options.mbufCount = mbufs
    let environment = try Environment.start(
      core: core, memoryMegabytes: 64 + options.effectiveMbufCount * 3 / 1024)
    defer { environment.shutDown() }
    let number = try DPDKPort.probe(options)
    let port = try DPDKPort(options, number: number)
    try port.start()
    defer { port.close() }
    let page = CountPage()
    let reader = Thread {
      while let line = readLine(), line != "quit" {
        try? Environment.answer(["received": page.received, "busyTicks": page.busyTicks])
      }
      page.end()
    }
    reader.start()
    try Environment.answer(["ready": true])
    page.poll(port: number, touching: touch)
  }
}

/// What the polling thread has counted, for the one that answers.
private final class CountPage: @unchecked Sendable {
  /// | received | busy ticks | to end |
  private let words: UnsafeMutablePointer<UInt64>

  init() {
    words = .allocate(capacity: 3)
    words.initialize(repeating: 0, count: 3)
  }

  var received: UInt64 { martlet_load_relaxed(words) }
  var busyTicks: UInt64 { martlet_load_relaxed(words + 1) }
  func end() { martlet_store_relaxed(words + 2, 1) }

  func poll(port: UInt16, touching: Bool) {
    var sum: UInt64 = 0
    var received: UInt64 = 0
    var busy: UInt64 = 0
    while martlet_load_relaxed(words + 2) == 0 {
      let began = martlet_tsc()
      let count = UInt64(
        touching ? linerate_receive_and_free(port, &sum) : linerate_receive_and_free(port, nil))
      if count == 0 {
        martlet_pause()
        continue
      }
      received &+= count
      busy &+= martlet_tsc() &- began
      martlet_store_relaxed(words, received)
      martlet_store_relaxed(words + 1, busy)
    }
  }
}
