import ControlAPI

extension MetricFamily {
  /// Every metric, in the order of docs/metrics.md.
  static let all =
    engine + workers + flows + dissection + ports + sinks + filters + rings

  private static let engine: [MetricFamily] = [
    MetricFamily(
      "build_info", .gauge, "Always 1; the version and the sensor's name are its labels.",
      labels: ["version", "sensor"]
    ) { [Sample(labels: [$0.status.version, $0.status.sensor], value: .count(1))] },
    MetricFamily(
      "uptime_seconds", .gauge, "Time since the engine began, on a steady clock."
    ) { [Sample(labels: [], value: .number($0.stats.uptimeSeconds))] },
    MetricFamily(
      "start_time_seconds", .gauge, "When the engine began, in seconds since 1970."
    ) { [Sample(labels: [], value: .count($0.status.startEpoch / 1_000_000_000))] },
    MetricFamily(
      "conservation_difference_packets", .gauge,
      "Received packets less those accounted for; 0 once packets stand still."
    ) { [Sample(labels: [], value: .number(Double($0.stats.conservation.difference)))] },
  ]

  // MARK: - Workers

  private static func worker(
    _ name: String, _ kind: Kind, _ help: String,
    _ value: @escaping @Sendable (WorkerStats) -> Value
  ) -> MetricFamily {
    MetricFamily(name, kind, help, labels: ["worker"]) { reading in
      reading.stats.workers.map { Sample(labels: [String($0.index)], value: value($0)) }
    }
  }

  private static func account(
    _ name: String, _ help: String, _ kind: Kind = .counter,
    _ value: @escaping @Sendable (PacketAccount) -> UInt64
  ) -> MetricFamily {
    worker(name, kind, help) { .count(value($0.account)) }
  }

  /// A series for each worker and each counter of a list.
  private static func account(
    _ name: String, _ help: String, by label: String,
    _ counters: @escaping @Sendable (PacketAccount) -> [Counter]
  ) -> MetricFamily {
    MetricFamily(name, .counter, help, labels: ["worker", label]) { reading in
      reading.stats.workers.flatMap { worker in
        counters(worker.account).map {
          Sample(labels: [String(worker.index), $0.name], value: .count($0.value))
        }
      }
    }
  }

  private static let workers: [MetricFamily] = [
    account("received_packets_total", "Packets that the worker took from ports.") { $0.received },
    account("received_bytes_total", "Bytes of them on the wire.") { $0.receivedBytes },
    account("counted_packets_total", "Packets that were counted in a flow.") { $0.countedInFlows },
    account("filtered_packets_total", "Packets that a filter rule took out.") { $0.filtered },
    account("non_ip_packets_total", "Frames that carry no IP, by kind.", by: "kind") { $0.nonIP },
    account("discarded_packets_total", "Packets that were discarded, by cause.", by: "cause") {
      $0.discarded
    },
    account("handed_out_packets_total", "Packets given to the worker that owns their flow.") {
      $0.handedOut
    },
    account("handed_in_packets_total", "Packets got from other workers.") { $0.handedIn },
    account("fragments_held_packets", "Fragments that wait for the rest of their datagram.", .gauge)
    {
      $0.heldInFragments
    },
    worker("worker_busy_seconds_total", .counter, "Time that went into packets.") {
      .number($0.busySeconds)
    },
    worker("worker_asleep_seconds_total", .counter, "Time that the worker slept.") {
      .number($0.asleepSeconds)
    },
    worker("worker_empty_polls_total", .counter, "Polls that found nothing.") {
      .count($0.emptyPolls)
    },
    worker("worker_sleeps_total", .counter, "Sleeps between polls.") { .count($0.sleeps) },
    worker(
      "sampling_interval", .gauge, "One flow in so many is kept under overload; 1: every flow."
    ) { .count($0.samplingInterval) },
  ]

  private static let flows: [MetricFamily] = [
    account("flows_live", "Flows in the table.", .gauge) { $0.flowsLive },
    account("flows_created_total", "Flows that began.") { $0.flowsCreated },
    account("flows_ended_total", "Flows that ended, by reason, evictions among them.", by: "reason")
    { $0.flowsExpired },
    account("flows_evicted_total", "Flows that had to leave a full table.") { $0.evicted },
    account("records_made_total", "Records of all types that were made.") { $0.recordsMade },
    account("records_dropped_total", "Records that found their ring full.") {
      $0.recordsDropped
    },
  ]

  private static func dissection(
    _ name: String, _ help: String, _ kind: Kind = .counter,
    _ value: @escaping @Sendable (DissectionAccount) -> UInt64
  ) -> MetricFamily {
    account(name, help, kind) { value($0.dissection) }
  }

  private static let dissection: [MetricFamily] = [
    dissection("dissection_flows_live", "Flows whose payload is looked at.", .gauge) {
      $0.flowsLive
    },
    dissection("dissection_buffers_in_use_bytes", "Buffers of dissection that are taken.", .gauge) {
      $0.bufferBytes
    },
    dissection("dissection_flows_total", "Flows that dissection has looked at.") { $0.flows },
    dissection("dissection_no_state_total", "Flows that dissection had no room for.") {
      $0.noState
    },
    dissection(
      "dissection_no_memory_total", "Times that there was no buffer for what had to wait."
    ) { $0.noMemory },
    dissection("dissection_payload_packets_total", "Packets whose payload was looked at.") {
      $0.payloads
    },
    dissection("dissection_payload_bytes_total", "Bytes of those payloads.") { $0.payloadBytes },
    dissection("dissection_stream_gaps_total", "Holes in streams that were not filled.") {
      $0.streamGaps
    },
    dissection("dissection_stream_gap_bytes_total", "Bytes of those holes.") {
      $0.streamGapBytes
    },
    dissection("protocol_records_made_total", "Protocol records that were made.") {
      $0.recordsMade
    },
    dissection("protocol_records_dropped_total", "Protocol records that found their ring full.") {
      $0.recordsDropped
    },
  ]

  // MARK: - Ports

  private static func port(
    _ name: String, _ help: String, _ value: @escaping @Sendable (PortStats) -> UInt64
  ) -> MetricFamily {
    MetricFamily(name, .counter, help, labels: ["port"]) { reading in
      reading.stats.ports.map { Sample(labels: [$0.name], value: .count(value($0))) }
    }
  }

  private static let ports: [MetricFamily] = [
    port("port_received_packets_total", "Packets that the port received.") { $0.receivedPackets },
    port("port_received_bytes_total", "Bytes that the port received, as its driver counts them.") {
      $0.receivedBytes
    },
    port("port_missed_packets_total", "Packets that found no free descriptor (imissed).") {
      $0.missed
    },
    port("port_no_buffer_packets_total", "Packets that found the pool empty (rx_nombuf).") {
      $0.noMbuf
    },
    port("port_errors_total", "Frames that the port received with errors (ierrors).") { $0.errors },
    MetricFamily("port_up", .gauge, "Whether the port's link is up.", labels: ["port"]) { reading in
      reading.status.ports.map { Sample(labels: [$0.name], value: .count($0.link.isUp ? 1 : 0)) }
    },
    MetricFamily(
      "port_speed_bytes", .gauge, "Speed of the port's link in bytes a second; 0: unknown.",
      labels: ["port"]
    ) { reading in
      reading.status.ports.map {
        Sample(labels: [$0.name], value: .count(UInt64($0.link.speedMbps) * 125_000))
      }
    },
    MetricFamily(
      "port_buffers_in_use", .gauge, "Packet buffers of the port that are taken.", labels: ["port"]
    ) { reading in
      reading.stats.ports.compactMap { port in
        port.mempool.map { Sample(labels: [port.name], value: .count($0.inUse)) }
      }
    },
    MetricFamily("port_buffers", .gauge, "Packet buffers of the port.", labels: ["port"]) {
      reading in
      reading.stats.ports.compactMap { port in
        port.mempool.map { Sample(labels: [port.name], value: .count($0.size)) }
      }
    },
  ]

  // MARK: - Sinks

  /// Sinks and their names; one that is there before gets a number behind it, because a series must be
  /// told from every other.
  private static func named(_ sinks: [SinkStats]) -> [(String, SinkStats)] {
    var seen: [String: Int] = [:]
    return sinks.map { sink in
      seen[sink.name, default: 0] += 1
      let count = seen[sink.name] ?? 1
      return (count == 1 ? sink.name : "\(sink.name) \(count)", sink)
    }
  }

  private static func sink(
    _ name: String, _ kind: Kind, _ help: String,
    _ value: @escaping @Sendable (SinkStats) -> UInt64
  ) -> MetricFamily {
    MetricFamily(name, kind, help, labels: ["sink"]) { reading in
      named(reading.stats.sinks).map { Sample(labels: [$0], value: .count(value($1))) }
    }
  }

  private static let sinks: [MetricFamily] = [
    sink("sink_records_accepted_total", .counter, "Records that the sink took into its queue.") {
      $0.accepted
    },
    sink("sink_records_delivered_total", .counter, "Records that the sink delivered.") {
      $0.delivered
    },
    MetricFamily(
      "sink_records_dropped_total", .counter,
      "Records that are lost: the queue or the spool was full, the receiver refuses them, shutdown ran out of time, or Redis lost what it had acknowledged.",
      labels: ["sink", "cause"]
    ) { reading in
      named(reading.stats.sinks).flatMap { name, sink in
        [
          Sample(labels: [name, "queue_full"], value: .count(sink.droppedQueueFull)),
          Sample(labels: [name, "spool_full"], value: .count(sink.droppedSpoolFull)),
          Sample(labels: [name, "refused"], value: .count(sink.droppedRefused)),
          Sample(labels: [name, "shutdown"], value: .count(sink.droppedAtShutdown)),
          Sample(labels: [name, "lost_by_redis"], value: .count(sink.lostByRedis)),
        ]
      }
    },
    sink("sink_backlog_records", .gauge, "Records that wait, in memory or in the spool.") {
      $0.backlog
    },
    MetricFamily(
      "sink_lag_seconds", .gauge, "How long the oldest record that waits has waited.",
      labels: ["sink"]
    ) { reading in
      named(reading.stats.sinks).map {
        Sample(labels: [$0], value: .number($1.lagSeconds))
      }
    },
    sink("sink_spooled_records", .gauge, "Records that wait in the spool, on disk.") {
      $0.spooled
    },
    sink("sink_spooled_bytes", .gauge, "Bytes of the spool's files.") { $0.spooledBytes },
    sink("sink_spool_limit_bytes", .gauge, "How many bytes the spool may hold.") {
      $0.spoolLimitBytes
    },
    sink("sink_retries_total", .counter, "Batches that were sent again.") { $0.retries },
    sink(
      "sink_records_reordered_total", .counter,
      "Records that were sent under a new ID, behind entries made later."
    ) { $0.reordered },
    sink(
      "sink_records_retransmitted_total", .counter,
      "Records that Redis had acknowledged and lost, and that were sent again."
    ) { $0.retransmitted },
    sink("sink_reconnects_total", .counter, "Times that the sink connected again.") {
      $0.reconnects
    },
    sink("sink_healthy", .gauge, "Whether the sink takes records.") { $0.isHealthy ? 1 : 0 },
  ]

  // MARK: - Filters and rings

  private static func filter(
    _ name: String, _ help: String, _ value: @escaping @Sendable (FilterState) -> UInt64
  ) -> MetricFamily {
    MetricFamily(name, .counter, help, labels: ["filter"]) { reading in
      reading.filters.map { Sample(labels: [$0.rule.name], value: .count(value($0))) }
    }
  }

  private static let filters: [MetricFamily] = [
    filter("filter_evaluated_packets_total", "Packets that were shown to the rule.") {
      $0.evaluated
    },
    filter("filter_packets_total", "Packets that the rule caught.") { $0.packets },
    filter("filter_bytes_total", "Bytes of them on the wire.") { $0.bytes },
    filter("filter_dropped_packets_total", "Packets that are filtered because of the rule.") {
      $0.dropped
    },
    MetricFamily(
      "filter_cost_seconds", .gauge, "Time that the rule takes for a packet, as measured last.",
      labels: ["filter"]
    ) { reading in
      reading.filters.compactMap { filter in
        filter.nanosecondsPerPacket.map {
          Sample(labels: [filter.rule.name], value: .number($0 / 1e9))
        }
      }
    },
  ]

  private static let rings: [MetricFamily] = [
    MetricFamily("ring_used_slots", .gauge, "Slots of the ring that are taken.", labels: ["ring"]) {
      reading in
      reading.stats.rings.map { Sample(labels: [$0.name], value: .count($0.used)) }
    },
    MetricFamily("ring_slots", .gauge, "Slots of the ring.", labels: ["ring"]) { reading in
      reading.stats.rings.map { Sample(labels: [$0.name], value: .count($0.capacity)) }
    },
  ]
}
