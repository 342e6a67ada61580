import ControlAPI

/// Answers of the methods beside status, stats and the busiest flows, with every member filled in.
extension SampleData {
  static func filters() -> FilterList {
    var web = FilterState()
    web.rule.name = "web"
    web.rule.expression = "tcp port 80"
    web.rule.ports = ["tap0"]
    web.evaluated = 1_000_000
    web.packets = 12_345
    web.bytes = 9_876_543
    web.dropped = 12_345
    web.ticksPerPacket = 61.5
    web.nanosecondsPerPacket = 25.6
    web.instructions = 11
    web.since = "2026-11-21T06:00:00.000000+0000"
    var sample = FilterState()
    sample.rule.name = "sample"
    sample.rule.action = .sample
    sample.rule.oneIn = 8
    sample.rule.inner = true
    sample.position = 1
    sample.evaluated = 987_655
    sample.packets = 987_655
    sample.since = "2026-11-21T06:00:01.000000+0000"
    var tag = FilterState()
    tag.rule.name = "dns"
    tag.rule.expression = "port 53"
    tag.rule.action = .tag
    tag.rule.tag = "resolver"
    tag.position = 2
    var list = FilterList()
    list.rules = [web, sample, tag]
    list.generation = 7
    return list
  }

  static func filterTest() -> FilterTestAnswer {
    var answer = FilterTestAnswer()
    answer.program = ["(000) ldh      [12]", "(001) ret      #0"]
    answer.evaluated = 100_000
    answer.packets = 4321
    answer.bytes = 1_234_567
    answer.evaluatedBytes = 41_200_000
    answer.seconds = 0.05
    answer.ticksPerPacket = 48
    answer.nanosecondsPerPacket = 20
    return answer
  }

  static func portList() -> PortList {
    var list = PortList()
    let status = status()
    let stats = stats(uptimeSeconds: 3725)
    list.ports = zip(status.ports, stats.ports).map { status, stats in
      var port = PortState()
      port.status = status
      port.stats = stats
      port.stats.xstats = [Counter("rx_good_packets", 5), Counter("rx_q0_errors", 0)]
      port.stats.mempool = MempoolStats(size: 8192, inUse: 1100)
      return port
    }
    return list
  }

  static func reload() -> ReloadAnswer {
    var answer = ReloadAnswer()
    answer.path = "/etc/martlet/martlet.yaml"
    answer.applied = [ReloadItem(key: "log.level", before: "info", after: "debug")]
    answer.needsRestart = [ReloadItem(key: "engine.workers", before: "1", after: "2")]
    answer.warnings = ["a warning"]
    return answer
  }

  static func listFlows() -> FlowsList {
    var list = FlowsList()
    list.timestamp = "2026-11-21T06:38:05.123456+0000"
    list.intervalSeconds = 1
    list.flowsLive = 97_426
    list.matched = 3
    list.flows = topFlows(FlowsTopParameters(count: 3), uptimeSeconds: 3725).flows
    return list
  }

  static func getFlows() -> FlowsGetAnswer {
    var answer = FlowsGetAnswer()
    answer.timestamp = "2026-11-21T06:38:05.123456+0000"
    answer.records = [
      ["event_type": "flow", "flow_id": 1_979_778_250_000, "src_ip": "192.0.2.1", "vlan": [100]]
    ]
    return answer
  }

  static func trace() -> TraceAnswer {
    var packet = TracedPacket()
    packet.timestamp = "2026-11-21T06:38:05.123456+0000"
    packet.port = "tap0"
    packet.wireLength = 1514
    packet.capturedLength = 128
    packet.path = [
      TraceStep(.parse, "ipv4 tcp", "192.0.2.1:40000 -> 198.51.100.7:443"),
      TraceStep(.filter, "kept"), TraceStep(.flow, "new flow"), TraceStep(.event, "none"),
    ]
    packet.flowId = 1_979_778_250_000
    packet.communityId = "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    var answer = TraceAnswer()
    answer.packets = [packet]
    answer.pcapng = "Cg0NChwAAABNPCsaAQAAAP//////////HAAAAA=="
    return answer
  }
}
