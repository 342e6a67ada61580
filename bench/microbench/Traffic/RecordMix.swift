import FlowEngine

/// Records as a worker leaves them, for those who write them down: TCP, UDP and ICMP, a fifth IPv6, no two
/// alike. An eighth is made a `flow_update`, a sixteenth is put into a VXLAN tunnel, a fourth has a VLAN.
final class RecordMix {
  private(set) var records: [FlowRecord] = []

  init(count: Int) {
    let worker = EngineWorker(BenchSettings(capacity: 16_384))
    let traffic = ShortFlows(atOnce: 512, packetsPerSecond: 20_000)
    worker.onRecord = { [unowned self] in records.append($0.pointee) }
    while records.count < count {
      _ = worker.measure(traffic, packets: worker.port.capacity)
    }
    worker.onRecord = nil
    records.removeLast(records.count - count)
    for index in records.indices { vary(&records[index], index) }
  }

  private func vary(_ record: inout FlowRecord, _ index: Int) {
    record.worker = UInt16(index & 3)
    if index & 3 == 1 { record.cold.vlanOuter = UInt16(100 + index & 255) }
    if index & 7 == 2 {
      record.kind = FlowRecordKind.flowUpdate
      record.endReason = FlowEndReason.activeTimeout
      record.cold.updates = UInt16(1 + index & 15)
    }
    guard index & 15 == 3 else { return }
    record.parts |= FlowRecord.Parts.tunnel
    record.tunnel = Tunnel(
      source: IPAddress(v4: 0x0a00_0001 + UInt32(index)), destination: IPAddress(v4: 0x0a01_0001),
      identifier: UInt32(5_000 + index), port: 4_789, kind: TunnelKind.vxlan.rawValue, depth: 1,
      isIPv6: false)
  }
}
