import Foundation
import Records
import Sinks
import Testing

/// Redis over a network that is not one's own: through stunnel, as docs/redis.md says.
@Suite(.enabled(if: TLSTunnel.isInstalled))
struct RedisTunnelTests {
  @Test func publishesThroughATunnel() throws {
    let tunnel = try TLSTunnel()
    let sink = try RedisSink(
      settings: RedisSinkSettings(url: tunnel.url, sensor: "edge1", requireAtStart: true))
    try sink.start()
    for start in stride(from: 0, to: 5_000, by: 100) {
      #expect(sink.offer(batch(start..<start + 100)))
    }
    sink.finish(withinSeconds: 20)
    #expect(sink.counters.delivered == 5_000 && sink.counters.backlog == 0)

    let client = try RedisClient(RedisURL(tunnel.serverURL), timeoutSeconds: 5)
    let entries = try client.command(["XRANGE", "martlet:{edge1}:flow", "-", "+"])
    let texts = (entries.elements ?? []).map { $0.elements?.last?.elements?.last?.text ?? "" }
    #expect(texts == (0..<5_000).map { "{\"n\":\($0)}" })
  }

  /// With `checkHost`, another server's certificate is no way in, and nothing is said to that server.
  @Test func aTunnelToAnotherServerIsRefused() throws {
    let tunnel = try TLSTunnel(expectedName: "other.test")
    #expect(throws: RedisFault.self) {
      let client = try RedisClient(RedisURL(tunnel.url), timeoutSeconds: 5)
      _ = try client.command(["PING"])
    }
    try until("stunnel says why") { tunnel.tunnelLog.contains("certificate verify failed") }
  }
}
