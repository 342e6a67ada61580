// What must hold of every record, and what one says.

import FlowEngine

enum FuzzRecord {
  private static let letters = Set("SsHhAaDdFfRrCcIiTtWwGgQq^".utf8)

  static func history(_ record: FlowRecord) -> [UInt8] {
    var text = record.cold.historyText
    return withUnsafeBytes(of: &text) { Array($0.prefix(Int(record.cold.historyLength))) }
  }

  static func hold(_ record: FlowRecord) {
    precondition((1...3).contains(record.kind), "a kind of record")
    guard record.parts & FlowRecord.Parts.flow != 0 else {
      precondition(record.kind == FlowRecordKind.anomaly, "flows have flows")
      return
    }
    if record.kind == FlowRecordKind.anomaly {
      precondition(Counter(rawValue: Int(record.event))?.violation != nil, "a violation's name")
    }
    precondition(record.cold.historyLength <= 16, "no more letters than there is room for")
    precondition(history(record).allSatisfy(letters.contains), "only letters that Zeek has")
    precondition(record.hot.state <= FlowState.closed, "a state that there is")
    precondition(record.cold.firstSeen <= record.hot.lastSeen, "the first packet is the first")
    let isTCP = record.hot.key.proto == 6
    for (side, end) in [(record.hot.sideA, record.endpointA), (record.hot.sideB, record.endpointB)]
    {
      // Not of anomalies: they are noted before or while their packet is counted.
      guard record.kind == FlowRecordKind.flow else { continue }
      let trouble = end.trouble
      precondition(
        [
          trouble.retransmissions, trouble.outOfOrder, trouble.zeroWindows, trouble.keepAlives,
        ].allSatisfy { UInt64($0) <= side.packets }, "no more trouble than packets")
      precondition(
        UInt64(trouble.retransmissions) + UInt64(trouble.outOfOrder) + UInt64(trouble.keepAlives)
          <= side.packets, "a segment is one of them")
      precondition(UInt64(trouble.gaps) <= trouble.missedBytes, "a gap has a byte")
      precondition(isTCP || trouble.missedBytes == 0, "gaps are TCP's")
      precondition(isTCP || end.payloadBytes <= end.ipBytes, "payload is part of the packet")
      precondition(end.ipBytes <= end.bytes, "IP is part of the frame")
    }
    if !isTCP { precondition(record.hot.tcpFlagsA | record.hot.tcpFlagsB == 0, "flags are TCP's") }
    if record.parts & FlowRecord.Parts.tunnel != 0 {
      precondition(TunnelKind(rawValue: record.tunnel.kind) != nil, "a tunnel of a kind")
      precondition(record.tunnel.depth > 0, "a tunnel is around the flow")
    }
  }

  /// All that the record says, without what only the table's insides depend on.
  static func text(_ record: FlowRecord) -> String {
    var hot = record.hot
    var cold = record.cold
    (hot.timerNext, hot.timerPrevious) = (0, 0)
    (cold.detail, cold.tunnel) = (0, 0)
    // Of datagrams it says nothing: which of the engine's ways a datagram took is all that it hangs on.
    if hot.key.proto != 6 { (hot.sideA.window, hot.sideB.window) = (0, 0) }
    var (around, troubleA, troubleB) = (record.tunnel, record.troubleA, record.troubleB)
    let tunnel = record.parts & FlowRecord.Parts.tunnel != 0 ? hex(&around) : ""
    let trouble =
      record.parts & FlowRecord.Parts.trouble != 0 ? "\(hex(&troubleA)) \(hex(&troubleB))" : ""
    return
      "\(record.kind) \(record.event) \(record.eventSide) \(record.endReason) \(record.parts)"
      + " \(record.kind == FlowRecordKind.anomaly ? record.packetOrdinal : 0)"
      + " \(record.exportTime) \(hex(&hot)) \(hex(&cold)) \(tunnel) \(trouble)"
  }

  private static func hex<Value: BitwiseCopyable>(_ value: inout Value) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return withUnsafeBytes(of: &value) { bytes in
      String(
        decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
  }
}
