import Testing

@testable import Dissection

struct StateLayoutTests {
  @Test func printsLieWhereTheStateSaysTheyDo() {
    #expect(MemoryLayout<SegmentPrint>.size == 12)
    #expect(MemoryLayout<FlowState>.offset(of: \.printsA) == FlowState.printsOffset)
    #expect(
      MemoryLayout<FlowState>.offset(of: \.printsB)
        == FlowState.printsOffset + MemoryLayout<SegmentPrints>.stride)
    #expect(MemoryLayout<FlowState>.size == FlowState.ownOffset)
  }

  @Test func directionsOfHTTPLieWhereTheStateSaysTheyDo() {
    #expect(MemoryLayout<HTTPSide>.size == MemoryLayout<HTTPSide>.stride)
    #expect(MemoryLayout<HTTPState>.size <= FlowState.ownBytes)
  }
}
