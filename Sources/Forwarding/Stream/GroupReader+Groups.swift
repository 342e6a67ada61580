internal import Sinks

/// Which streams there are, and membership in their groups.
extension GroupReader {
  func checkVersion(_ client: RedisClient) throws(RedisFault) {
    let reply = try client.command(["INFO", "server"])
    if case .error(let text) = reply {
      let fault = RedisFault.reading(text, "INFO")
      // Without the right to ask, the version shows later.
      if fault.kind == .permission { return }
      throw fault
    }
    guard
      let line = reply.text?.split(separator: "\r\n").first(where: {
        $0.hasPrefix("redis_version:")
      })
    else { return }
    let version = line.dropFirst("redis_version:".count)
    let parts = version.split(separator: ".").map { Int($0) ?? 0 }
    guard parts.count >= 2 else { return }
    if parts[0] < 5 {
      throw RedisFault.strange("Redis \(version) has no streams: 5.0 or newer is needed, and then")
    }
    if parts[0] < 6 || (parts[0] == 6 && parts[1] < 2), canClaim {
      canClaim = false
      sayNoClaim("Redis \(version)")
    }
  }

  func sayNoClaim(_ subject: String) {
    log.warning(
      "\(subject) has no XAUTOCLAIM (6.2 has): what a member that died had not finished waits until a"
        + " member of its name comes back")
  }

  func discover(_ client: RedisClient) throws(RedisFault) {
    var found: [StreamName]
    if !settings.sensors.isEmpty, !settings.types.isEmpty {
      found = settings.sensors.flatMap { sensor in
        settings.types.map { StreamName(sensor: sensor, type: $0) }
          + [StreamName.replay(sensor: sensor, group: settings.group)]
      }
    } else {
      found = try StreamDiscovery.streams(
        client, sensors: settings.sensors, types: settings.types)
    }
    found.removeAll {
      $0.isDeadLetters || ($0.isReplay && $0.type != "replay:\(settings.group)")
    }
    streams = try join(client, found)
    if isFirstDiscovery, streams.isEmpty, !settings.isOnce {
      log.info("\(settings.redis.target): no stream of Martlet's yet; waiting for one")
    }
    isFirstDiscovery = false
  }

  /// Sees to it that the group exists in each of them.
  ///
  /// - Returns: those that are streams.
  func join(_ client: RedisClient, _ names: [StreamName]) throws(RedisFault) -> [StreamName] {
    let missing = names.filter { joined[$0] == nil }
    guard !missing.isEmpty else { return names }
    var strangers: Set<StreamName> = []
    for stream in missing {
      // A stream that turns up later is new from its first entry on.
      let start = isFirstDiscovery && !stream.isReplay ? settings.start.rawValue : "0"
      let reply = try client.command([
        "XGROUP", "CREATE", stream.key, settings.group, start, "MKSTREAM",
      ])
      if case .error(let text) = reply, !text.hasPrefix("BUSYGROUP") {
        let fault = RedisFault.reading(text, stream.key)
        guard fault.kind == .wrongType else { throw fault }
        log.warning(fault.description)
        strangers.insert(stream)
        continue
      }
      joined[stream] = start == "0" ? StreamID() : try lastDelivered(client, stream)
      pendingFrom[stream] = StreamID()
    }
    return names.filter { !strangers.contains($0) }
  }

  private func lastDelivered(
    _ client: RedisClient, _ stream: StreamName
  ) throws(RedisFault) -> StreamID {
    var pipeline = RedisPipeline()
    pipeline.append("XINFO", "GROUPS", stream.key)
    try client.send(pipeline)
    let name = settings.group
    return try client.withReply { reply in
      reply.group(name)?.member("last-delivered-id").flatMap { StreamID($0.text) }
    } ?? StreamID()
  }

  /// Redis has lost a group, or a stream with it: it came back older or empty, or somebody deleted it.
  /// What came since the group began is read again; doubled is better than lost.
  func makeGroupsAgain(_ client: RedisClient) throws(RedisFault) {
    var kept: [StreamName] = []
    for stream in streams {
      let start = joined[stream] ?? StreamID()
      let reply = try client.command([
        "XGROUP", "CREATE", stream.key, settings.group, "\(start)", "MKSTREAM",
      ])
      switch reply {
      case .error(let text) where text.hasPrefix("BUSYGROUP"): kept.append(stream)
      case .error(let text):
        let fault = RedisFault.reading(text, stream.key)
        guard fault.kind == .wrongType else { throw fault }
        log.warning(fault.description)
        joined[stream] = nil
      default:
        kept.append(stream)
        watches[stream] = nil
        counters.update { $0.groupsMadeAgain += 1 }
        log.warning(
          "\(stream.key): Redis had lost the group \(settings.group); it begins again at \(start),"
            + " and entries may come a second time")
      }
    }
    streams = kept
  }
}
