import Testing

@testable import Forwarding

@Suite struct BulkAnswerTests {
  private func outcomes(
    _ text: String, _ identifiers: [String]
  ) throws -> (outcomes: [DeliveryOutcome], duplicates: Int) {
    var duplicates = 0
    let outcomes = try BulkAnswer.outcomes(
      Array(text.utf8), identifiers: identifiers, duplicates: &duplicates)
    return (outcomes, duplicates)
  }

  @Test(arguments: [
    // As filter_path leaves it, and as a server writes it that knows no filter_path.
    #"{"errors":false,"items":[{"create":{"_id":"a","status":201}},{"create":{"_id":"b","status":201}}]}"#,
    #"""
    {"took":30,"errors":false,"items":[
    {"create":{"_index":"i","_id":"a","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"status":201,"_seq_no":0,"_primary_term":1}},
    {"create":{"_index":"i","_id":"b","_version":1,"result":"created","status":201}}]}
    """#,
  ])
  func whatWasCreatedIsDelivered(_ text: String) throws {
    #expect(try outcomes(text, ["a", "b"]).outcomes == [.delivered, .delivered])
    for other in [["a"], ["b", "a"], ["a", "b", "c"], ["a", "bb"], []] {
      #expect(throws: TargetFault.self) { try outcomes(text, other) }
    }
  }

  @Test func aConflictIsADuplicateAndOtherErrorsSayWhy() throws {
    let text = #"""
      {"errors":true,"items":[
      {"create":{"_id":"a","status":409,"error":{"type":"version_conflict_engine_exception","reason":"x"}}},
      {"create":{"_id":"b","status":400,"error":{"type":"mapper_parsing_exception","reason":"failed","caused_by":{"type":"t","reason":"why"}}}},
      {"create":{"_id":"c","status":409,"error":{"type":"other","reason":"x"}}}]}
      """#
    let result = try outcomes(text, ["a", "b", "c"])
    #expect(
      result.outcomes == [
        .delivered, .refused("status 400, mapper_parsing_exception: failed: why"),
        .again("status 409, other: x"),
      ])
    #expect(result.duplicates == 1)
  }
}
