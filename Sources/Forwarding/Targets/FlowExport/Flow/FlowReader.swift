internal import ControlAPI
internal import Glibc

/// Why an EVE record cannot be exported as a flow.
struct FlowReadError: Error, Equatable, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }

  /// A value in an error: short, and on one line.
  static func quoted(_ text: String) -> String {
    let start = text.unicodeScalars.prefix(40).map { $0.value < 32 ? "?" : String($0) }.joined()
    return start.unicodeScalars.count < text.unicodeScalars.count ? "\"\(start)…\"" : "\"\(start)\""
  }
}

/// Reads ``ExportedFlow`` from EVE records of type `flow` and `flow_update`.
struct FlowReader {
  /// Values that were cut to what their element holds.
  private(set) var clamped: UInt64 = 0

  mutating func read(_ document: EVEDocument) throws(FlowReadError) -> ExportedFlow {
    let root = document.root
    guard case .string(let type)? = root["event_type"] else {
      throw FlowReadError("without event_type: a flow export takes flow and flow_update")
    }
    guard type == "flow" || type == "flow_update" else {
      throw FlowReadError("event_type \(type): a flow export takes flow and flow_update")
    }
    guard let body = root["flow"] else { throw FlowReadError("without the object flow") }
    let source = try address(root, "src_ip")
    let destination = try address(root, "dest_ip")
    guard source.count == destination.count else {
      throw FlowReadError("src_ip and dest_ip are of different IP versions")
    }
    let isIPv6 = source.count == 16
    let number = try protocolNumber(root)
    let start = try EVETime.nanoseconds(body, "start")
    let end = max(start, try EVETime.nanoseconds(body, "end"))
    let tcp = root["tcp"]
    let rtt = try count(body, "rtt_nsec")
    let later = Int64(clamping: rtt)
    let responderStart = start > Int64.max - later ? end : min(end, start + later)
    var flow = ExportedFlow(
      kind: .flow, id: try required(root, "flow_id"), isIPv6: isIPv6, source: source,
      destination: destination,
      ports: try ports(root), protocolNumber: number, start: start, end: end,
      endReason: Self.endReason(body, type: type), vlan: try vlan(root), macs: Self.macs(root),
      interface: Self.text(root, "in_iface"), application: Self.text(root, "app_proto"),
      sent: FlowPair(
        try direction(body, tcp, "toserver", "tcp_flags_ts", start),
        try direction(body, tcp, "toclient", "tcp_flags_tc", responderStart)))
    flow.sent.originator.icmp = try icmp(root, "icmp_type", "icmp_code")
    flow.sent.responder.icmp = try icmp(root, "response_icmp_type", "response_icmp_code")
    if type == "flow_update" {
      flow.kind = .update(
        new: FlowPair(try delta(body, "toserver"), try delta(body, "toclient")),
        ordinal: try required(body, "update_ordinal"))
    }
    flow.connectionState = Self.text(root, "conn_state") ?? ""
    flow.history = Self.text(root, "history") ?? ""
    flow.communityID = Self.text(root, "community_id") ?? ""
    flow.roundTripNanoseconds = rtt
    if let sampling = root["sampling"] {
      flow.samplingInterval = UInt32(try limited(sampling, "interval", to: UInt64(UInt32.max)))
    }
    return flow
  }

  // MARK: - Parts

  private mutating func direction(
    _ body: JSONValue, _ tcp: JSONValue?, _ way: String, _ flagsName: String, _ start: Int64
  ) throws(FlowReadError) -> ExportedFlow.Direction {
    let frames = try count(body, "bytes_\(way)")
    var direction = ExportedFlow.Direction()
    direction.packets = try required(body, "pkts_\(way)")
    direction.frameOctets = frames
    // Suricata counts frames only.
    direction.octets = body["ip_bytes_\(way)"] == nil ? frames : try count(body, "ip_bytes_\(way)")
    direction.timeToLive = UInt8(try limited(body, "ttl_\(way)", to: 255))
    direction.dscp = UInt8(try limited(body, "dscp_\(way)", to: 63))
    if let tcp, let text = Self.text(tcp, flagsName) {
      guard let flags = UInt8(text, radix: 16) else {
        throw FlowReadError(
          "tcp.\(flagsName) is \(FlowReadError.quoted(text)): two hexadecimal digits are due")
      }
      direction.tcpFlags = flags
    }
    direction.start = start
    return direction
  }

  private mutating func delta(_ body: JSONValue, _ way: String) throws(FlowReadError) -> FlowCounts
  {
    let frames = try count(body, "bytes_\(way)_delta")
    let octets = "ip_bytes_\(way)_delta"
    return FlowCounts(
      packets: try required(body, "pkts_\(way)_delta"),
      octets: body[octets] == nil ? frames : try count(body, octets), frameOctets: frames)
  }

  private mutating func ports(_ root: JSONValue) throws(FlowReadError) -> FlowPair<UInt16>? {
    guard root["src_port"] != nil || root["dest_port"] != nil else { return nil }
    return FlowPair(
      UInt16(try limited(root, "src_port", to: 65_535)),
      UInt16(try limited(root, "dest_port", to: 65_535)))
  }

  private mutating func icmp(_ root: JSONValue, _ type: String, _ code: String)
    throws(FlowReadError) -> UInt16
  {
    UInt16(try limited(root, type, to: 255)) << 8 | UInt16(try limited(root, code, to: 255))
  }

  private mutating func vlan(_ root: JSONValue) throws(FlowReadError) -> UInt16? {
    guard case .array(let ids)? = root["vlan"], let first = ids.first else { return nil }
    return UInt16(cut(try number(first, "vlan"), to: 4095))
  }

  private func protocolNumber(_ root: JSONValue) throws(FlowReadError) -> UInt8 {
    guard let text = Self.text(root, "proto") else { throw FlowReadError("without proto") }
    guard let number = ProtocolNumbers.number(text) else {
      throw FlowReadError(
        "proto \(FlowReadError.quoted(text)): neither a protocol of IANA's list nor 0 to 255")
    }
    return number
  }

  private func address(_ root: JSONValue, _ name: String) throws(FlowReadError) -> [UInt8] {
    guard let text = Self.text(root, name) else { throw FlowReadError("without \(name)") }
    guard let bytes = Self.address(text) else {
      throw FlowReadError("\(name) is \(FlowReadError.quoted(text)): no IPv4 or IPv6 address")
    }
    return bytes
  }

  static func address(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
    return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
  }

  /// flowEndReason (element 136): Martlet says it; Suricata's reason tells less.
  private static func endReason(_ body: JSONValue, type: String) -> UInt8 {
    switch text(body, "end_reason") {
    case "idle_timeout": return 1
    case "active_timeout": return 2
    case "end_of_flow": return 3
    case "forced_end": return 4
    case "lack_of_resources": return 5
    default: break
    }
    if type == "flow_update" { return 2 }
    return text(body, "reason") == "timeout" ? 1 : 4
  }

  private static func macs(_ root: JSONValue) -> FlowPair<[UInt8]>? {
    guard let ether = root["ether"], let source = mac(ether, "src_macs"),
      let destination = mac(ether, "dest_macs")
    else { return nil }
    return FlowPair(source, destination)
  }

  private static func mac(_ ether: JSONValue, _ name: String) -> [UInt8]? {
    guard case .array(let list)? = ether[name], case .string(let text)? = list.first else {
      return nil
    }
    let bytes = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      .map { $0.count == 2 ? UInt8(String(decoding: $0, as: UTF8.self), radix: 16) : nil }
    return bytes.count == 6 && !bytes.contains(nil) ? bytes.compactMap { $0 } : nil
  }

  // MARK: - Values

  private static func text(_ object: JSONValue, _ name: String) -> String? {
    if case .string(let text)? = object[name] { return text }
    return nil
  }

  private mutating func required(_ object: JSONValue, _ name: String) throws(FlowReadError)
    -> UInt64
  {
    guard let value = object[name] else { throw FlowReadError("without \(name)") }
    return try number(value, name)
  }

  /// 0 where it is absent.
  private mutating func count(_ object: JSONValue, _ name: String) throws(FlowReadError) -> UInt64 {
    try object[name].map { value throws(FlowReadError) in try number(value, name) } ?? 0
  }

  private mutating func limited(_ object: JSONValue, _ name: String, to limit: UInt64)
    throws(FlowReadError) -> UInt64
  {
    cut(try count(object, name), to: limit)
  }

  private mutating func cut(_ value: UInt64, to limit: UInt64) -> UInt64 {
    if value > limit { clamped += 1 }
    return min(value, limit)
  }

  private mutating func number(_ value: JSONValue, _ name: String) throws(FlowReadError) -> UInt64 {
    guard case .number(let digits) = value else { throw FlowReadError("\(name) is no number") }
    if let number = UInt64(digits) { return number }
    guard let number = Double(digits), number >= 0 else {
      throw FlowReadError("\(name) is \(FlowReadError.quoted(digits)): a count of 0 or more is due")
    }
    if let exact = UInt64(exactly: number.rounded(.down)) { return exact }
    clamped += 1
    return .max
  }
}
