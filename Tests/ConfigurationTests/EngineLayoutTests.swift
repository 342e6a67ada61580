import Testing

@testable import Configuration
@testable import FlowEngine

/// The budget's figures are the engine's own.
@Suite("Memory budget and engine")
struct EngineLayoutTests {
  @Test("sizes of what the engine keeps")
  func sizes() {
    #expect(
      MemoryBudget.flowBytes
        == MemoryLayout<FlowHot>.stride + MemoryLayout<FlowCold>.stride
        + MemoryLayout<FlowApp>.stride)
    #expect(MemoryBudget.bucketBytes == FlowTable.Bucket.byteCount)
    #expect(MemoryBudget.perFlowSideBytes == 4 + MemoryLayout<FlowScan.Seen>.stride)
    #expect(MemoryBudget.scanRingBytes == ScanPage.byteCount)
    #expect(MemoryBudget.perDetailBytes == MemoryLayout<FlowDetail>.stride + 4)
    #expect(MemoryBudget.tunnelBytes == MemoryLayout<TunnelTable.Entry>.stride + 4)
    #expect(MemoryBudget.recordBytes == MemoryLayout<FlowRecord>.stride)
    #expect(MemoryBudget.parsedPacketBytes == MemoryLayout<ParsedPacket>.stride)
    #expect(MemoryBudget.ringHeadBytes == Ring<FlowRecord>.byteCount(capacity: 0))
    #expect(MemoryBudget.datagramBytes == 4 + MemoryLayout<FragmentCache.Datagram>.stride)
    #expect(
      MemoryBudget.filterBytes
        == FilterReport.byteCount + TraceLog.byteCount + FlowWorker.burst * (64 + 512))
    #expect(MemoryBudget.heldFragmentBytes == MemoryLayout<FragmentCache.Held>.stride)
  }

  @Test("buckets", arguments: [64, 1000, 4096, 65_536, 262_144, 1_000_000, 1 << 30])
  func buckets(_ capacity: Int) {
    #expect(MemoryBudget.bucketCount(capacity) == FlowTable.bucketCount(capacity: capacity))
  }
}
