package import Sinks

/// Which streams of Martlet's there are in a Redis.
package enum StreamDiscovery {
  /// More than any set of sensors has; what is beyond is somebody else's key space gone wild.
  static let maxStreams = 4096

  /// Searches the key space with SCAN, which blocks nobody.
  ///
  /// - Parameters:
  ///   - sensors: all where empty.
  ///   - types: all where empty.
  /// - Returns: in the order of their keys; dead letters and replays among them.
  package static func streams(
    _ client: RedisClient, sensors: [String] = [], types: [String] = []
  ) throws(RedisFault) -> [StreamName] {
    let pattern = sensors.count == 1 ? "martlet:{\(sensors[0])}:*" : "martlet:{*}:*"
    var found: Set<StreamName> = []
    var cursor = "0"
    // Redis 5 does not know SCAN's TYPE; its keys are asked one by one.
    var hasType = true
    repeat {
      let scan = ["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"]
      let reply = try client.command(scan + (hasType ? ["TYPE", "stream"] : []))
      if case .error(let text) = reply {
        guard hasType, text.contains("syntax error") else {
          throw RedisFault.reading(text, "SCAN")
        }
        hasType = false
        continue
      }
      guard let parts = reply.elements, parts.count == 2, let next = parts[0].text,
        let keys = parts[1].elements
      else { throw RedisFault.strange("SCAN") }
      cursor = next
      for key in keys.compactMap(\.text) {
        guard let name = StreamName(key: key), found.count < maxStreams else { continue }
        guard sensors.isEmpty || sensors.contains(name.sensor) else { continue }
        guard
          types.isEmpty || types.contains(name.type) || name.isReplay || name.isDeadLetters
        else { continue }
        if !hasType, try client.command(["TYPE", key]).text != "stream" { continue }
        found.insert(name)
      }
    } while cursor != "0"
    return found.sorted { $0.key < $1.key }
  }
}
