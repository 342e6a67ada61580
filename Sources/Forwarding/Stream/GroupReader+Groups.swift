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
    if isFirstDiscovery { try sayWhatIsMissing(client, found) }
    streams = try join(client, found)
    isFirstDiscovery = false
  }

  /// Says where nothing is there of what is to be read, before joining makes the streams.
  private func sayWhatIsMissing(_ client: RedisClient, _ wanted: [StreamName]) throws(RedisFault) {
    let place = settings.redis.target
    let waiting = settings.isOnce ? "" : "; waiting for one"
    let isChosen = !settings.sensors.isEmpty || !settings.types.isEmpty
    guard isChosen else {
      if wanted.isEmpty, !settings.isOnce {
        log.info("\(place): no stream of Martlet's yet\(waiting)")
      }
      return
    }
    var present: [StreamName] = []
    for stream in wanted where !stream.isReplay {
      if try client.command(["TYPE", stream.key]).text == "stream" { present.append(stream) }
    }
    let sensors = settings.sensors.filter { name in !present.contains { $0.sensor == name } }
    let types = settings.types.filter { name in !present.contains { $0.type == name } }
    guard present.isEmpty || !sensors.isEmpty || !types.isEmpty else { return }
    // Who may read these streams need not have the right to look for others.
    let all = ((try? StreamDiscovery.streams(client)) ?? []).filter {
      !$0.isReplay && !$0.isDeadLetters
    }
    func list(_ names: Set<String>) -> String {
      let shown = names.sorted().prefix(20).joined(separator: ", ")
      return names.isEmpty ? "none at all" : names.count > 20 ? shown + " …" : shown
    }
    let known = Set(all.map(\.sensor))
    let strangers = sensors.filter { !known.contains($0) }
    for name in strangers {
      log.warning("\(place): no stream of a sensor \"\(name)\"; sensors: \(list(known))\(waiting)")
    }
    // A type of which there is nothing yet is usual beside others.
    guard present.isEmpty, !types.isEmpty, strangers.count < max(1, settings.sensors.count) else {
      return
    }
    let own = all.filter { settings.sensors.isEmpty || settings.sensors.contains($0.sensor) }
    log.warning(
      "\(place): no stream of the type \(types.joined(separator: ", "))"
        + "; types: \(list(Set(own.map(\.type))))\(waiting)")
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
