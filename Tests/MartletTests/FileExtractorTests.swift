import Dissection
import FlowEngine
import Foundation
import Records
import Testing

@testable import martlet

/// `--extract-files` and what it may cost, message by message.
struct FileExtractorTests {
  private let folder: Folder
  private let context: RecordContext

  init() throws {
    folder = try Folder()
    var context = RecordContext(
      sensorName: "s", startEpochNanoseconds: 0, portNames: [], includesSequence: false)
    context.events = Dissection.schema
    self.context = context
  }

  private func extractor(
    isChoosy: Bool, _ limits: FileExtractor.Limits
  ) throws -> FileExtractor {
    try FileExtractor(folder.path, context: context, isChoosy: isChoosy, limits: limits)
  }

  private func send(
    _ extractor: FileExtractor, _ kind: PayloadHead.Kind, flow: UInt64, number: UInt64 = 0,
    _ bytes: [UInt8] = []
  ) {
    var head = SampleFlows.zeroed(PayloadHeadImage.self)
    head.flow = flow
    head.kind = kind
    head.number = number
    withUnsafeBytes(of: head) { head in
      bytes.withUnsafeBytes { extractor.take(head.loadUnaligned(as: PayloadHead.self), $0) }
    }
  }

  /// ``PayloadHead`` from outside.
  private struct PayloadHeadImage: BitwiseCopyable {
    var flow: UInt64
    var time: Int64
    var sequence: UInt32
    var start: UInt32
    var length: UInt32
    var kind: PayloadHead.Kind
    var side: UInt8
    var flags: UInt8
    var reserved: UInt8
    var number: UInt64
  }

  private func body(_ extractor: FileExtractor, flow: UInt64, _ bytes: [UInt8]) {
    send(extractor, .fileBegins, flow: flow)
    send(extractor, .fileBytes, flow: flow, bytes)
    end(extractor, flow: flow)
  }

  private func end(_ extractor: FileExtractor, flow: UInt64) {
    var event = EventHead(key: SampleFlows.few()[0].hot.key)
    event.type = EventType.fileinfo.place
    send(extractor, .fileEnds, flow: flow, withUnsafeBytes(of: event) { Array($0) })
  }

  private func endFlow(_ extractor: FileExtractor, _ ordinal: UInt64, isWanted: Bool) {
    var record = SampleFlows.few()[0]
    record.cold.ordinal = ordinal
    withUnsafePointer(to: record) { extractor.end($0, isWanted: isWanted) }
  }

  /// A member of each line's `extracted`.
  private func members(_ name: String) throws -> [Int] {
    try String(contentsOfFile: "\(folder.path)/index.json", encoding: .utf8)
      .split(separator: "\n").map { line in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let value = (object?["extracted"] as? [String: Any])?[name]
        return (value as? Int) ?? (value as? Bool).map { $0 ? 1 : 0 } ?? -1
      }
  }

  @Test func bodiesThatWaitAreBounded() throws {
    var limits = FileExtractor.Limits()
    limits.waiting = WaitingBodies.Limits(bodies: 10, bodiesPerFlow: 4)
    let extractor = try extractor(isChoosy: true, limits)
    for number in 0..<20 {
      for flow in 1...3 as ClosedRange<UInt64> {
        body(extractor, flow: flow, [UInt8](repeating: UInt8(flow), count: 100 + number))
      }
    }
    #expect(extractor.waitingCounts == (10, 50))
    #expect(try folder.names(".unfinished").count == 50)
    for flow in 1...3 as ClosedRange<UInt64> { endFlow(extractor, flow, isWanted: flow != 2) }
    #expect(extractor.waitingCounts == (0, 0))
    #expect(try folder.names(".unfinished") == [])
    // As if the run had ended before this one's flow.
    for _ in 0..<20 { body(extractor, flow: 4, [4]) }
    extractor.finish()
    #expect(extractor.error == nil)
    #expect(try members("bytes") == Array(100..<120) + Array(100..<120))
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".incomplete") }
    #expect(files.count == 40)
    #expect(!(try folder.names().contains(".unfinished")))
    for file in files {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(file)"))
      #expect(bytes.first == 1 || bytes.first == 3)
      #expect((100..<120).contains(bytes.count) && Set(bytes).count == 1)
    }
  }

  /// Many files with a hole each cost no more than a few.
  @Test func zerosAreBounded() throws {
    let limits = FileExtractor.Limits(zeros: 1000, zerosInAll: 3500)
    let extractor = try extractor(isChoosy: false, limits)
    for flow in 0..<6 as Range<UInt64> {
      send(extractor, .fileBytes, flow: flow, [1, UInt8(flow)])
      send(extractor, .fileGap, flow: flow, number: flow == 0 ? 1001 : 1000)
      send(extractor, .fileBytes, flow: flow, [3])
      end(extractor, flow: flow)
    }
    // One that has sent more than it left out.
    send(extractor, .fileBytes, flow: 6, [UInt8](repeating: 6, count: 10_000))
    send(extractor, .fileGap, flow: 6, number: 5000)
    send(extractor, .fileGap, flow: 6, number: .max)
    end(extractor, flow: 6)
    extractor.finish()
    #expect(try members("bytes") == [2, 1003, 1003, 1003, 2, 2, 15_000])
    #expect(try members("cut") == [1, 0, 0, 0, 1, 1, 1])
    #expect(extractor.cut == 4)
  }
}
