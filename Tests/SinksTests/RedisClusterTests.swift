import Foundation
import Records
import Sinks
import Testing

/// A cluster of two: all keys of a sensor are in one slot, and the node that was named need not have it.
@Suite(.enabled(if: RedisServer.isInstalled))
struct RedisClusterTests {
  @Test func theNodeThatHasTheSlotIsGoneTo() throws {
    let ports = (0..<2).map { _ in Int.random(in: 17_000...26_000) }
    let nodes = try ports.map {
      try RedisServer(["--cluster-enabled", "yes", "--bind", "127.0.0.1"], port: $0)
    }
    try nodes[1].command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    try nodes[0].command("CLUSTER", "MEET", "127.0.0.1", "\(ports[1])")
    try until("the first node knows where the slots are") {
      let reply = try nodes[0].connect().command(["GET", "martlet:{s}:writer"])
      if case .error(let text) = reply { return text.hasPrefix("MOVED") }
      return false
    }
    try until("the other one serves them") {
      if case .error = try nodes[1].connect().command(["GET", "martlet:{s}:writer"]) {
        return false
      }
      return true
    }
    let sink = try RedisSink(
      settings: RedisSinkSettings(url: "redis://127.0.0.1:\(ports[0])", sensor: "s"))
    try sink.start()
    sink.offer(batch(0..<100))
    try until("they are there") { sink.counters.delivered == 100 }
    // A node that does not know its own address names the port alone.
    let error = sink.counters.lastError ?? ""
    #expect(
      error.contains("the sensor's slot is at ") && error.hasSuffix(":\(ports[1])"), "\(error)")
    sink.finish(withinSeconds: 5)
    #expect(
      try nodes[1].entries("martlet:{s}:flow") == (0..<100).map { ["eve", "{\"n\":\($0)}"] })
  }
}
