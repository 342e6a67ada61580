import FlowEngine
import Foundation
import Testing

@testable import Records

/// What filter rules call a flow, in every form that a record has.
@Suite struct TagTests {
  private func tagged(_ marks: FlowMarks) throws -> (FlowRecord, RecordContext) {
    var record = try #require(sampleFlows().first { $0.name == "web" }).record
    record.cold.marks = marks
    var context = context
    context.tags = TagNames(["web", "lab-7", "x"])
    return (record, context)
  }

  @Test func everyFormHasThem() throws {
    var marks = FlowMarks.tag(0)
    marks.add(.tag(2))
    let (record, context) = try tagged(marks)
    let eve = try object(encode(record, .eve, context: context).bytes)
    #expect(eve["tags"] as? [String] == ["web", "x"])
    let fields = try pairs(encode(record, .fields, context: context).bytes)
    #expect(fields.first { $0.name == "tags" }?.value == "web,x")
    let encoder = CSVFlowEncoder(context: context)
    let header = String(decoding: encoder.header(), as: UTF8.self).split(separator: ",")
    #expect(header.contains("tags"))
    var lines = CSVFlowEncoder(context: context)
    var bytes: [UInt8] = []
    withUnsafePointer(to: record) { lines.encode($0, into: &bytes) }
    #expect(String(decoding: bytes, as: UTF8.self).contains(",\"web,x\","))
  }

  @Test func whoHasNoneSaysNothing() throws {
    let (record, context) = try tagged(.none)
    #expect(try object(encode(record, .eve, context: context).bytes)["tags"] == nil)
  }

  /// Twelve of the longest fit into every form.
  @Test func theLongestFit() throws {
    let names = (0..<FlowMarks.tagCount).map { index in
      String(repeating: "n", count: TagNames.maximumLength - 2) + (index < 10 ? "0" : "")
        + "\(index)"
    }
    var context = context
    context.tags = TagNames(names)
    var record = extremeFlow()
    record.parts = FlowRecord.Parts.flow | FlowRecord.Parts.key
    let eve = try object(encode(record, .eve, context: context).bytes)
    #expect(eve["tags"] as? [String] == names)
    _ = try pairs(encode(record, .fields, context: context).bytes)
  }

  @Test func expressionsKnowThem() throws {
    let (record, context) = try tagged(.tag(1))
    func matches(_ text: String) throws -> Bool {
      let expression = try RecordExpression(parsing: text, context: context)
      return withUnsafePointer(to: record) { expression.matches($0) }
    }
    #expect(try matches("tags == lab-7"))
    #expect(try matches("tags ~ \"lab-*\" and tags"))
    #expect(try !matches("tags == web"))
    let (untagged, _) = try tagged(.none)
    let expression = try RecordExpression(parsing: "not tags", context: context)
    #expect(withUnsafePointer(to: untagged) { expression.matches($0) })
  }

  @Test func aNameKeepsItsBit() {
    let names = TagNames()
    #expect((0..<12).map { names.bit("t\($0)") } == Array(0..<12))
    #expect(names.bit("t3") == 3)
    #expect(names.bit("one-more") == nil)
    #expect(!TagNames.isName("") && !TagNames.isName("a,b") && TagNames.isName("a.b_C-9"))
  }
}
