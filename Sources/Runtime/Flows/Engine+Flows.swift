package import ControlAPI
import FlowEngine
import Foundation
import Records

// The control plane's questions about live flows. Each is answered from one scan of all workers.

extension Engine {
  package func topFlows(_ parameters: FlowsTopParameters) throws -> FlowsTop {
    let condition = try expression(parameters.where)
    var answer = FlowsTop()
    if parameters.key == .flow {
      let query = FlowListQuery(
        order: parameters.by, limit: parameters.count, where: condition)
      answer.isPartial = run(query, byRate: parameters.by.isRate)
      answer.matched = query.matched
      answer.intervalSeconds = query.interval
      answer.flows = query.flows(recordContext)
    } else {
      let query = FlowGroupQuery(parameters.key, where: condition)
      answer.isPartial = run(query, byRate: parameters.by.isRate) || query.isFull
      answer.matched = query.matched
      answer.intervalSeconds = query.interval
      answer.groups = query.foremost(parameters.count, by: parameters.by)
    }
    answer.timestamp = ControlTime.text(nanoseconds: EngineClock.systemNanoseconds)
    answer.flowsLive = liveFlows
    return answer
  }

  package func listFlows(_ parameters: FlowsListParameters) throws -> FlowsList {
    let query = FlowListQuery(
      order: parameters.order, ascending: parameters.ascending, limit: parameters.limit,
      where: try expression(parameters.where))
    var answer = FlowsList()
    answer.isPartial = run(query, byRate: parameters.order.isRate)
    answer.matched = query.matched
    answer.intervalSeconds = query.interval
    answer.flows = query.flows(recordContext)
    answer.timestamp = ControlTime.text(nanoseconds: EngineClock.systemNanoseconds)
    answer.flowsLive = liveFlows
    return answer
  }

  /// Flows that share a Community ID and are all shown: one a VLAN and a tunnel.
  private static let getLimit = 1_000

  package func getFlows(_ parameters: FlowsGetParameters) throws -> FlowsGetAnswer {
    let choice = try choice(
      "flows.get", flowID: parameters.flowId, communityID: parameters.communityId)
    // What a live flow has not got: a number in its worker's sequence.
    var context = recordContext
    context.includesSequence = false
    let query = FlowPickQuery(choice, context, limit: Self.getLimit, ends: false)
    var answer = FlowsGetAnswer()
    answer.isPartial = run(query) || query.matched > UInt64(Self.getLimit)
    var encoder = RecordEncoder(context: context, format: .eve)
    var batch = RecordBatch(format: .eve)
    for record in query.records {
      withUnsafePointer(to: record) { encoder.encode($0, into: &batch) }
    }
    answer.records = try batch.entries.map { entry in
      try JSONParser.parse(batch.bytes[entry.offset..<entry.offset + entry.length])
    }
    answer.timestamp = ControlTime.text(nanoseconds: EngineClock.systemNanoseconds)
    return answer
  }

  package func killFlows(_ parameters: FlowsKillParameters) throws -> FlowsKilled {
    let limit = parameters.limit ?? FlowsKillParameters.defaultLimit
    try ParameterCheck.range(limit, FlowsKillParameters.limitRange, "limit")
    let choice = try choice(
      "flows.kill", flowID: parameters.flowId, communityID: parameters.communityId,
      expression: parameters.where, takesExpression: true)
    guard flowScanner.isOpen else {
      throw RPCError(.wrongState, "flows can be ended while the engine runs; it does not now")
    }
    let query = FlowPickQuery(choice, recordContext, limit: limit, ends: true)
    var answer = FlowsKilled()
    answer.isPartial = run(query)
    answer.matched = query.matched
    answer.killed = query.killed
    return answer
  }

  // MARK: Parts

  private var liveFlows: UInt64 { snapshots().reduce(0) { $0 + $1[.flowsLive] } }

  /// Returns whether flows are missing: nothing answers for workers that do not run.
  private func run(_ query: any FlowQuery, byRate: Bool = false) -> Bool {
    guard flowScanner.isOpen else { return true }
    return (byRate ? flowScanner.runWithRates(query) : flowScanner.run(query)).isPartial
  }

  private func expression(_ text: String?) throws(RPCError) -> RecordExpression? {
    guard let text else { return nil }
    do {
      return try RecordExpression(parsing: text, context: recordContext)
    } catch {
      throw RPCError(
        .invalidParams, "where: \(error)",
        data: ["parameter": "where", "column": .number("\(error.column)")])
    }
  }

  private func choice(
    _ method: String, flowID: UInt64?, communityID: String?, expression text: String? = nil,
    takesExpression: Bool = false
  ) throws(RPCError) -> FlowChoice {
    let given = [flowID != nil, communityID != nil, text != nil].count { $0 }
    guard given == 1 else {
      let names = takesExpression ? "flowId, communityId and where" : "flowId and communityId"
      throw RPCError(
        .invalidParams,
        "\(method) takes one of \(names), and \(given == 0 ? "none" : "\(given)") was given")
    }
    if let flowID { return .flowID(flowID) }
    if let communityID {
      guard CommunityID.isWellFormed(communityID) else {
        throw RPCError(
          .invalidParams,
          "communityId is \"\(communityID)\", but must be 1: and 28 characters of base64",
          data: ["parameter": "communityId"])
      }
      return .communityID(Array(communityID.utf8))
    }
    // One is given, and it is neither of these.
    return .condition(try expression(text)!)
  }
}
