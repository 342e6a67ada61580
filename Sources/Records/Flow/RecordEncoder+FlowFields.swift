import FlowEngine

extension RecordEncoder {
  /// One record as RESP bulk strings: every field that has a name, in the order of ``FlowField``.
  @inline(__always)
  mutating func writeFields(_ view: FlowView, to writer: inout ByteWriter) {
    fixed.flowFields.withUnsafeBufferPointer { heads in
      for head in heads {
        writer.head(head)
        switch head.field {
        case .sensor: writer.bytes(fixed.sensor)
        case .startEpoch: writer.bytes(fixed.startEpoch)
        case .interface:
          let port = Int(view.record.pointee.cold.portIndex)
          if port < fixed.ports.count {
            writer.bytes(fixed.ports[port])
          } else {
            writer.literal("$0\r\n\r\n")
          }
        case .tags:
          let names = tagList(view)
          writer.literal("$")
          writer.decimal(UInt64(names.count))
          writer.literal("\r\n")
          writer.bytes(names)
          writer.literal("\r\n")
        default:
          writer.bulk { writer in writeValue(of: head.field, view, to: &writer) }
        }
      }
    }
  }

  /// The names of the flow's tags, with commas between.
  func tagList(_ view: FlowView) -> [UInt8] {
    let marks = view.record.pointee.cold.marks
    if marks.tags == 0 { return [] }
    return Array(context.tags.names(of: marks).joined(separator: ",").utf8)
  }

  /// The value of a field, nothing where the flow has none; 39 bytes at the most.
  mutating func writeValue(
    of field: FlowField, _ view: FlowView, to writer: inout ByteWriter
  ) {
    let record = view.record
    switch field {
    case .timestamp:
      timestampText.write(nanoseconds: record.pointee.exportTime, to: &writer)
    case .flowID: writer.decimal(view.flowID)
    case .eventType: writer.word(FlowWords.eventType(record.pointee.kind))
    case .vlan: writer.vlans(record.pointee.cold)
    case .sourceAddress: writer.address(view.originator.address, version: view.ipVersion)
    case .sourcePort: if view.hasPorts { writer.decimal(view.originator.port) }
    case .destinationAddress: writer.address(view.responder.address, version: view.ipVersion)
    case .destinationPort: if view.hasPorts { writer.decimal(view.responder.port) }
    case .proto: writer.proto(view.proto)
    case .ipVersion: writer.decimal(view.ipVersion)
    case .icmpType: if view.isICMP { writer.decimal(record.pointee.cold.icmpType) }
    case .icmpCode: if view.isICMP { writer.decimal(record.pointee.cold.icmpCode) }
    case .responseICMPType: if let type = view.responseICMPType { writer.decimal(type) }
    case .responseICMPCode: if let code = view.responseICMPCode { writer.decimal(code) }
    case .tunnelKind: if let (_, kind) = view.tunnel { writer.word(kind.name) }
    case .tunnelSource:
      if let (tunnel, _) = view.tunnel {
        writer.address(tunnel.source, version: tunnel.ipVersion)
      }
    case .tunnelDestination:
      if let (tunnel, _) = view.tunnel {
        writer.address(tunnel.destination, version: tunnel.ipVersion)
      }
    case .tunnelIdentifier:
      if let id = view.tunnel?.0.knownIdentifier { writer.decimal(id) }
    case .tunnelDepth: if let (tunnel, _) = view.tunnel { writer.decimal(tunnel.depth) }
    case .samplingInterval: if let sampling = view.sampling { writer.decimal(sampling.interval) }
    case .samplingPartial:
      if view.sampling?.isPartial == true { writer.literal("true") }
    case .start: startText.write(nanoseconds: record.pointee.cold.firstSeen, to: &writer)
    case .end: endText.write(nanoseconds: record.pointee.hot.lastSeen, to: &writer)
    case .startNanosecond:
      writer.decimal(UInt64(TimestampText.split(record.pointee.cold.firstSeen).nanosecond))
    case .endNanosecond:
      writer.decimal(UInt64(TimestampText.split(record.pointee.hot.lastSeen).nanosecond))
    case .age: writer.decimal(view.ageSeconds)
    case .state: writer.word(FlowWords.state(record.pointee.hot.state))
    case .reason:
      if !view.isUpdate { writer.word(FlowWords.reason(record.pointee.endReason)) }
    case .endReason: writer.word(FlowWords.endReason(record.pointee.endReason))
    case .roundTrip: if let time = view.roundTripNanoseconds { writer.decimal(time) }
    case .appProto: if let name = FlowView.appName(view.app.proto) { writer.word(name) }
    case .appProtoToServer:
      if let name = view.differingAppName(view.app.toServer) { writer.word(name) }
    case .appProtoToClient:
      if let name = view.differingAppName(view.app.toClient) { writer.word(name) }
    case .appProtoExpected:
      if let name = view.differingAppName(view.app.expected) { writer.word(name) }
    case .appProtoOriginal:
      if let name = view.differingAppName(view.app.original) { writer.word(name) }
    case .transactions: if view.app.proto != 0 { writer.decimal(view.app.transactions) }
    case .fragmented: if view.isFragmented { writer.literal("true") }
    case .communityID:
      CommunityID.write(record.pointee.hot.key, seed: context.communityIDSeed, to: &writer)
    case .connectionState: writer.word(view.connectionState.text)
    case .history: writer.history(record.pointee.cold)
    case .worker: if context.includesSequence { writer.decimal(record.pointee.worker) }
    case .sequence: if context.includesSequence { writer.decimal(record.pointee.sequence) }
    default: writeValueOfSide(field, view, to: &writer)
    }
  }

  /// Fields that there are for each direction, and TCP's.
  private func writeValueOfSide(
    _ field: FlowField, _ view: FlowView, to writer: inout ByteWriter
  ) {
    let originator = view.originator
    let responder = view.responder
    let originatorSent = originator.packets > 0
    let responderSent = responder.packets > 0
    switch field {
    case .packetsToServer: writer.decimal(originator.packets)
    case .packetsToClient: writer.decimal(responder.packets)
    case .bytesToServer: writer.decimal(originator.bytes)
    case .bytesToClient: writer.decimal(responder.bytes)
    case .ipBytesToServer: writer.decimal(originator.ipBytes)
    case .ipBytesToClient: writer.decimal(responder.ipBytes)
    case .ttlToServer: if originatorSent { writer.decimal(originator.ttl) }
    case .ttlToClient: if responderSent { writer.decimal(responder.ttl) }
    case .dscpToServer: if originatorSent { writer.decimal(originator.trafficClass >> 2) }
    case .dscpToClient: if responderSent { writer.decimal(responder.trafficClass >> 2) }
    case .updateOrdinal: if view.isUpdate { writer.decimal(view.record.pointee.updateOrdinal) }
    case .packetsToServerDelta: if view.isUpdate { writer.decimal(originator.packetsDelta) }
    case .packetsToClientDelta: if view.isUpdate { writer.decimal(responder.packetsDelta) }
    case .bytesToServerDelta: if view.isUpdate { writer.decimal(originator.bytesDelta) }
    case .bytesToClientDelta: if view.isUpdate { writer.decimal(responder.bytesDelta) }
    case .ipBytesToServerDelta: if view.isUpdate { writer.decimal(originator.ipBytesDelta) }
    case .ipBytesToClientDelta: if view.isUpdate { writer.decimal(responder.ipBytesDelta) }
    case .destinationMAC: if view.hasMACs { writer.mac(responder.mac) }
    case .sourceMAC: if view.hasMACs { writer.mac(originator.mac) }
    case .tcpFlags: if view.isTCP { writer.hexByte(view.tcpFlags) }
    case .tcpFlagsToServer: if view.isTCP { writer.hexByte(originator.tcpFlags) }
    case .tcpFlagsToClient: if view.isTCP { writer.hexByte(responder.tcpFlags) }
    case .tcpState: if view.isTCP { writer.word(view.tcpState.text) }
    case .windowToServer:
      if view.isTCP && originatorSent { writer.decimal(originator.tcpWindow) }
    case .windowToClient: if view.isTCP && responderSent { writer.decimal(responder.tcpWindow) }
    case .payloadBytesToServer: if view.hasPayload { writer.decimal(originator.payloadBytes) }
    case .payloadBytesToClient: if view.hasPayload { writer.decimal(responder.payloadBytes) }
    default:
      if let count = view.trouble(field), count > 0 { writer.decimal(count) }
    }
  }
}

extension FlowView {
  /// One of the counts of what went wrong with TCP; nil for any other field or protocol.
  func trouble(_ field: FlowField) -> UInt64? {
    record.pointee.isTCP ? Self.trouble(field, originator.trouble, responder.trouble) : nil
  }

  static func trouble(_ field: FlowField, _ ts: FlowTrouble, _ tc: FlowTrouble) -> UInt64? {
    switch field {
    case .retransmissionsToServer: UInt64(ts.retransmissions)
    case .retransmissionsToClient: UInt64(tc.retransmissions)
    case .outOfOrderToServer: UInt64(ts.outOfOrder)
    case .outOfOrderToClient: UInt64(tc.outOfOrder)
    case .gapsToServer: UInt64(ts.gaps)
    case .gapsToClient: UInt64(tc.gaps)
    case .missedBytesToServer: ts.missedBytes
    case .missedBytesToClient: tc.missedBytes
    case .zeroWindowsToServer: UInt64(ts.zeroWindows)
    case .zeroWindowsToClient: UInt64(tc.zeroWindows)
    case .keepAlivesToServer: UInt64(ts.keepAlives)
    case .keepAlivesToClient: UInt64(tc.keepAlives)
    default: nil
    }
  }
}

extension ByteWriter {
  /// Writes a value of at most 99 bytes as a RESP bulk string; its length is known only afterwards.
  @inline(__always)
  mutating func bulk(_ value: (inout ByteWriter) -> Void) {
    // `$nn\r\n` goes in front; where one digit is enough the value moves up by one.
    let head = cursor
    cursor = head + 5
    value(&self)
    let length = cursor - (head + 5)
    head[0] = UInt8(ascii: "$")
    if length < 10 {
      head[1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: length)
      head[2] = UInt8(ascii: "\r")
      head[3] = UInt8(ascii: "\n")
      // Nine bytes at the most; what is moved beyond the value is written over next.
      UnsafeMutableRawPointer(head + 4).storeBytes(
        of: UnsafeRawPointer(head + 5).loadUnaligned(as: SIMD16<UInt8>.self),
        as: SIMD16<UInt8>.self)
      cursor -= 1
    } else {
      var digits = ByteWriter(head + 1)
      digits.twoDigits(length)
      head[3] = UInt8(ascii: "\r")
      head[4] = UInt8(ascii: "\n")
    }
    literal("\r\n")
  }
}
