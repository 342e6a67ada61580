/// A message that is ready but for what is known only when it is sent: time and sequence number.
struct ExportMessage {
  var bytes: [UInt8]
  /// Data records, of flows and of options: what IPFIX's sequence numbers count.
  var dataRecords = 0
  /// Data records of flows.
  var flowRecords = 0
  /// Templates, of options too.
  var templates = 0

  /// Puts export time, sequence number and, for NetFlow v9, the uptime into the header.
  mutating func stamp(
    _ exportProtocol: FlowExportProtocol, sequence: UInt32, clock: ExportClock,
    nowNanoseconds: Int64
  ) {
    var seconds = nowNanoseconds / 1_000_000_000
    if exportProtocol == .netflow9 {
      seconds = ExportClock.headerSeconds(nowNanoseconds: nowNanoseconds)
      bytes.put(network: clock.uptime(headerSeconds: seconds), at: 4)
    }
    // 32 bits: until 2106.
    bytes.put(
      network: UInt32(truncatingIfNeeded: seconds), at: exportProtocol.exportTimeOffset)
    bytes.put(network: sequence, at: exportProtocol.sequenceOffset)
  }
}
