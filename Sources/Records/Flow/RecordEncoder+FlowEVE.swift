import FlowEngine

extension RecordEncoder {
  /// One `flow` or `flow_update` record as EVE JSON, keys in Suricata's order, ours behind them.
  @inline(__always)
  mutating func writeEVE(_ view: FlowView, to writer: inout ByteWriter) {
    writeHead(view, to: &writer)
    if view.app.proto != 0 { writeAppProto(view, to: &writer) }
    writeFlow(view, to: &writer)
    if let (tunnel, kind) = view.tunnel { writeTunnel(tunnel, kind, of: view, to: &writer) }
    if let sampling = view.sampling { writeSampling(sampling, to: &writer) }
    if view.record.pointee.cold.marks.tags != 0 { writeTags(view, to: &writer) }
    if view.hasMACs {
      writer.literal(",\"ether\":{\"dest_macs\":[\"")
      writer.mac(view.responder.mac)
      writer.literal("\"],\"src_macs\":[\"")
      writer.mac(view.originator.mac)
      writer.literal("\"]}")
    }
    writer.literal(",\"community_id\":\"")
    CommunityID.write(
      view.record.pointee.hot.key, seed: context.communityIDSeed, to: &writer)
    writer.literal("\"")
    if view.isTCP { writeTCP(view, to: &writer) }
    writeTail(view, to: &writer)
  }

  private mutating func writeHead(_ view: FlowView, to writer: inout ByteWriter) {
    let record = view.record
    writer.literal("{\"timestamp\":\"")
    timestampText.write(nanoseconds: record.pointee.exportTime, to: &writer)
    writer.literal("\",\"flow_id\":")
    writer.decimal(view.flowID)
    let port = Int(record.pointee.cold.portIndex)
    if port < fixed.evePorts.count { writer.bytes(fixed.evePorts[port]) }
    writer.literal(",\"event_type\":\"")
    writer.word(FlowWords.eventType(record.pointee.kind))
    writer.literal("\"")
    if record.pointee.cold.vlanOuter != FlowView.noVLAN {
      writer.literal(",\"vlan\":[")
      writer.vlans(record.pointee.cold)
      writer.literal("]")
    }
    writer.literal(",\"src_ip\":\"")
    writer.address(view.originator.address, version: view.ipVersion)
    if view.hasPorts {
      writer.literal("\",\"src_port\":")
      writer.decimal(view.originator.port)
      writer.literal(",\"dest_ip\":\"")
    } else {
      writer.literal("\",\"dest_ip\":\"")
    }
    writer.address(view.responder.address, version: view.ipVersion)
    if view.hasPorts {
      writer.literal("\",\"dest_port\":")
      writer.decimal(view.responder.port)
      writer.literal(",\"proto\":\"")
    } else {
      writer.literal("\",\"proto\":\"")
    }
    writer.proto(view.proto)
    writer.literal("\",\"ip_v\":")
    writer.decimal(view.ipVersion)
    guard view.isICMP else { return }
    writer.literal(",\"icmp_type\":")
    writer.decimal(record.pointee.cold.icmpType)
    writer.literal(",\"icmp_code\":")
    writer.decimal(record.pointee.cold.icmpCode)
    if let type = view.responseICMPType {
      writer.literal(",\"response_icmp_type\":")
      writer.decimal(type)
    }
    if let code = view.responseICMPCode {
      writer.literal(",\"response_icmp_code\":")
      writer.decimal(code)
    }
  }

  @inline(never)
  private func writeAppProto(_ view: FlowView, to writer: inout ByteWriter) {
    let app = view.app
    guard let name = FlowView.appName(app.proto) else { return }
    writer.literal(",\"app_proto\":\"")
    writer.word(name)
    if let name = view.differingAppName(app.toServer) {
      writer.literal("\",\"app_proto_ts\":\"")
      writer.word(name)
    }
    if let name = view.differingAppName(app.toClient) {
      writer.literal("\",\"app_proto_tc\":\"")
      writer.word(name)
    }
    if let name = view.differingAppName(app.expected) {
      writer.literal("\",\"app_proto_expected\":\"")
      writer.word(name)
    }
    if let name = view.differingAppName(app.original) {
      writer.literal("\",\"app_proto_orig\":\"")
      writer.word(name)
    }
    writer.literal("\"")
  }

  private func writeTags(_ view: FlowView, to writer: inout ByteWriter) {
    writer.literal(",\"tags\":[")
    for (index, name) in context.tags.names(of: view.record.pointee.cold.marks).enumerated() {
      if index > 0 { writer.literal(",") }
      writer.literal("\"")
      writer.bytes(Array(name.utf8))
      writer.literal("\"")
    }
    writer.literal("]")
  }

  private func writeSampling(_ sampling: FlowSampling, to writer: inout ByteWriter) {
    writer.literal(",\"sampling\":{\"interval\":")
    writer.decimal(sampling.interval)
    writer.literal(",\"highest_interval\":")
    writer.decimal(sampling.highestInterval)
    if sampling.isPartial {
      writer.literal(",\"partial\":true}")
    } else {
      writer.literal("}")
    }
  }

  func writeTunnel(
    _ tunnel: Tunnel, _ kind: TunnelKind, of view: FlowView, to writer: inout ByteWriter
  ) {
    writer.literal(",\"tunnel\":{\"src_ip\":\"")
    writer.address(tunnel.source, version: tunnel.ipVersion)
    writer.literal("\",\"dest_ip\":\"")
    writer.address(tunnel.destination, version: tunnel.ipVersion)
    if tunnel.port != 0 {
      writer.literal("\",\"dest_port\":")
      writer.decimal(tunnel.port)
      writer.literal(",\"proto\":\"")
    } else {
      writer.literal("\",\"proto\":\"")
    }
    writer.proto(tunnel.proto(ofVersion: view.ipVersion))
    writer.literal("\",\"depth\":")
    writer.decimal(tunnel.depth)
    writer.literal(",\"type\":\"")
    writer.word(kind.name)
    if let identifier = tunnel.knownIdentifier {
      writer.literal("\",\"id\":")
      writer.decimal(identifier)
      writer.literal("}")
    } else {
      writer.literal("\"}")
    }
  }

  private mutating func writeFlow(_ view: FlowView, to writer: inout ByteWriter) {
    let record = view.record
    writer.literal(",\"flow\":{\"pkts_toserver\":")
    writer.decimal(view.originator.packets)
    writer.literal(",\"pkts_toclient\":")
    writer.decimal(view.responder.packets)
    writer.literal(",\"bytes_toserver\":")
    writer.decimal(view.originator.bytes)
    writer.literal(",\"bytes_toclient\":")
    writer.decimal(view.responder.bytes)
    let start = TimestampText.split(record.pointee.cold.firstSeen)
    writer.literal(",\"start\":\"")
    startText.write(second: start.second, nanosecond: start.nanosecond, to: &writer)
    let end = TimestampText.split(record.pointee.hot.lastSeen)
    writer.literal("\",\"end\":\"")
    endText.write(second: end.second, nanosecond: end.nanosecond, to: &writer)
    writer.literal("\",\"age\":")
    writer.decimal(view.ageSeconds)
    writer.literal(",\"state\":\"")
    writer.word(FlowWords.state(record.pointee.hot.state))
    if view.isUpdate {
      writer.literal("\",\"ip_bytes_toserver\":")
    } else {
      writer.literal("\",\"reason\":\"")
      writer.word(FlowWords.reason(record.pointee.endReason))
      writer.literal("\",\"alerted\":false,\"ip_bytes_toserver\":")
    }
    writer.decimal(view.originator.ipBytes)
    writer.literal(",\"ip_bytes_toclient\":")
    writer.decimal(view.responder.ipBytes)
    writer.literal(",\"start_nsec\":")
    writer.decimal(UInt64(start.nanosecond))
    writer.literal(",\"end_nsec\":")
    writer.decimal(UInt64(end.nanosecond))
    writer.literal(",\"end_reason\":\"")
    writer.word(FlowWords.endReason(record.pointee.endReason))
    writer.literal("\"")
    writeFlowDetail(view, to: &writer)
    writer.literal("}")
  }

  /// What only some flows have, and what only one direction may have.
  private func writeFlowDetail(_ view: FlowView, to writer: inout ByteWriter) {
    if let roundTrip = view.roundTripNanoseconds {
      writer.literal(",\"rtt_nsec\":")
      writer.decimal(roundTrip)
    }
    if view.hasPayload {
      writer.literal(",\"payload_bytes_toserver\":")
      writer.decimal(view.originator.payloadBytes)
      writer.literal(",\"payload_bytes_toclient\":")
      writer.decimal(view.responder.payloadBytes)
    }
    if view.originator.packets > 0 {
      writer.literal(",\"ttl_toserver\":")
      writer.decimal(view.originator.ttl)
      writer.literal(",\"dscp_toserver\":")
      writer.decimal(view.originator.trafficClass >> 2)
    }
    if view.responder.packets > 0 {
      writer.literal(",\"ttl_toclient\":")
      writer.decimal(view.responder.ttl)
      writer.literal(",\"dscp_toclient\":")
      writer.decimal(view.responder.trafficClass >> 2)
    }
    if view.isFragmented { writer.literal(",\"fragmented\":true") }
    if view.app.proto != 0 {
      writer.literal(",\"tx_cnt\":")
      writer.decimal(view.app.transactions)
    }
    guard view.isUpdate else { return }
    writer.literal(",\"update_ordinal\":")
    writer.decimal(view.record.pointee.updateOrdinal)
    writer.literal(",\"pkts_toserver_delta\":")
    writer.decimal(view.originator.packetsDelta)
    writer.literal(",\"pkts_toclient_delta\":")
    writer.decimal(view.responder.packetsDelta)
    writer.literal(",\"bytes_toserver_delta\":")
    writer.decimal(view.originator.bytesDelta)
    writer.literal(",\"bytes_toclient_delta\":")
    writer.decimal(view.responder.bytesDelta)
    writer.literal(",\"ip_bytes_toserver_delta\":")
    writer.decimal(view.originator.ipBytesDelta)
    writer.literal(",\"ip_bytes_toclient_delta\":")
    writer.decimal(view.responder.ipBytesDelta)
  }

  private func writeTCP(_ view: FlowView, to writer: inout ByteWriter) {
    let flags = view.tcpFlags
    writer.literal(",\"tcp\":{\"tcp_flags\":\"")
    writer.hexByte(flags)
    writer.literal("\",\"tcp_flags_ts\":\"")
    writer.hexByte(view.originator.tcpFlags)
    writer.literal("\",\"tcp_flags_tc\":\"")
    writer.hexByte(view.responder.tcpFlags)
    writer.literal("\"")
    // RFC 9293, section 3.1, in Suricata's order.
    if flags & 0x02 != 0 { writer.literal(",\"syn\":true") }
    if flags & 0x01 != 0 { writer.literal(",\"fin\":true") }
    if flags & 0x04 != 0 { writer.literal(",\"rst\":true") }
    if flags & 0x08 != 0 { writer.literal(",\"psh\":true") }
    if flags & 0x10 != 0 { writer.literal(",\"ack\":true") }
    if flags & 0x20 != 0 { writer.literal(",\"urg\":true") }
    if flags & 0x40 != 0 { writer.literal(",\"ecn\":true") }
    if flags & 0x80 != 0 { writer.literal(",\"cwr\":true") }
    writer.literal(",\"state\":\"")
    writer.word(view.tcpState.text)
    writer.literal("\"")
    if view.originator.packets > 0 {
      writer.literal(",\"window_ts\":")
      writer.decimal(view.originator.tcpWindow)
    }
    if view.responder.packets > 0 {
      writer.literal(",\"window_tc\":")
      writer.decimal(view.responder.tcpWindow)
    }
    if view.record.pointee.parts & FlowRecord.Parts.trouble != 0 {
      writeTrouble(view.originator.trouble, view.responder.trouble, to: &writer)
    }
    writer.literal("}")
  }

  /// What went wrong, each where it did.
  private func writeTrouble(_ ts: FlowTrouble, _ tc: FlowTrouble, to writer: inout ByteWriter) {
    func count(_ name: StaticString, _ value: UInt64) {
      guard value > 0 else { return }
      writer.literal(name)
      writer.decimal(value)
    }
    count(",\"retransmissions_ts\":", UInt64(ts.retransmissions))
    count(",\"retransmissions_tc\":", UInt64(tc.retransmissions))
    count(",\"out_of_order_ts\":", UInt64(ts.outOfOrder))
    count(",\"out_of_order_tc\":", UInt64(tc.outOfOrder))
    count(",\"gaps_ts\":", UInt64(ts.gaps))
    count(",\"gaps_tc\":", UInt64(tc.gaps))
    count(",\"missed_bytes_ts\":", ts.missedBytes)
    count(",\"missed_bytes_tc\":", tc.missedBytes)
    count(",\"zero_windows_ts\":", UInt64(ts.zeroWindows))
    count(",\"zero_windows_tc\":", UInt64(tc.zeroWindows))
    count(",\"keep_alives_ts\":", UInt64(ts.keepAlives))
    count(",\"keep_alives_tc\":", UInt64(tc.keepAlives))
  }

  private func writeTail(_ view: FlowView, to writer: inout ByteWriter) {
    writer.literal(",\"conn_state\":\"")
    writer.word(view.connectionState.text)
    if view.record.pointee.cold.historyLength > 0 {
      writer.literal("\",\"history\":\"")
      writer.history(view.record.pointee.cold)
    }
    writer.literal("\"")
    writer.bytes(fixed.eveTail)
    if context.includesSequence {
      writer.decimal(view.record.pointee.worker)
      writer.literal(",\"seq\":")
      writer.decimal(view.record.pointee.sequence)
    }
    writer.literal("}")
  }
}
