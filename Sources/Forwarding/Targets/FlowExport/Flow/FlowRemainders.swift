/// What of each flow has been exported, so that what follows brings only what is new.
///
/// A collector adds up what it gets. So a flow's updates and its end are exported with the
/// differences of their totals, and not with what the records say is new: then a record that comes
/// a
/// second time, or behind a later one of the same flow (`flow` and `flow_update` are two streams),
/// brings nothing twice.
///
/// Memory is bounded: two generations of half the flows each. What is looked up goes into the
/// younger
/// one; when that is full, the older one is forgotten.
struct FlowRemainders {
  struct Key: Hashable {
    var sensor: String
    var flow: UInt64
  }

  struct Exported: Equatable {
    var totals: FlowPair<FlowCounts>
    /// Nanoseconds since 1970: until when.
    var end: Int64
  }

  enum Remainder: Equatable {
    /// Nothing that has not been exported.
    case nothing
    /// New counts, and since when where an earlier record has said so. `isRemembered` is false
    /// where this is the first that is known of the flow.
    case new(FlowPair<FlowCounts>, since: Int64?, isRemembered: Bool)
  }

  private let generationSize: Int
  private var young: [Key: Exported] = [:]
  private var old: [Key: Exported] = [:]
  /// What stood before the changes since ``begin()``, in their order.
  private var undo: [(key: Key, before: Exported?)] = []

  init(flows: Int) { generationSize = max(1, flows / 2) }

  /// How many flows are remembered.
  var count: Int { young.count + old.count }

  /// From here on what is noted can be taken back.
  mutating func begin() { undo.removeAll(keepingCapacity: true) }

  /// Takes back what was noted since ``begin()``: it was not sent.
  mutating func rollBack() {
    for change in undo.reversed() {
      old[change.key] = nil
      young[change.key] = change.before
    }
    undo.removeAll(keepingCapacity: true)
  }

  /// What of a record is to be exported; it is noted as exported.
  mutating func take(_ flow: ExportedFlow, sensor: String) -> Remainder {
    let key = Key(sensor: sensor, flow: flow.id)
    let totals = flow.totals
    guard let before = young[key] ?? old[key] else {
      note(key, before: nil, Exported(totals: totals, end: flow.end))
      // What came before the first update that is seen here was exported by another instance, or by
      // this one before it was started again.
      if case .update(let new, let ordinal) = flow.kind, ordinal > 1 {
        return .new(new, since: nil, isRemembered: false)
      }
      return .new(totals, since: nil, isRemembered: false)
    }
    let new = FlowPair(
      totals.originator.less(before.totals.originator),
      totals.responder.less(before.totals.responder))
    note(
      key, before: before,
      Exported(
        totals: FlowPair(
          totals.originator.most(before.totals.originator),
          totals.responder.most(before.totals.responder)),
        end: max(flow.end, before.end)))
    if new.originator.packets == 0 && new.responder.packets == 0 { return .nothing }
    return .new(new, since: before.end, isRemembered: true)
  }

  private mutating func note(_ key: Key, before: Exported?, _ exported: Exported) {
    undo.append((key, before))
    if young[key] == nil && young.count >= generationSize {
      old = young
      young = [:]
    }
    young[key] = exported
  }
}
