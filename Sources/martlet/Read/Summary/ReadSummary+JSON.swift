import ControlAPI
import FlowEngine
import Records

extension ReadSummary {
  /// The summary for programs: times as records have them, bytes and packets as whole numbers.
  func json() -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("files", .array(input.files.map { .string($0) })),
      .init("input_bytes", input.inputBytes.map(number) ?? .null),
      .init("start", span.map { .string(Moment.record($0.lowerBound)) } ?? .null),
      .init("end", span.map { .string(Moment.record($0.upperBound)) } ?? .null),
      .init("seconds", number(spanSeconds)),
      .init("packets", number(packetsRead)),
      .init("bytes", number(bytesRead)),
      .init("flows", number(totals.flows)),
      .init("fragmented_flows", number(fragmentedFlows)),
    ]
    if spanSeconds > 0 {
      members.append(.init("bits_per_second", number(Double(bytesRead) * 8 / spanSeconds)))
      members.append(.init("packets_per_second", number(Double(packetsRead) / spanSeconds)))
    }
    if let peak {
      members.append(
        .init(
          "peak",
          .object([
            .init("bits_per_second", number(peak.bitsPerSecond)),
            .init("seconds", number(peak.seconds)),
          ])))
    }
    members.append(.init("protocols", .array(protocolTree(services: .max).map(node))))
    members.append(
      .init(
        "app_protos",
        .array(
          spoken.map { app in
            .object(
              [.init("app_proto", .string("\(app.app.name)"))] + self.members(app.totals)
                + [.init("records", number(app.records))])
          })))
    members.append(.init("hosts_are_exact", .bool(hosts.isExact)))
    members.append(.init("hosts", .array(hosts.top(100).map(host))))
    members.append(.init("ports", .array(topPorts(100).map(port))))
    members.append(
      .init(
        "tcp_states",
        .object(tcpStates.map { .init("\($0.state.text)", number($0.count)) })))
    members.append(.init("biggest_flows", .array(biggest.elements.map(flow))))
    members.append(.init("longest_flows", .array(longest.elements.map(flow))))
    members.append(.init("time_line", timeLineJSON))
    for kind in Finding.Kind.allCases {
      let found = findings.filter { $0.kind == kind }
      members.append(
        .init(
          kind == .notIP ? "not_ip" : kind.rawValue,
          .object(found.map { .init($0.counter.name, number($0.count)) })))
    }
    return .object(members)
  }

  private func number(_ value: UInt64) -> JSONValue { .number(String(value)) }

  /// JSON knows no infinity.
  private func number(_ value: Double) -> JSONValue {
    value.isFinite ? .number(String(value)) : .null
  }

  private func members(_ totals: Totals) -> [JSONValue.Member] {
    [
      .init("flows", number(totals.flows)), .init("packets", number(totals.packets)),
      .init("bytes", number(totals.bytes)),
    ]
  }

  private func node(_ node: ProtocolNode) -> JSONValue {
    var object = [JSONValue.Member("name", .string(node.name))] + members(node.totals)
    if !node.children.isEmpty {
      object.append(.init("children", .array(node.children.map(self.node))))
    }
    return .object(object)
  }

  private func host(_ host: HeavyHitters.Host) -> JSONValue {
    .object([
      .init("ip", .string(addressText(host.address, version: host.ipVersion))),
      .init("flows", number(host.flows)), .init("packets", number(host.packets)),
      .init("bytes", number(host.bytes)), .init("bytes_sent", number(host.sentBytes)),
      .init("bytes_received", number(host.receivedBytes)),
      .init("bytes_missed_at_most", number(host.missedAtMost)),
    ])
  }

  private func port(_ port: Port) -> JSONValue {
    .object(
      [
        .init("proto", .string(Self.protocolName(port.proto))),
        .init("port", .number(String(port.port))),
        .init("service", port.service.map { .string($0) } ?? .null),
      ] + members(port.totals))
  }

  private func flow(_ flow: Flow) -> JSONValue {
    let key = flow.key
    let (source, destination) =
      flow.originatorIsB
      ? ((key.addressB, key.portB), (key.addressA, key.portA))
      : ((key.addressA, key.portA), (key.addressB, key.portB))
    let hasPorts = Self.portTable(ipVersion: key.ipVersion, proto: key.proto) != nil
    var object: [JSONValue.Member] = [
      .init("src_ip", .string(addressText(source.0, version: key.ipVersion)))
    ]
    if hasPorts { object.append(.init("src_port", .number(String(source.1)))) }
    object.append(.init("dest_ip", .string(addressText(destination.0, version: key.ipVersion))))
    if hasPorts { object.append(.init("dest_port", .number(String(destination.1)))) }
    object += [
      .init("proto", .string(Self.protocolName(key.proto))),
      .init("community_id", .string(CommunityID.text(of: key))),
      .init("start", .string(Moment.record(flow.first))),
      .init("end", .string(Moment.record(flow.last))),
      .init("app_proto", flow.app == .unknown ? .null : .string("\(flow.app.name)")),
      .init("packets", number(flow.packets)), .init("bytes", number(flow.bytes)),
      .init("conn_state", .string("\(flow.state.text)")),
    ]
    return .object(object)
  }

  /// Intervals of one length; the first and the latest one are cut to the packets' times.
  private var timeLineJSON: JSONValue {
    let intervals = timeLine.intervals
    return .object([
      .init("start", intervals.first.map { .string(Moment.record($0.start)) } ?? .null),
      .init("interval_nsec", .number(String(Int64(1) << timeLine.shift))),
      .init("bytes", .array(intervals.map { number(($0.bytes * 1000).rounded() / 1000) })),
      .init("packets", .array(intervals.map { number(($0.packets * 1000).rounded() / 1000) })),
    ])
  }
}
