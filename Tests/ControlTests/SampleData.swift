import ControlAPI
import Foundation

/// An engine with two ports, two workers and two sinks, at some time after its start.
enum SampleData {
  static func status() -> EngineStatus {
    var status = EngineStatus()
    status.version = "0.1.0"
    status.sensor = "edge1"
    status.pid = 4711
    status.startTime = "2026-11-21T05:36:00.123456+0000"
    status.startEpoch = 1_795_239_360
    status.uptimeSeconds = 3725
    status.state = .running
    status.mainCore.core = 0
    status.mainCore.sharedWith = ["publisher"]
    status.mainCore.note = "the publisher runs on the main core; two cores are left for workers"
    status.memoryBytes = [
      Counter("flow_tables", 268_435_456), Counter("mbuf_pools", 41_943_040),
      Counter("record_rings", 8_388_608),
    ]
    status.ports = [
      port(0, "tap0", "0000:3b:00.0", "net_ixgbe", .hardware),
      port(1, "tap1", "net_ring1", "net_ring", .software),
    ]
    status.workers = (0..<2).map { index in
      var worker = WorkerStatus()
      worker.index = index
      worker.core = index + 1
      worker.lcore = index + 1
      worker.numaNode = 0
      worker.queues = [
        QueueName(port: "tap0", queue: index), QueueName(port: "tap1", queue: index),
      ]
      return worker
    }
    var redis = SinkStatus()
    redis.name = "redis"
    redis.format = "eve"
    redis.target = "unix:/run/redis/redis.sock"
    var file = SinkStatus()
    file.name = "file"
    file.format = "eve"
    file.types = ["flow"]
    file.target = "/var/log/martlet/eve.json"
    file.isHealthy = false
    file.lastError = "cannot write /var/log/martlet/eve.json: No space left on device"
    status.sinks = [redis, file]
    return status
  }

  private static func port(
    _ index: Int, _ name: String, _ device: String, _ driver: String, _ mode: RSSStatus.Mode
  ) -> PortStatus {
    var port = PortStatus()
    port.index = index
    port.name = name
    port.device = device
    port.driver = driver
    port.link.isUp = true
    port.link.speedMbps = 10_000
    port.numaNode = 0
    port.queues = 2
    port.rxDescriptors = 1024
    port.rss.mode = mode
    port.rss.reason =
      mode == .hardware
      ? "symmetric key set on the NIC" : "net_ring has no RSS; workers hash each packet"
    port.rss.hashFunction = mode == .hardware ? "toeplitz" : "none"
    port.rss.hashTypes = mode == .hardware ? ["ipv4", "ipv4-tcp", "ipv4-udp", "ipv6"] : []
    port.promiscuous = true
    port.mtu = 1500
    port.offloads = mode == .hardware ? ["ipv4-cksum", "tcp-cksum", "udp-cksum"] : []
    return port
  }

  /// Counters that grow by about two million packets a second.
  static func stats(uptimeSeconds: Double) -> EngineStats {
    var stats = EngineStats()
    stats.timestamp = timestamp
    stats.uptimeSeconds = uptimeSeconds
    stats.workers = (0..<2).map { worker($0, uptimeSeconds: uptimeSeconds) }
    for worker in stats.workers { stats.totals.add(worker.account) }
    stats.conservation = Conservation(totals: stats.totals)
    stats.ports = ["tap0", "tap1"].enumerated().map { index, name in
      var port = PortStats()
      port.name = name
      port.receivedPackets = stats.workers[index].account.received
      port.receivedBytes = stats.workers[index].account.receivedBytes
      port.missed = index == 0 ? UInt64(uptimeSeconds * 3) : 0
      port.mempool = MempoolStats(size: 32_768, inUse: UInt64(2048 + index * 300))
      if index == 0 {
        port.xstats = [
          Counter("rx_good_packets", port.receivedPackets),
          Counter("rx_missed_errors", port.missed),
          Counter("rx_crc_errors", 0), Counter("flow_director_matched_filters", 0),
        ]
      }
      return port
    }
    stats.rings = [
      RingStats(name: "records 0", capacity: 4096, used: 128),
      RingStats(name: "records 1", capacity: 4096, used: 0),
      RingStats(name: "protocol records 0", capacity: 4_194_304, used: 61_440),
      RingStats(name: "protocol records 1", capacity: 4_194_304, used: 0),
      RingStats(name: "handoff 0 1", capacity: 1024, used: 7),
      RingStats(name: "handoff 1 0", capacity: 1024, used: 1000),
    ]
    stats.rates = [1, 10, 60].filter { Double($0) <= uptimeSeconds }.map {
      rates(over: $0, uptimeSeconds: uptimeSeconds)
    }
    var redis = SinkStats()
    redis.name = "redis"
    redis.accepted = stats.totals.recordsMade
    redis.backlog = min(128, redis.accepted)
    redis.delivered = redis.accepted - redis.backlog
    var file = SinkStats()
    file.name = "file"
    file.accepted = 1000
    file.delivered = 900
    file.droppedError = 100
    file.droppedRefused = 100
    file.droppedQueueFull = 12
    file.isHealthy = false
    file.lastError = "cannot write /var/log/martlet/eve.json: No space left on device"
    stats.sinks = [redis, file]
    return stats
  }

  private static func worker(_ index: Int, uptimeSeconds: Double) -> WorkerStats {
    // A quarter more and less than the mean, in waves of a good half minute.
    let wave = uptimeSeconds + 1.5 * (1 - cos(uptimeSeconds / 6 + Double(index)))
    let packets = UInt64(max(0, wave) * (index == 0 ? 1_250_000 : 830_000))
    var account = PacketAccount()
    account.received = packets
    account.receivedBytes = packets &* 412
    account.filtered = packets / 50
    account.nonIP = [Counter("arp", packets / 10_000), Counter("lldp", packets / 100_000)]
    account.discarded = [
      Counter("truncated_ipv4", packets / 200_000), Counter("truncated_ipv6_extension", 3),
    ]
    account.heldInFragments = 2
    account.countedInFlows =
      packets &- account.filtered &- account.nonIP.total &- account.discarded.total &- 2
    account.flowsLive = 48_213 + UInt64(index) * 1000
    account.flowsCreated = packets / 40
    account.flowsExpired = [
      Counter("idle_timeout", packets / 80), Counter("end_of_flow", packets / 100),
      Counter("lack_of_resources", index == 0 ? 17 : 0),
    ]
    account.evicted = index == 0 ? 17 : 0
    account.dissection.flowsLive = 3_120
    account.dissection.bufferBytes = 1_204_224
    account.dissection.flows = packets / 60
    account.dissection.noState = index == 0 ? 41 : 0
    account.dissection.payloads = packets / 8
    account.dissection.payloadBytes = packets &* 70
    account.dissection.streamGaps = packets / 100_000
    account.dissection.streamGapBytes = packets / 100
    account.dissection.recordsMade = packets / 50
    account.recordsMade = account.flowsExpired.total &+ account.dissection.recordsMade
    var stats = WorkerStats()
    stats.index = index
    stats.account = account
    stats.counters = [Counter("received", packets), Counter("empty_polls", 1234)]
    stats.busyShare = index == 0 ? 0.83 : 0.41
    stats.idleShare = 1 - stats.busyShare
    stats.emptyPolls = 1_234_567_890
    return stats
  }

  static let polling = Tunable(
    key: "engine.polling", kind: .choice, value: .text("adaptive"), standard: .text("adaptive"),
    allowed: ["busy", "adaptive"], isLive: true, meaning: "What an idle worker does")

  static func topFlows(_ parameters: FlowsTopParameters, uptimeSeconds: Double) -> FlowsTop {
    var answer = FlowsTop()
    answer.timestamp = timestamp
    answer.intervalSeconds = 1
    answer.flowsLive = 97_426
    answer.matched = answer.flowsLive
    answer.flows = flows(uptimeSeconds: uptimeSeconds)
    answer.flows.sort { $0.value(of: parameters.by) > $1.value(of: parameters.by) }
    answer.flows = Array(answer.flows.prefix(parameters.count))
    return answer
  }

  static func flows(uptimeSeconds: Double) -> [LiveFlow] {
    (0..<60).map { flow($0, uptimeSeconds: uptimeSeconds) }
  }

  private static func flow(_ index: Int, uptimeSeconds: Double) -> LiveFlow {
    let isV6 = index % 7 == 3
    let isICMP = index % 11 == 5
    var flow = LiveFlow()
    flow.flowId = UInt64(index) &* 7_919_113
    flow.communityId = "1:sample\(index)"
    flow.vlan = index % 5 == 4 ? [100] : []
    flow.srcIP =
      isV6 ? "2001:db8:42:7::\(String(index, radix: 16))" : "10.20.\(index).\(200 - index)"
    flow.destIP = isV6 ? "2606:2800:220:1:248:1893:25c8:1946" : "198.51.100.\(index + 10)"
    flow.srcPort = isICMP ? 0 : UInt16(40_000 + index * 311)
    flow.destPort = isICMP ? 0 : [443, 80, 53, 22, 8080][index % 5]
    flow.proto = isICMP ? (isV6 ? "IPv6-ICMP" : "ICMP") : (index % 5 == 2 ? "UDP" : "TCP")
    flow.appProto = index % 3 == 0 ? "tls" : nil
    let rate = 4e9 / pow(1.35, Double(index)) * (1 + 0.3 * sin(uptimeSeconds / 3 + Double(index)))
    flow.bitsPerSecond = rate
    flow.packetsPerSecond = rate / 8 / 700
    flow.ageSeconds = uptimeSeconds * (index % 4 == 0 ? 1 : 0.1)
    flow.bytesToServer = UInt64(rate / 8 * flow.ageSeconds * 0.1)
    flow.bytesToClient = UInt64(rate / 8 * flow.ageSeconds * 0.9)
    flow.packetsToServer = flow.bytesToServer / 90
    flow.packetsToClient = flow.bytesToClient / 1400
    flow.idleSeconds = 0.2
    flow.state = index % 9 == 8 ? "new" : "established"
    flow.worker = index % 2
    return flow
  }
}
