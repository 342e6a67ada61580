package import ControlAPI
import FlowEngine
import Foundation
import Ports
import Records

extension Engine {
  package func tracePackets(_ parameters: TraceParameters) throws -> TraceAnswer {
    guard let book = filterBook else {
      throw RPCError(.wrongState, "packets are traced on live ports")
    }
    let probe = try book.begin(
      parameters.expression, inner: parameters.inner, ports: parameters.ports, trace: true)
    var answer = TraceAnswer()
    answer.isComplete = waitForPackets(seconds: parameters.timeoutSeconds) {
      book.traces.reduce(0) { $0 + $1.count(session: probe.session) } >= parameters.packets
    }
    _ = book.end(probe)
    // All workers go by other rules now: what they have written they do not touch again.
    struct Found {
      var worker: Int
      var number: Int
      var time: Int64
    }
    var found: [Found] = []
    for (worker, log) in book.traces.enumerated() {
      for number in 0..<log.count(session: probe.session) {
        found.append(Found(worker: worker, number: number, time: log.entry(number).pointee.time))
      }
    }
    found.sort { ($0.time, $0.worker, $0.number) < ($1.time, $1.worker, $1.number) }
    var file = parameters.pcapng ? PcapngBytes(interfaces: ports.map(\.name)) : nil
    let words = TraceWords(
      sensor: settings.sensor, communityIDSeed: settings.communityIDSeed,
      portNames: ports.map(\.name), ruleNames: probe.names)
    for item in found.prefix(parameters.packets) {
      let log = book.traces[item.worker]
      let entry = log.entry(item.number)
      let packet = words.describe(entry, worker: item.worker)
      file?.append(
        bytes: UnsafeBufferPointer(
          start: log.bytes(item.number), count: Int(entry.pointee.captured)),
        wireLength: entry.pointee.wireLength, nanoseconds: entry.pointee.time,
        interface: Int(entry.pointee.port), comment: Self.comment(packet))
      answer.packets.append(packet)
    }
    answer.pcapng = file.map { Data($0.bytes).base64EncodedString() }
    return answer
  }

  /// The packet's path in a line, for whoever opens the file.
  private static func comment(_ packet: TracedPacket) -> String {
    packet.path.map { step in
      "\(step.stage.rawValue): \(step.outcome)" + (step.detail.isEmpty ? "" : " (\(step.detail))")
    }.joined(separator: "; ")
  }
}

/// Says what became of a traced packet.
struct TraceWords {
  let sensor: String
  let communityIDSeed: UInt16
  let portNames: [String]
  /// By place in the list.
  let ruleNames: [String]

  func describe(_ pointer: UnsafePointer<TraceEntry>, worker: Int) -> TracedPacket {
    let entry = pointer.pointee
    var packet = TracedPacket()
    packet.timestamp = ControlTime.text(nanoseconds: entry.time)
    packet.port =
      Int(entry.port) < portNames.count ? portNames[Int(entry.port)] : String(entry.port)
    packet.worker = worker
    packet.wireLength = Int(entry.wireLength)
    packet.capturedLength = Int(entry.captured)
    packet.path = [parse(entry)] + filters(entry)
    let outcome = TraceOutcome(rawValue: entry.outcome) ?? .flow
    switch outcome {
    case .filtered, .cause: break
    case .handedOut:
      packet.path.append(
        TraceStep(.flow, "handed over", "worker \(entry.receiver) owns its flow"))
    case .fragment:
      packet.path.append(
        TraceStep(.flow, "fragment", "counted with its datagram, once the ports are known"))
    case .sampledOut:
      packet.path.append(
        TraceStep(.flow, "left out", "its flow is not in the sample under overload"))
    case .flow: flow(entry, &packet)
    }
    return packet
  }

  // MARK: Parse

  private func parse(_ entry: TraceEntry) -> TraceStep {
    if PacketVerdict.isCause(entry.verdict),
      let counter = FlowEngine.Counter(rawValue: PacketVerdict.counterIndex(entry.verdict))
    {
      let isDiscard = counter.group == .discard
      return TraceStep(
        .parse, isDiscard ? "discarded" : "not IP", "\(counter.name): \(counter.meaning)")
    }
    let p = entry.parsed
    var words: [String] = []
    for id in [p.vlanOuter, p.vlanInner] where id != 0xffff { words.append("VLAN \(id)") }
    if p.tunnelKind != 0, let kind = TunnelKind(rawValue: p.tunnelKind) {
      words.append("in \(kind.name)" + (p.tunnelDepth > 1 ? " (\(p.tunnelDepth) tunnels)" : ""))
    }
    words.append("IPv\(p.key.ipVersion)")
    words.append(RecordText.protocolName(p.key.proto))
    if p.key.proto == IPProtocol.tcp { words.append(Self.flags(p.tcpFlags)) }
    words.append("\(p.payloadLength) bytes of payload")
    let isFragment =
      entry.verdict == PacketVerdict.laterFragment
      || p.flags & ParsedPacket.Flags.fragment != 0
    if isFragment { words.append("a fragment") }
    return TraceStep(.parse, endPoints(p), words.joined(separator: ", "))
  }

  private func endPoints(_ p: ParsedPacket) -> String {
    let key = p.key
    func text(_ address: IPAddress, _ port: UInt16) -> String {
      let address = RecordText.address(address, version: key.ipVersion)
      let hasPorts = [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp].contains(key.proto)
      guard hasPorts else { return address }
      return key.ipVersion == 6 ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
    let a = text(key.addressA, key.portA)
    let b = text(key.addressB, key.portB)
    return p.side == 0 ? "\(a) → \(b)" : "\(b) → \(a)"
  }

  private static func flags(_ flags: UInt8) -> String {
    let names: [(UInt8, String)] = [
      (TCPFlags.syn, "SYN"), (TCPFlags.fin, "FIN"), (TCPFlags.rst, "RST"),
      (TCPFlags.psh, "PSH"), (TCPFlags.ack, "ACK"), (TCPFlags.urg, "URG"),
      (TCPFlags.ece, "ECE"), (TCPFlags.cwr, "CWR"),
    ]
    let set = names.filter { flags & $0.0 != 0 }.map(\.1)
    return set.isEmpty ? "no flags" : set.joined(separator: " ")
  }

  // MARK: Filter

  private func filters(_ entry: TraceEntry) -> [TraceStep] {
    let isDropped = entry.outcome == TraceOutcome.filtered.rawValue
    let caught = ruleNames.indices.filter {
      entry.caught >> UInt64($0) & 1 != 0
    }
    var steps = caught.map { place in
      isDropped && place == Int(entry.rule)
        ? TraceStep(.filter, "dropped", "by the rule \(ruleNames[place])")
        : TraceStep(.filter, "caught", "by the rule \(ruleNames[place])")
    }
    if steps.isEmpty { steps = [TraceStep(.filter, "passed", "no rule caught it")] }
    return steps
  }

  // MARK: Flow and event

  private func flow(_ entry: TraceEntry, _ packet: inout TracedPacket) {
    let hot = entry.hot
    let cold = entry.cold
    guard hot.flags & FlowFlags.live != 0 else {
      packet.path.append(TraceStep(.flow, "ended", "its flow ended within the same burst"))
      return
    }
    packet.flowId = FlowIdentity(sensorName: sensor).flowID(key: hot.key, cold: cold)
    packet.communityId = CommunityID.text(of: hot.key, seed: communityIDSeed)
    let packets = hot.sideA.packets + hot.sideB.packets
    packet.path.append(
      TraceStep(
        .flow, entry.isNew ? "new flow" : "known flow",
        "\(RecordText.state(hot.state)), \(packets) \(packets == 1 ? "packet" : "packets") so far"))
    let history = Self.history(cold)
    let before = entry.hasBefore ? Int(entry.historyBefore) : 0
    if history.count > before {
      packet.path.append(
        TraceStep(
          .event, "history +\(history.dropFirst(before))", "now \(history)"))
    }
    if entry.hasBefore && entry.stateBefore != hot.state {
      packet.path.append(
        TraceStep(
          .event, "state \(RecordText.state(hot.state))",
          "was \(RecordText.state(entry.stateBefore))"))
    }
    for (flag, counter) in Self.oddities where entry.parsed.flags & flag != 0 {
      packet.path.append(TraceStep(.event, counter.name, counter.meaning))
    }
  }

  private static let oddities: [(UInt16, FlowEngine.Counter)] = [
    (ParsedPacket.Flags.badTransportHeader, .badTCPHeaderLength),
    (ParsedPacket.Flags.lengthBeyondFrame, .lengthBeyondFrame),
    (ParsedPacket.Flags.badOptions, .badIPv4Options),
    (ParsedPacket.Flags.badInnerVersion, .badInnerVersion),
    (ParsedPacket.Flags.badIPChecksum, .ipChecksumBad),
    (ParsedPacket.Flags.badTransportChecksum, .transportChecksumBad),
  ]

  private static func history(_ cold: FlowCold) -> String {
    var text = cold.historyText
    return withUnsafeBytes(of: &text) {
      String(decoding: $0.prefix(Int(cold.historyLength)), as: UTF8.self)
    }
  }
}
