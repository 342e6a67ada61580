import ControlAPI

/// The busiest flows as a table.
enum FlowTable {
  static func make(
    _ flows: [LiveFlow], order: FlowOrder, ascending: Bool = false
  ) -> Table {
    let title = { (text: String, column: FlowOrder) in
      column == order ? (ascending ? "▲ " : "▼ ") + text : text
    }
    var table = Table([
      .init("PROTO", dispensability: 1), .init("APP", dispensability: 5),
      .init("ORIGINATOR", minimumWidth: 21, cut: .endpoint),
      .init("RESPONDER", minimumWidth: 21, cut: .endpoint),
      .init(title("RATE", .rate), .right, dispensability: order == .rate ? 0 : 2),
      .init(title("PACKETS/s", .packetRate), .right, dispensability: order == .packetRate ? 0 : 6),
      .init(title("BYTES", .bytes), .right, dispensability: order == .bytes ? 0 : 4),
      .init(title("PACKETS", .packets), .right, dispensability: order == .packets ? 0 : 7),
      .init("SENT", .right, dispensability: 10), .init("ANSWERED", .right, dispensability: 10),
      .init(title("AGE", .age), .right, dispensability: order == .age ? 0 : 3),
      .init(title("IDLE", .idle), .right, dispensability: order == .idle ? 0 : 11),
      .init("STATE", dispensability: 8),
      .init("W", .right, dispensability: 9),
    ])
    // An address in full is worth more than these.
    table.extrasFrom = 7
    for flow in flows {
      table.add(
        Span(flow.proto, .cyan), Span(flow.appProto ?? ""),
        Span(endpoint(flow.srcIP, flow.srcPort)),
        Span(endpoint(flow.destIP, flow.destPort)), Span(Units.scaled(flow.bitsPerSecond, "b/s")),
        Span(Units.scaled(flow.packetsPerSecond)), Span(Units.traffic(flow.bytes)),
        Span(Units.scaled(Double(flow.packets))), Span(Units.traffic(flow.bytesToServer), .dim),
        Span(Units.traffic(flow.bytesToClient), .dim), Span(Units.duration(flow.ageSeconds)),
        Span(Units.duration(flow.idleSeconds)),
        Span(flow.state, flow.state == "established" ? .plain : .dim),
        Span("\(flow.worker)", .dim))
    }
    return table
  }

  /// `192.0.2.1:443`, `[2001:db8::1]:443`, and the address alone where there is no port.
  static func endpoint(_ address: String, _ port: UInt16) -> String {
    if port == 0 { return address }
    return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
  }
}
