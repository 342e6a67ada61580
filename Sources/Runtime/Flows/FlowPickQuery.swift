import FlowEngine
import Records

/// Which flows are meant: one by its `flow_id`, those with a Community ID, or those that are as an
/// expression says.
enum FlowChoice: Sendable {
  case flowID(UInt64)
  case communityID([UInt8])
  case condition(RecordExpression)
}

/// The flows that are meant themselves: as records for `flows.get`, or to be ended for `flows.kill`.
final class FlowPickQuery: FlowQuery, @unchecked Sendable {
  private let choice: FlowChoice
  private let identity: FlowIdentity
  private let communityIDSeed: UInt16
  private let limit: Int
  private let ends: Bool
  private(set) var matched: UInt64 = 0
  private(set) var records: [FlowRecord] = []
  private(set) var kills: [Int: [ScanPage.Kill]] = [:]
  private(set) var killed: UInt64 = 0

  /// No more than `limit` are kept, or ended where `ends`.
  init(_ choice: FlowChoice, _ context: RecordContext, limit: Int, ends: Bool) {
    self.choice = choice
    identity = FlowIdentity(sensorName: context.sensorName)
    communityIDSeed = context.communityIDSeed
    self.limit = limit
    self.ends = ends
  }

  /// A flow_id is one flow's.
  var isSatisfied: Bool {
    if case .flowID = choice { return matched > 0 }
    return false
  }

  func take(_ flow: SeenFlow) {
    guard isMeant(flow.record) else { return }
    matched += 1
    guard matched <= limit else { return }
    if ends {
      kills[flow.worker, default: []].append(ScanPage.Kill(flow.flow))
    } else {
      records.append(flow.record.pointee)
    }
  }

  private func isMeant(_ record: UnsafePointer<FlowRecord>) -> Bool {
    switch choice {
    case .flowID(let id):
      identity.flowID(key: record.pointee.hot.key, cold: record.pointee.cold) == id
    case .communityID(let text):
      CommunityID.isText(text, of: record.pointee.hot.key, seed: communityIDSeed)
    case .condition(let condition): condition.matches(record)
    }
  }

  func noteKilled(_ count: UInt64) { killed += count }
}
