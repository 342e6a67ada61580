import ArgumentParser
import Foundation

/// The checker: reads the flow records out of Redis while they come, and at the end holds them
/// against what the generator has sent.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares the records in Redis with what was sent.",
    discussion: """
      Reads and removes entries of the stream until a line on standard input names the generator's \
      report; then reads what is left, compares, and writes one line of JSON. Give the generator's own \
      --size, --tcp, --ipv6 and --silent.
      """)

  @Option(help: "Redis's Unix socket.")
  var redis: String

  @Option(help: "Name of the sensor.")
  var sensor: String

  @Option(help: "As the generator's.")
  var size = "60"

  @Option(help: "As the generator's.")
  var tcp = 0.8

  @Option(help: "As the generator's.")
  var ipv6 = 0.2

  @Flag(help: "As the generator's.")
  var silent = false

  @Option(help: "The engine's flows.timeouts.closedSeconds.")
  var closedSeconds = 2.0

  @Option(help: "The engine's flows.timeouts.udpSeconds.")
  var udpSeconds = 30.0

  func run() throws {
    let plan = FlowPlan(tcpShare: tcp, ipv6Share: ipv6)
    let sizes = try FrameSizes(named: size)
    var tally = Tally(plan: plan, closedSeconds: closedSeconds, idleSeconds: udpSeconds)
    let reader = try StreamReader(socketPath: redis, key: "martlet:{\(sensor)}:flow")
    try Environment.answer(["ready": true])
    while !hasLine {
      if try reader.read({ tally.take($0) }) < StreamReader.entriesAtATime { usleep(20_000) }
    }
    guard let path = readLine() else { return }
    while try reader.read({ tally.take($0) }) > 0 {}
    let sent = try SentReport(path: path)
    let result = tally.compared(with: sent) { flow, packets in
      // The three packets that end a flow carry nothing.
      let isClosed = !silent && flow < sent.ended
      let bits = FlowPlan.bits(flow)
      let sums = sizes.payload(
        before: isClosed ? packets - 3 : packets, bits, isIPv6: plan.isIPv6(bits))
      return (UInt64(sums.even), UInt64(sums.odd))
    }
    try Environment.answer(result)
  }

  /// Whether standard input has something to say, or has ended.
  private var hasLine: Bool {
    var poll = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) > 0
  }
}
