/// A session as Arkime has written it down.
struct ArkimeSession {
  let body: TruthValue
  let source: TupleEnd
  let tuple: FlowTuple
  let totals: FlowTotals

  /// Nil for what is not IP.
  init?(_ body: TruthValue) {
    guard let from = body.at("source.ip")?.text, let to = body.at("destination.ip")?.text,
      let proto = body["ipProtocol"]?.integer,
      let source = TupleEnd(
        from, port: Self.hasPorts(proto) ? body.at("source.port")?.integer ?? 0 : 0),
      let destination = TupleEnd(
        to, port: Self.hasPorts(proto) ? body.at("destination.port")?.integer ?? 0 : 0)
    else { return nil }
    self.body = body
    self.source = source
    tuple = FlowTuple(source, destination, proto: proto)
    var totals = FlowTotals()
    for (end, forward) in [("source", true), ("destination", false)] {
      totals.add(
        packets: body.at("\(end).packets")?.integer ?? 0,
        bytes: body.at("\(end).bytes")?.integer ?? 0,
        fromLower: forward == (source == tuple.lower))
    }
    self.totals = totals
  }

  /// What its sessions are told apart by; all ICMP between two hosts is one.
  private static func hasPorts(_ proto: Int) -> Bool { [6, 17, 132].contains(proto) }
}

/// One tuple's sessions held against its records.
struct ArkimeComparison {
  let tuple: FlowTuple
  let sessions: [ArkimeSession]
  let flows: [TruthFlow]
  /// Records of tuples that Arkime has no session of.
  let surplus: [TruthFlow]

  private var expected: FlowTotals { sessions.reduce(into: FlowTotals()) { $0 += $1.totals } }
  private var found: FlowTotals { flows.reduce(into: FlowTotals()) { $0 += $1.totals() } }

  /// A difference and, where a policy of one of the two explains it, which.
  struct Finding {
    let line: String
    let reason: String?
  }

  func verdict(fields: inout TruthReport) -> TruthReport.Verdict {
    var findings: [Finding] = []
    if let finding = totalsFinding { findings.append(finding) }
    if let session = sessions.first, let flow = flows.first {
      for field in ArkimeField.all {
        guard let line = field.compare(session, sessions, flow, flows) else { continue }
        guard !line.isEmpty else {
          fields.add(.equal, of: field.name)
          continue
        }
        let reason =
          field.explain(session, sessions, flow) ?? turned ?? turnedByPort(field, session, flow)
          ?? joined?.reason
        fields.add(
          reason.map { .explained(reason: $0, detail: "\(tuple): \(line)") }
            ?? .different("\(tuple): \(line)"), of: field.name)
        findings.append(Finding(line: "\(field.name): \(line)", reason: reason))
      }
    }
    if findings.isEmpty { return .equal }
    let detail = "\(tuple): \(findings.map(\.line).joined(separator: "; "))"
    guard findings.allSatisfy({ $0.reason != nil }) else { return .different(detail) }
    return .explained(reason: findings[0].reason!, detail: detail)
  }

  private var totalsFinding: Finding? {
    guard !flows.isEmpty else {
      return Finding(line: "missing: \(expected)", reason: joined?.reason)
    }
    guard expected != found else { return nil }
    return Finding(
      line: "expected \(expected); found \(found)",
      reason: framed ?? reassembled ?? turned ?? joined?.reason)
  }

  private var framed: String? {
    let isTunnelled = sessions.contains { $0.body["srcOuterIp"] != nil }
    let hasSamePackets =
      expected.packetsFromLower == found.packetsFromLower
      && expected.packetsFromUpper == found.packetsFromUpper
    return isTunnelled && hasSamePackets && expected.bytes > found.bytes
      ? "Arkime counts the frame around a tunnelled packet" : nil
  }

  private var reassembled: String? {
    let isFragmented = flows.contains { $0.record.at("flow.fragmented") == .bool(true) }
    return isFragmented && found.packets > expected.packets
      ? "Arkime counts a reassembled datagram once" : nil
  }

  /// Arkime changes the ends' names, and not their counters, where the payload tells who asked.
  private var turned: String? {
    tuple.proto == 6 && sessions.count == 1 && expected != found
      && expected.packetsFromLower == found.packetsFromUpper
      && expected.packetsFromUpper == found.packetsFromLower && expected.bytes == found.bytes
      && flows.allSatisfy { $0.record.at("tcp.syn") == nil }
      ? "Arkime turns a session without SYN by its payload, but not its counters" : nil
  }

  /// What is of one end or of the other is then told of the wrong one.
  private func turnedByPort(
    _ field: ArkimeField, _ session: ArkimeSession, _ flow: TruthFlow
  ) -> String? {
    flow.record["history"]?.text?.hasPrefix("^") == true && flow.destination == session.source
      && ArkimeField.ofAnEnd.contains(field.name)
      ? "Martlet turns a flow seen in the middle by the well-known port" : nil
  }

  /// Several tuples of ours that are one session of Arkime's, and why they are.
  var joined: (reason: String, flows: [TruthFlow])? {
    guard let session = sessions.first else { return nil }
    let labels = session.body["protocol"]?.list ?? []
    let addresses = Set([session.tuple.lower.address, session.tuple.upper.address])
    let others: [TruthFlow]
    let reason: String
    if tuple.proto == 103 {
      reason = "Arkime has one session for all PIM"
      others = surplus.filter { $0.proto == 103 }
    } else if labels.contains(.text("dhcp")) || labels.contains(.text("dhcpv6")) {
      reason = "Arkime joins DHCP by its transaction"
      others = surplus.filter { [67, 68, 546, 547].contains($0.destination.port) }
    } else if tuple.proto == 17 && tuple.lower.port == 0 && tuple.upper.port == 0 {
      reason = "Arkime leaves out the ports of a tunnel with no IP in it"
      others = surplus.filter {
        $0.proto == 17 && Set([$0.source.address, $0.destination.address]) == addresses
      }
    } else if tuple.proto == 51 {
      reason = "Arkime does not look behind AH"
      others = surplus.filter { Set([$0.source.address, $0.destination.address]) == addresses }
    } else {
      return nil
    }
    let all = (flows + others).map { $0.totals() }
    guard !others.isEmpty, all.reduce(0, { $0 + $1.packets }) == expected.packets,
      all.reduce(0, { $0 + $1.bytes }) == expected.bytes
    else { return nil }
    return (reason, others)
  }
}

/// A field that both have. The answer is nil where one of them has it not, empty where they agree.
struct ArkimeField: Sendable {
  let name: String
  let compare: @Sendable (ArkimeSession, [ArkimeSession], TruthFlow, [TruthFlow]) -> String?
  /// The policy behind a difference, nil where there is none.
  var explain: @Sendable (ArkimeSession, [ArkimeSession], TruthFlow) -> String? = { _, _, _ in nil }

  static let ofAnEnd: Set = [
    "originator", "source.mac", "destination.mac", "srcTTL", "dstTTL", "srcDscp", "dstDscp",
  ]

  static let all: [ArkimeField] =
    [
      ArkimeField(name: "originator") { session, _, flow, _ in
        flow.source == session.source ? "" : "expected \(session.source); found \(flow.source)"
      },
      time("firstPacket", "start", by: { $0.min()! }),
      time("lastPacket", "end", by: { $0.max()! }),
      oneOf("network.community_id", "community_id") { _, _, flow in
        if [50, 51].contains(flow.proto) {
          return "Arkime's Community ID of ESP has ports of 0, the specification's has none"
        }
        // Only where the order of the ends would change does it matter.
        return isOneWayICMP(flow) && flow.destination < flow.source
          ? "Arkime's Community ID orders the ends of one-way ICMP, the specification's does not"
          : nil
      },
      oneOf("source.mac", "ether.src_macs[0]") { session, _, _ in insideOfGRE(session) },
      oneOf("destination.mac", "ether.dest_macs[0]") { session, _, _ in insideOfGRE(session) },
      oneOf("srcTTL", "flow.ttl_toserver"),
      oneOf("dstTTL", "flow.ttl_toclient"),
      oneOf("srcDscp", "flow.dscp_toserver") { _, _, flow in
        flow.count("dscp_toserver") == 0 ? "Arkime lists any DSCP but 0" : nil
      },
      oneOf("dstDscp", "flow.dscp_toclient") { _, _, flow in
        flow.count("dscp_toclient") == 0 ? "Arkime lists any DSCP but 0" : nil
      },
      oneOf("srcOuterIp", "tunnel.src_ip"),
      oneOf("dstOuterIp", "tunnel.dest_ip"),
      oneOf("vni", "tunnel.vni"),
      oneOf("icmp.type", "icmp_type"),
      oneOf("icmp.code", "icmp_code"),
      ArkimeField(
        name: "vlan",
        compare: { _, sessions, flow, _ in
          let expected = sessions.flatMap { $0.body.at("network.vlan.id")?.list ?? [] }
          let found = flow.record["vlan"]?.list ?? []
          return Set(found) == Set(expected) ? "" : "expected \(expected); found \(found)"
        },
        explain: { session, sessions, flow in
          let expected = sessions.flatMap { $0.body.at("network.vlan.id")?.list ?? [] }
          let found = flow.record["vlan"]?.list ?? []
          if found.isEmpty && session.body["protocol"]?.list?.contains(.text("gre")) == true {
            return session.tuple.proto == 47 ? insideOfGRE(session) : nil
          }
          return Set(found).isSubset(of: Set(expected))
            ? "Arkime lists the VLANs of all packets, a record has the first one's" : nil
        }),
    ]
    + [
      ("fin", "fin"), ("rst", "rst"), ("psh", "psh"), ("urg", "urg"), ("ece", "ecn"),
      ("cwr", "cwr"),
    ].map { flag($0, $1) } + [
      ArkimeField(name: "tcp syn") { session, sessions, _, flows in
        guard session.body["tcpflags"] != nil else { return nil }
        let expected = sessions.contains {
          ($0.body.at("tcpflags.syn")?.integer ?? 0) > 0
            || ($0.body.at("tcpflags.syn-ack")?.integer ?? 0) > 0
        }
        let found = flows.contains { $0.record.at("tcp.syn") == .bool(true) }
        return expected == found ? "" : "expected \(expected); found \(found)"
      }
    ]

  private static func isOneWayICMP(_ flow: TruthFlow) -> Bool {
    guard flow.proto == 1 || flow.proto == 58, let type = flow.record["icmp_type"]?.integer else {
      return false
    }
    return FlowTuple.icmpCounterpart(of: type, proto: flow.proto) == nil
  }

  /// Arkime lists every value that it has seen; a record has the first.
  private static func oneOf(
    _ name: String, _ path: String,
    explain: @escaping @Sendable (ArkimeSession, [ArkimeSession], TruthFlow) -> String? = {
      _, _, _ in nil
    }
  ) -> ArkimeField {
    let compare: @Sendable (ArkimeSession, [ArkimeSession], TruthFlow, [TruthFlow]) -> String? = {
      _, sessions, flow, _ in
      let expected = sessions.flatMap { session -> [TruthValue] in
        guard let value = session.body.at(name) else { return [] }
        return value.list ?? [value]
      }
      guard !expected.isEmpty, let found = flow.record.at(path) else { return nil }
      // Time to live is text in some of the answers.
      return expected.contains { $0.agrees(with: found) || $0.spelling == found.spelling }
        ? "" : "expected one of \(expected); found \(found)"
    }
    return ArkimeField(name: name, compare: compare, explain: explain)
  }

  /// Arkime has addresses and VLAN of an ERSPAN from within, where there is no IP, too.
  private static func insideOfGRE(_ session: ArkimeSession) -> String? {
    session.body["protocol"]?.list?.contains(.text("gre")) == true
      ? "Arkime has the addresses and the VLAN that ERSPAN carries" : nil
  }

  /// Of all sessions and of all flows of a tuple the earliest or the latest; Arkime has milliseconds.
  private static func time(
    _ name: String, _ key: String, by choose: @escaping @Sendable ([Int]) -> Int
  ) -> ArkimeField {
    let compare: @Sendable (ArkimeSession, [ArkimeSession], TruthFlow, [TruthFlow]) -> String? = {
      _, sessions, _, flows in
      let expected = sessions.compactMap { $0.body[name]?.integer }
      let found = flows.compactMap { $0.milliseconds(key) }
      guard !expected.isEmpty, !found.isEmpty else { return nil }
      return choose(expected) == choose(found)
        ? "" : "expected \(choose(expected)); found \(choose(found))"
    }
    return ArkimeField(
      name: name, compare: compare,
      explain: { session, _, _ in
        guard let first = session.body["firstPacket"]?.integer,
          let last = session.body["lastPacket"]?.integer
        else { return nil }
        return name == "lastPacket" && last < first
          ? "Arkime's last packet is the file's last, not the latest" : nil
      })
  }

  private static func flag(_ name: String, _ key: String) -> ArkimeField {
    ArkimeField(name: "tcp \(name)") { session, sessions, _, flows in
      guard session.body["tcpflags"] != nil else { return nil }
      let expected = sessions.contains { ($0.body.at("tcpflags.\(name)")?.integer ?? 0) > 0 }
      let found = flows.contains { $0.record.at("tcp.\(key)") == .bool(true) }
      return expected == found ? "" : "expected \(expected); found \(found)"
    }
  }
}
