/// The fields of `stats`, declared once, in the order of both formats. Fields of one object stand
/// together, since EVE's nesting follows from the paths.
package enum StatsField: Int, CaseIterable, Sendable {
  case timestamp, eventType
  case uptime
  case capturePackets, captureBytes, captureErrors, missed, noBuffers, inputErrors
  case decodedPackets, decodedBytes
  case packetsInFlows, filtered, notIPTotal, discardedTotal, held
  case notIP, discarded, anomalies, dissection
  case flowsActive, flowsTotal, flowsEvicted, flowsExported, flowUpdates
  case recordsMade, recordsDropped
  case ports, sinks, workers
  case sensor, startEpoch

  package var definition: RecordField { Self.definitions[rawValue] }

  private static let definitions: [RecordField] = allCases.map(define)

  private static func define(_ field: StatsField) -> RecordField {
    switch field {
    case .timestamp: RecordField(.timestamp, "when the counters were read")
    case .eventType: RecordField(.eventType, "`stats`")
    case .uptime:
      RecordField("uptime", "stats.uptime", .integer, "s", "Suricata", "since the engine's start")
    case .capturePackets:
      count("cap_pkts", "capture.packets", "packets", "Suricata", "all ports' own count")
    case .captureBytes:
      count("cap_bytes", "capture.bytes", "bytes", "Martlet", "all ports' own count")
    case .captureErrors:
      count("cap_errors", "capture.rx_errors", "packets", "Suricata", "the next three together")
    case .missed:
      count("imissed", "capture.dpdk.imissed", "packets", "Suricata", "ports had no descriptor")
    case .noBuffers:
      count("no_mbufs", "capture.dpdk.no_mbufs", "packets", "Suricata", "ports had no buffer")
    case .inputErrors:
      count("ierrors", "capture.dpdk.ierrors", "packets", "Suricata", "damaged on the wire")
    case .decodedPackets:
      count("dec_pkts", "decoder.pkts", "packets", "Suricata", "received by the workers")
    case .decodedBytes:
      count("dec_bytes", "decoder.bytes", "bytes", "Suricata", "received by the workers")
    case .packetsInFlows:
      count("in_flows", "packets.in_flows", "packets", "Martlet", "counted in flows")
    case .filtered:
      count("filtered", "packets.filtered", "packets", "Martlet", "dropped by a filter")
    case .notIPTotal:
      count("not_ip", "packets.not_ip", "packets", "Martlet", "sum of `stats.not_ip`")
    case .discardedTotal:
      count("discarded", "packets.discarded", "packets", "Martlet", "sum of `stats.discarded`")
    case .held:
      count("held", "packets.held", "packets", "Martlet", "in rings and fragment cache, just now")
    case .notIP: counts("not_ip_by", "not_ip", "packets that are not IP, by name")
    case .discarded: counts("discarded_by", "discarded", "packets discarded, by cause")
    case .anomalies: counts("anomalies_by", "anomalies", "oddities of counted packets, by name")
    case .dissection:
      counts(
        "dissection_by", "dissection", "what was looked into, and what lacked room, by name", "")
    case .flowsActive: count("flows", "flow.active", "flows", "Suricata", "live just now")
    case .flowsTotal: count("flows_total", "flow.total", "flows", "Suricata", "begun")
    case .flowsEvicted:
      count("evicted", "flow.evicted", "flows", "Martlet", "ended early by a full table")
    case .flowsExported: count("exported", "flow.exported", "flows", "Martlet", "ended")
    case .flowUpdates:
      count("updates", "flow.updates", "records", "Martlet", "`flow_update` records made")
    case .recordsMade: count("records", "records.made", "records", "Martlet", "of all types")
    case .recordsDropped:
      count("rec_dropped", "records.dropped", "records", "Martlet", "lost to a full ring")
    case .ports:
      object(
        "ports", "each port's own counters",
        [
          RecordField(nil, "name", .string, "", "Martlet", "the port's, as in `in_iface`"),
          member("packets", "packets", "received"),
          member("bytes", "bytes", "received"),
          member("imissed", "packets", "no descriptor was free"),
          member("no_mbufs", "packets", "no buffer was free"),
          member("ierrors", "packets", "damaged on the wire"),
        ])
    case .sinks:
      object(
        "sinks", "each sink's counters",
        [
          RecordField(nil, "name", .string, "", "Martlet", "the sink's, as configured"),
          member("accepted", "records", "taken into the sink's queue, or found in its spool"),
          member("delivered", "records", "written, or acknowledged by the receiver"),
          member("dropped_queue_full", "records", "refused because the queue was full"),
          member("dropped_spool_full", "records", "refused because the spool was full as well"),
          member("dropped_refused", "records", "given up on: the receiver never takes them"),
          member("dropped_shutdown", "records", "given up on: shutdown ran out of time"),
          member("lost_by_redis", "records", "acknowledged by Redis, and lost by it for good"),
          member("backlog", "records", "waiting just now, in memory or on disk"),
          member("lag_msec", "ms", "how long the oldest of them has waited"),
          member("spooled", "records", "of the backlog: on disk"),
          member("spooled_bytes", "bytes", "of the spool's files"),
          member("retries", "", "batches that were sent again"),
          member("reconnects", "", "times the connection was made again"),
          member("reordered", "records", "sent under a new ID, behind entries made later"),
          member("retransmitted", "records", "lost by Redis, and sent again"),
          member("recovered", "records", "found in the spool at the start"),
          member("spool_torn", "", "torn or damaged frames found in the spool"),
        ])
    case .workers:
      object(
        "workers", "each worker's share",
        [
          member("worker", "", "its number"),
          member("packets", "packets", "counted in its flows"),
          member("flows", "flows", "live just now"),
          member("sampling_interval", "", "one flow in so many is kept just now; 1: all"),
        ])
    case .sensor: RecordField(.sensor)
    case .startEpoch: RecordField(.startEpoch)
    }
  }

  private static func count(
    _ name: String, _ path: String, _ unit: String, _ source: String, _ meaning: String
  ) -> RecordField {
    RecordField(name, "stats." + path, .integer, unit, source, meaning)
  }

  private static func counts(
    _ name: String, _ path: String, _ meaning: String, _ unit: String = "packets"
  ) -> RecordField {
    RecordField(name, "stats.\(path){}", .integer, unit, "Martlet", meaning)
  }

  private static func object(_ name: String, _ meaning: String, _ members: [RecordField])
    -> RecordField
  {
    RecordField(
      name, "stats.\(name)[]", .object, "", "Martlet", meaning, members: members)
  }

  private static func member(_ path: String, _ unit: String, _ meaning: String) -> RecordField {
    RecordField(nil, path, .integer, unit, "Martlet", meaning)
  }
}
