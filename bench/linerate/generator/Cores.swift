import ArgumentParser
import CBurst
import CLineRate

/// How long a cache line takes from one core to another and back: what every packet between two
/// processes pays for, and what differs by a factor of twenty between two moments of a virtual
/// machine whose cores the host moves about.
struct Cores: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how far two cores are from each other.")

  @Option(help: "One core.")
  var first: UInt32

  @Option(help: "Another one.")
  var second: UInt32

  @Option(help: "Times that a line goes there and back.")
  var rounds: UInt32 = 100_000

  func run() throws {
    let ticksPerSecond = Environment.ticksPerSecond()
    let began = martlet_tsc()
    guard linerate_exchange(first, second, rounds) else {
      throw BenchError("no second thread could be started")
    }
    let ticks = Double(martlet_tsc() &- began) / Double(rounds)
    try Environment.answer([
      "roundTripTicks": ticks, "ticksPerSecond": ticksPerSecond,
      "roundTripNanoseconds": ticks / ticksPerSecond * 1e9,
    ])
  }
}
