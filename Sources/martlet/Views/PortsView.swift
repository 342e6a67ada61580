import ControlAPI

/// `martlet ports` as text.
enum PortsView {
  static func lines(_ list: PortList, _ width: Int, style: Style) -> [String] {
    var table = Table([
      .init("PORT"), .init("STATE"), .init("LINK"),
      .init("DEVICE", minimumWidth: 8, dispensability: 3),
      .init("DRIVER", dispensability: 4), .init("QUEUES", .right, dispensability: 5),
      .init("RECEIVED", .right), .init("BYTES", .right, dispensability: 1), .init("MISSED", .right),
      .init("NO BUFFER", .right), .init("ERRORS", .right),
      .init("BUFFERS IN USE", .right, dispensability: 2),
    ])
    for port in list.ports {
      table.add(
        Span(port.status.name, .cyan),
        port.isStarted ? Span("started", .green) : Span("stopped", .yellow),
        link(port.status.link), Span(port.status.device), Span(port.status.driver),
        Span("\(port.status.queues)"), Span(Units.grouped(port.stats.receivedPackets)),
        bytes(port.stats) { Units.traffic($0) }, loss(port.stats.missed),
        loss(port.stats.noMbuf), loss(port.stats.errors), pool(port.stats.mempool))
    }
    return table.lines(width: width, style: style)
  }

  static func lines(_ change: PortChange, style: Style) -> [String] {
    let state = change.after ? "started" : "stopped"
    let text = change.before == change.after ? "was \(state) already" : "is \(state)"
    return [
      StyledLine(Span(change.port, .cyan), Span(" \(text)")).text(width: .max, style: style)
    ] + change.notes.map { StyledLine(Span("  \($0)", .yellow)).text(width: .max, style: style) }
  }

  static func link(_ link: LinkStatus) -> Span {
    if !link.isUp { return Span("down", .red) }
    let speed = link.speedMbps == 0 ? "" : " \(Units.linkSpeed(link.speedMbps))"
    return link.isFullDuplex ? Span("up\(speed)", .green) : Span("up\(speed) half duplex", .yellow)
  }

  /// Some drivers (net_ring) count packets and no bytes.
  static func bytes(_ port: PortStats, _ text: (UInt64) -> String) -> Span {
    port.countsNoBytes ? Span("-", .dim) : Span(text(port.receivedBytes))
  }

  static func loss(_ count: UInt64) -> Span {
    Span(Units.grouped(count), count == 0 ? .dim : .red)
  }

  static func pool(_ pool: MempoolStats?) -> Span {
    guard let pool, pool.size > 0 else { return Span("-", .dim) }
    let share = Double(pool.inUse) / Double(pool.size)
    let text = "\(Units.grouped(pool.inUse)) of \(Units.grouped(pool.size))"
    return Span(text, share >= 0.95 ? .red : share >= 0.8 ? .yellow : .plain)
  }
}

extension PortStats {
  /// Its driver counts packets and no bytes: what it says of them is no figure.
  var countsNoBytes: Bool { receivedPackets > 0 && receivedBytes == 0 }
}
