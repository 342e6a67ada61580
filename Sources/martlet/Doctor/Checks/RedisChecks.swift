import Configuration
import Sinks

/// What a Redis server says of itself, as far as the checks ask.
struct RedisFacts: Sendable {
  var version = ""
  /// 0: no limit.
  var maxMemoryBytes = 0
  /// Nil where CONFIG is not allowed.
  var policy: String?

  /// - Throws: ``RedisFault`` or ``SinkError``.
  static func ask(_ sink: Settings.Sink) throws -> RedisFacts {
    var url = try RedisURL(sink.url)
    url.username = sink.username ?? url.username
    url.password = sink.password ?? url.password
    if url.tls != nil {
      url.tls = RedisTLS(
        caFile: sink.caFile, certificateFile: sink.certificateFile, keyFile: sink.keyFile)
    }
    let client = try RedisClient(url, timeoutSeconds: min(sink.connectTimeoutSeconds, 2))
    var facts = RedisFacts()
    let info = try client.command(["INFO"])
    guard let text = info.text else { throw SinkError("INFO is refused: \(info)") }
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { continue }
      switch parts[0] {
      case "redis_version", "valkey_version": facts.version = parts[1]
      case "maxmemory": facts.maxMemoryBytes = Int(parts[1]) ?? 0
      case "maxmemory_policy": facts.policy = parts[1]
      default: break
      }
    }
    return facts
  }
}

/// Redis, where the records go.
struct RedisChecks {
  /// Asks a sink's server; tests answer themselves.
  var ask: @Sendable (Settings.Sink) throws -> RedisFacts = RedisFacts.ask

  func check(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    let sinks = (subject.settings?.sinks ?? []).filter { $0.type == .redis }
    guard !sinks.isEmpty else { return [] }
    var findings = sinks.flatMap(server)
    if sinks.contains(where: { Self.isLocal($0.url) }) { findings.append(overcommit(host)) }
    return findings
  }

  /// Whether this host's settings are the server's.
  static func isLocal(_ url: String) -> Bool {
    switch (try? RedisURL(url))?.endpoint {
    case .unix: true
    case .tcp(let host, _): host == "localhost" || host == "::1" || host.hasPrefix("127.")
    case nil: false
    }
  }

  private func server(_ sink: Settings.Sink) -> [Finding] {
    let target = (try? RedisURL(sink.url).target) ?? "redis"
    let facts: RedisFacts
    do {
      facts = try ask(sink)
    } catch {
      return [
        Finding(
          area: .redis, check: "server", state: sink.requireAtStart ? .failure : .warning,
          found: "no answer: \(error)",
          why:
            "Records wait in the sink's queue (\(sink.queueMegabytes) MiB), and are dropped when it is"
            + " full",
          mend: ["systemctl start redis-server, or mend sinks[].url, username and password"])
      ]
    }
    var findings = [
      Finding(
        area: .redis, check: "server", state: .ok, found: "\(target): version \(facts.version)",
        why: "Records go there")
    ]
    guard let policy = facts.policy else { return findings }
    let evicts = policy != "noeviction"
    let isLimited = facts.maxMemoryBytes > 0
    findings.append(
      Finding(
        area: .redis, check: "maxmemory-policy",
        state: !evicts ? .ok : isLimited ? .warning : .advice,
        found: isLimited
          ? "\(policy) beyond \(mebibytes(facts.maxMemoryBytes))" : "\(policy), no limit",
        why:
          "A policy that evicts throws away whole streams, records that nobody has read included;"
          + " with noeviction Redis refuses new ones, which Martlet keeps and counts",
        mend: evicts
          ? ["redis-cli config set maxmemory-policy noeviction", "redis-cli config rewrite"] : []))
    return findings
  }

  private func overcommit(_ host: HostFiles) -> Finding {
    let path = "/proc/sys/vm/overcommit_memory"
    let isSet = host.number(path) == 1
    return Finding(
      area: .redis, check: "overcommit", state: isSet ? .ok : .advice,
      found: "vm.overcommit_memory is \(host.text(path) ?? "unknown")",
      why:
        "Redis forks to save; where the kernel does not allow twice its memory the save fails, and"
        + " Redis may then take no more records (stop-writes-on-bgsave-error)",
      mend: isSet
        ? []
        : [
          "echo 1 > \(path)",
          "echo vm.overcommit_memory=1 >> /etc/sysctl.d/80-martlet.conf   # for good",
        ])
  }
}
