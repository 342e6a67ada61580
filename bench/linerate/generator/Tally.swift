import Foundation

/// What the records say, flow by flow, to be held against what was sent.
struct Tally {
  private struct Flow {
    var records: UInt32 = 0
    var toServer: UInt64 = 0
    var toClient: UInt64 = 0
    var payloadToServer: UInt64 = 0
    var payloadToClient: UInt64 = 0
  }

  struct Result: Codable {
    var flowsSent = 0
    var packetsSent: UInt64 = 0
    var records = 0
    var packetsInRecords: UInt64 = 0
    /// Flows without a record, and with more than one.
    var flowsMissing = 0
    var flowsTwice = 0
    /// Records of no flow that was sent.
    var foreign = 0
    var firstForeign: String?
    /// Flows whose packets in one direction are not those that were sent.
    var flowsWithWrongPackets = 0
    /// TCP flows whose payload is not what was sent.
    var flowsWithWrongPayload = 0
    /// Records that report retransmissions, gaps or segments out of order.
    var recordsWithTrouble = 0
    /// Sequence numbers of records, of all workers, that never came.
    var sequenceNumbersMissing: Int64 = 0
    /// From a flow's deadline to its record, where a timeout ended it.
    var timedOut = 0
    var latestSeconds = 0.0
    var lateByMoreThanASecond = 0
    var isComplete = false
  }

  private var flows: [Flow] = []
  private var result = Result()
  private var highest: [UInt64: UInt64] = [:]
  let plan: FlowPlan
  let closedMicroseconds: Int64
  let idleMicroseconds: Int64

  init(plan: FlowPlan, closedSeconds: Double, idleSeconds: Double) {
    self.plan = plan
    closedMicroseconds = Int64(closedSeconds * 1e6)
    idleMicroseconds = Int64(idleSeconds * 1e6)
  }

  mutating func take(_ record: UnsafeRawBufferPointer) {
    result.records += 1
    guard let scan = RecordScan(record, plan: plan), scan.isOurs else {
      result.foreign += 1
      if result.firstForeign == nil {
        result.firstForeign = String(decoding: record, as: UTF8.self)
      }
      return
    }
    let index = Int(scan.flow)
    if index >= flows.count {
      flows.append(
        contentsOf: repeatElement(Flow(), count: max(index + 1, flows.count * 2) - flows.count))
    }
    flows[index].records += 1
    flows[index].toServer += scan.toServer
    flows[index].toClient += scan.toClient
    flows[index].payloadToServer += scan.payloadToServer
    flows[index].payloadToClient += scan.payloadToClient
    result.packetsInRecords += scan.toServer + scan.toClient
    if scan.hasTrouble { result.recordsWithTrouble += 1 }
    highest[scan.worker] = max(highest[scan.worker] ?? 0, scan.sequence)
    if let passed = scan.lateMicroseconds {
      let late = passed - (scan.isTCP ? closedMicroseconds : idleMicroseconds)
      result.timedOut += 1
      result.latestSeconds = max(result.latestSeconds, Double(late) / 1e6)
      if late > 1_000_000 { result.lateByMoreThanASecond += 1 }
    }
  }

  /// `payload` gives what a TCP flow has carried after so many packets.
  func compared(
    with sent: SentReport, payload: (_ flow: UInt32, _ packets: UInt32) -> (UInt64, UInt64)
  ) -> Result {
    var result = result
    result.flowsSent = sent.counts.count
    for (index, count) in sent.counts.enumerated() {
      result.packetsSent += UInt64(count)
      guard index < flows.count, flows[index].records > 0 else {
        result.flowsMissing += 1
        continue
      }
      let flow = flows[index]
      if flow.records > 1 { result.flowsTwice += 1 }
      if flow.toServer != UInt64(count + 1) / 2 || flow.toClient != UInt64(count / 2) {
        result.flowsWithWrongPackets += 1
      }
      if plan.isTCP(FlowPlan.bits(UInt32(index))) {
        let (toServer, toClient) = payload(UInt32(index), count)
        if flow.payloadToServer != toServer || flow.payloadToClient != toClient {
          result.flowsWithWrongPayload += 1
        }
      }
    }
    for flow in flows.dropFirst(sent.counts.count) { result.foreign += Int(flow.records) }
    let numbers = highest.values.reduce(0) { $0 + $1 + 1 }
    result.sequenceNumbersMissing = Int64(numbers) - Int64(result.records)
    result.isComplete =
      result.flowsMissing == 0 && result.flowsTwice == 0 && result.foreign == 0
      && result.flowsWithWrongPackets == 0 && result.flowsWithWrongPayload == 0
      && result.recordsWithTrouble == 0 && result.sequenceNumbersMissing == 0
      && result.packetsInRecords == result.packetsSent
    return result
  }
}
