internal import ControlAPI

/// The answer to a `_bulk` request: what became of each document, in the request's order.
enum BulkAnswer {
  /// Only what is read here: without this, the answer is as long as the request.
  static let filter =
    "errors,error,status,items.*._id,items.*.status,items.*.error.type,"
    + "items.*.error.reason,items.*.error.caused_by.reason"

  /// Reads the answer's items, which must be those of the request in number and order: else nothing
  /// is known of any record.
  ///
  /// - Parameter duplicates: counts the documents that were there already.
  static func outcomes(
    _ body: [UInt8], identifiers: [String], duplicates: inout Int
  ) throws(TargetFault) -> [DeliveryOutcome] {
    if allAreCreated(body, identifiers) {
      return Array(repeating: .delivered, count: identifiers.count)
    }
    let root: JSONValue
    do throws(JSONParseError) {
      root = try JSONParser.parse(body[...])
    } catch {
      throw TargetFault("the answer to _bulk is not JSON: \(error)")
    }
    guard case .array(let items)? = root["items"] else {
      throw TargetFault("the answer to _bulk has no items")
    }
    if items.count != identifiers.count {
      throw TargetFault(
        "the answer to _bulk has \(items.count) items, and \(identifiers.count) were sent")
    }
    var outcomes: [DeliveryOutcome] = []
    outcomes.reserveCapacity(items.count)
    for (item, identifier) in zip(items, identifiers) {
      guard let result = item["create"], case .number(let digits)? = result["status"],
        let status = Int(digits)
      else { throw TargetFault("an item in the answer to _bulk is not that of a create") }
      if result["_id"] != .string(identifier) {
        throw TargetFault(
          "the answer to _bulk is not in the request's order, or an ingest pipeline changes _id")
      }
      let outcome = outcome(status, result["error"])
      if status == 409 && outcome == .delivered { duplicates += 1 }
      outcomes.append(outcome)
    }
    return outcomes
  }

  /// True where the answer is, byte by byte, what both products write where all went well: mostly so,
  /// and ten times as quick as to read it.
  private static func allAreCreated(_ body: [UInt8], _ identifiers: [String]) -> Bool {
    var rest = body[...]
    func take(_ text: some Collection<UInt8>) -> Bool {
      guard rest.starts(with: text) else { return false }
      rest = rest.dropFirst(text.count)
      return true
    }
    guard take(#"{"errors":false,"items":["#.utf8) else { return false }
    for (place, identifier) in identifiers.enumerated() {
      if place > 0 && !take(",".utf8) { return false }
      guard take(#"{"create":{"_id":""#.utf8), take(identifier.utf8),
        take(#"","status":201}}"#.utf8)
      else { return false }
    }
    return take("]}".utf8) && rest.isEmpty
  }

  private static func outcome(_ status: Int, _ error: JSONValue?) -> DeliveryOutcome {
    let type = text(error?["type"]) ?? ""
    let cause = text(error?["caused_by"]?["reason"]).map { ": \($0)" } ?? ""
    let reason = "status \(status), \(type): \(text(error?["reason"]) ?? "")\(cause)"
    switch status {
    case 200..<300: return .delivered
    case 409: return type == "version_conflict_engine_exception" ? .delivered : .again(reason)
    case 400, 413:
      return isOfTheCluster(type, reason) ? .again(reason) : .refused(reason)
    // 404 is an index that may not be made by itself, 403 one that is read-only or not for this user.
    default: return .again(reason)
    }
  }

  /// True where 400 says nothing against the record: the index is closed, or no more shards may be
  /// made (`validation_exception`, "this cluster currently has [1000]/[1000] maximum … shards open").
  private static func isOfTheCluster(_ type: String, _ reason: String) -> Bool {
    switch type {
    case "index_closed_exception", "cluster_block_exception", "circuit_breaking_exception": true
    case "validation_exception", "illegal_argument_exception": reason.contains("shards open")
    default: false
    }
  }

  private static func text(_ value: JSONValue?) -> String? {
    guard case .string(let text)? = value else { return nil }
    return text.count > 500 ? "\(text.prefix(500))…" : text
  }
}
