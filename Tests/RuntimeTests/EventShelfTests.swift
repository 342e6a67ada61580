import Glibc
import Testing

@testable import Runtime

/// Records that wait for their flow's end come back in order, from memory and from the file.
struct EventShelfTests {
  private func message(_ flow: Int, _ number: Int) -> [UInt8] {
    Array("flow \(flow), record \(number)".utf8)
      + [UInt8](repeating: UInt8(number & 255), count: (flow * 37 + number * 1013) % 9000)
  }

  private func name(_ flow: Int) -> EventShelf.FlowName {
    EventShelf.FlowName(firstSeen: Int64(flow / 3), ordinal: UInt64(flow))
  }

  private func put(_ shelf: inout EventShelf, _ flow: Int, _ number: Int) {
    message(flow, number).withUnsafeBytes { shelf.put($0, of: name(flow)) }
  }

  private func taken(_ shelf: inout EventShelf, _ flow: Int) -> [[UInt8]] {
    var all: [[UInt8]] = []
    shelf.take(name(flow), isWanted: true) { all.append(Array($0)) }
    return all
  }

  @Test(arguments: [0, 10_000, 200_000, 16 << 20])
  func eachFlowGetsItsOwnInOrder(memoryLimit: Int) {
    var shelf = EventShelf(memoryLimit: memoryLimit)
    for number in 0..<50 {
      for flow in 0..<20 { put(&shelf, flow, number) }
      #expect(shelf.bytesInMemory <= memoryLimit)
    }
    #expect((shelf.fileBytes > 0) == (memoryLimit < 16 << 20))
    for flow in (0..<20).reversed() {
      if flow % 4 == 0 {
        shelf.take(name(flow), isWanted: false) { _ in Issue.record("not wanted") }
      } else {
        #expect(taken(&shelf, flow) == (0..<50).map { message(flow, $0) })
      }
      #expect(taken(&shelf, flow).isEmpty)
    }
    #expect(shelf.isEmpty && shelf.errorCode == 0)
  }

  /// Flows come and go, some wait all the time: the file is no longer than what waited at a time.
  @Test func pagesAreUsedAgain() {
    var shelf = EventShelf(memoryLimit: 0)
    put(&shelf, 0, 0)
    for flow in 1...500 {
      for number in 0..<4 { put(&shelf, flow, number) }
      if flow > 3 { #expect(taken(&shelf, flow - 3) == (0..<4).map { message(flow - 3, $0) }) }
    }
    #expect(shelf.fileBytes <= 5 * (4 * 9100 + 2 * EventShelf.pageBytes))
    #expect(taken(&shelf, 0) == [message(0, 0)])
  }

  @Test func whereThereIsNoFileItSaysSo() {
    var shelf = EventShelf(memoryLimit: 1000, folder: "/nonexistent/folder")
    for number in 0..<5 { put(&shelf, 7, number) }
    #expect(shelf.errorCode == ENOENT)
  }
}
