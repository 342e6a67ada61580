import ArgumentParser
import CLineRate
import DPDKPorts
import Foundation

/// The generator: a vhost device that serves a socket, and flows that are sent when a line on standard
/// input says so.
struct Send: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Sends packets of live flows through a vhost device.",
    discussion: """
      Commands, one a line on standard input, each answered by a line of JSON:

        wait SECONDS            until a receiver has connected
        fill RATE               begins every flow that is not there yet
        run RATE SECONDS NEW    sends; RATE in packets a second, 0 for as fast as they are taken; \
      NEW flows a second end and are replaced
        report FILE             writes what was sent, flow by flow
        quit
      """)

  @Option(help: "The vhost socket that is made and served.")
  var socket: String

  @Option(help: "The core it runs on.")
  var core: Int

  @Option(help: "Live flows.")
  var flows = 1_000_000

  @Option(help: "Frame lengths without checksum: a number, imix, or a capture's.")
  var size = "60"

  @Option(help: "Share of the flows that are TCP; the others are UDP.")
  var tcp = 0.8

  @Option(help: "Share of the flows that are IPv6.")
  var ipv6 = 0.2

  @Option(help: "Packets per flow follow Zipf's law with this exponent; all alike without it.")
  var zipf: Double?

  @Option(help: "Milliseconds that a packet may be late because the receiver's ring is full.")
  var patience = 100.0

  @Option(help: "Microseconds to sleep when nothing is due; 0 spins.")
  var nap: UInt32 = 0

  @Flag(help: "TCP flows end in silence, not by FIN.")
  var silent = false

  func validate() throws {
    guard flows > 0 && flows < Int(FlowPlan.limit) else {
      throw ValidationError("--flows: 1 to \(FlowPlan.limit - 1)")
    }
    for (name, share) in [("--tcp", tcp), ("--ipv6", ipv6)] where !(0...1).contains(share) {
      throw ValidationError("\(name): a share, 0 to 1")
    }
  }

  func run() throws {
    let sizes = try FrameSizes(named: size)
    let writer = FrameWriter(
      plan: FlowPlan(tcpShare: tcp, ipv6Share: ipv6), sizes: sizes)
    var population = try Population(
      capacity: flows, zipf: zipf, writer: writer, closesWithFIN: !silent)
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
    try Environment.answer(["ready": true])
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      guard let command = words.first, command != "quit" else { return }
      try obey(command, Array(words.dropFirst()), sender, pacer, &population)
    }
  }

  private func obey(
    _ command: String, _ words: [String], _ sender: OpaquePointer, _ pacer: Pacer,
    _ population: inout Population
  ) throws {
    let numbers = words.compactMap(Double.init)
    switch (command, numbers.count, words.count) {
    case ("wait", 1, 1):
      let deadline = Date(timeIntervalSinceNow: numbers[0])
      while !linerate_sender_connect(sender) && Date() < deadline { usleep(10_000) }
      try Environment.answer(["connected": linerate_sender_connect(sender)])
    case ("fill", 1, 1):
      try Environment.answer(
        pacer.run(
          &population, rate: numbers[0], seconds: 600, new: 0, patienceSeconds: patience / 1e3,
          filling: true))
    case ("run", 3, 3):
      try Environment.answer(
        pacer.run(
          &population, rate: numbers[0], seconds: numbers[1], new: numbers[2],
          patienceSeconds: patience / 1e3))
    case ("report", _, 1):
      try population.report().write(to: words[0])
      try Environment.answer(["flows": Int(population.begun), "packets": Int(population.packets)])
    default:
      try Environment.answer(["error": "not a command: \(command) \(words.joined(separator: " "))"])
    }
  }
}
