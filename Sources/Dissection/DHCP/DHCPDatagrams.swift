internal import FlowEngine
internal import Records

/// DHCP over IPv4 (RFC 2131): a record for each message, as Suricata's extended log has it.
enum DHCPDatagrams: DatagramDissector {
  struct State: BitwiseCopyable {}

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    DHCPHeader(bytes) == nil ? .no : .yes
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    guard let header = DHCPHeader(bytes) else {
      if missing == 0 { d.note(.appMalformed) }
      return .idle
    }
    var w = DNSWorkspace.event(d)
    fixed(&w, header)
    var message = DHCPMessage(d)
    message.options(&w, header.options)
    var isBroken = message.isBroken && missing == 0
    let overload = header.overload
    if overload & 1 != 0 {
      message.options(&w, header.file)
    } else {
      text(&w, DHCPFields.bootFile, header.file, unless: message.hasBootFile)
    }
    if overload & 2 != 0 {
      message.options(&w, header.serverName)
    } else {
      text(&w, DHCPFields.serverName, header.serverName, unless: false)
    }
    isBroken = isBroken || message.isMalformed
    DHCPMessage.codes(&w, header, overload)
    w.incomplete(missing: missing)
    if isBroken { d.note(.appMalformed) }
    d.emit(.dhcp, w, toServer: d.isToServer, transaction: d.nextTransaction())
    return .idle
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {}

  private static func text(
    _ w: inout EventWriter, _ field: EventField, _ bytes: Bytes, unless isThere: Bool
  ) {
    let text = DHCPHeader.text(bytes)
    if !text.isEmpty && !isThere { w.string(field, text) }
  }

  private static func fixed(_ w: inout EventWriter, _ header: DHCPHeader) {
    w.text(DHCPFields.type, header.isReply ? "reply" : "request")
    w.integer(DHCPFields.id, header.transaction)
    w.mac(DHCPFields.clientMAC, header.hardwareAddress)
    w.address(DHCPFields.assignedIP, header.assigned)
    w.address(DHCPFields.clientIP, header.client)
    if header.isReply {
      w.address(DHCPFields.relayIP, header.relay)
      w.address(DHCPFields.nextServerIP, header.nextServer)
    }
    if header.hops > 0 { w.integer(DHCPFields.hops, header.hops) }
    if header.seconds > 0 { w.integer(DHCPFields.seconds, header.seconds) }
    if header.wantsBroadcast { w.boolean(DHCPFields.broadcast, true) }
  }
}
