import ControlAPI
import Filters
import FlowEngine
import Foundation
import Records
import Synchronization

/// The filter rules of a running engine, and the one who changes them.
///
/// A change makes a new set, puts it where the workers look, and waits until each has taken it up: from then
/// on what the old rules caught is final, and their memory can go. Packets wait for nothing.
final class FilterBook: @unchecked Sendable {
  static let maximumRules = 64

  /// A rule, compiled.
  private struct Compiled {
    var rule: ControlAPI.FilterRule
    var storage: PacketFilterStorage
    var instructions: Int
    var marks = FlowMarks.none
    var ports: UInt64
  }

  private struct Kept {
    var compiled: Compiled
    var slot: UInt8
    /// What the slot had counted before.
    var baseline: FilterReport.Counts
    var since: Int64
  }

  /// Rules that catch nothing for themselves, and stand in front of the others.
  private struct Probe {
    var storage: PacketFilterStorage
    var verdict: FilterVerdict
    var isInner: Bool
    var ports: UInt64
    var slot: UInt8
    var baseline: FilterReport.Counts
  }

  private struct State {
    var rules: [Kept] = []
    var probes: [Probe] = []
    var generation: UInt64 = 0
    /// The newest last; those before it as long as a worker may look at them.
    var storages: [(generation: UInt64, storage: FilterRuleStorage)] = []
    /// Slots that nobody uses, those longest unused first; of a sampling rule with the time from which on
    /// no fragment can count there any more.
    var free: [(slot: UInt8, from: Int64)] = []
    var traceSession: UInt64 = 0
  }

  private let memory: FilterMemory
  private let tags: TagNames
  private let portNames: [String]
  private let fragmentNanoseconds: Int64
  /// Whether workers take sets up: they do while they poll.
  private let isPolling: @Sendable () -> Bool
  private let ticksPerSecond: @Sendable () -> Double
  private let state = Mutex(State())

  init(
    memory: FilterMemory, tags: TagNames, portNames: [String], fragmentTimeoutSeconds: Double,
    isPolling: @escaping @Sendable () -> Bool, ticksPerSecond: @escaping @Sendable () -> Double
  ) {
    self.memory = memory
    self.tags = tags
    self.portNames = portNames
    fragmentNanoseconds = Int64((fragmentTimeoutSeconds + 1) * 1e9)
    self.isPolling = isPolling
    self.ticksPerSecond = ticksPerSecond
    state.withLock { state in
      state.free = (0..<FilterReport.slotCount).map { (UInt8($0), .min) }
    }
  }

  // MARK: The list

  func list() -> FilterList {
    state.withLock { state in
      var list = FilterList()
      list.generation = state.generation
      list.maximum = Self.maximumRules
      list.rules = state.rules.indices.map { describe(state.rules[$0], $0) }
      return list
    }
  }

  func add(_ rule: ControlAPI.FilterRule, at position: Int?) throws(RPCError) -> FilterChange {
    try Self.check(rule)
    let compiled = try Self.compile(rule, portNames)
    return try change { state throws(RPCError) in
      guard !state.rules.contains(where: { $0.compiled.rule.name == rule.name }) else {
        throw RPCError(
          .invalidParams,
          "there is a rule \"\(rule.name)\"; replace it, or name this one otherwise",
          data: ["parameter": "name"])
      }
      guard state.rules.count < Self.maximumRules else {
        throw RPCError(
          .limitExceeded, "there are \(Self.maximumRules) rules, and no more are possible",
          data: ["limit": "rules", "maximum": .number(String(Self.maximumRules))])
      }
      let place = try Self.place(position ?? state.rules.count, upTo: state.rules.count)
      let kept = try keep(compiled, &state)
      state.rules.insert(kept, at: place)
      apply(&state)
      return FilterChange(
        before: nil, after: describe(state.rules[place], place), generation: state.generation,
        notes: notes(state, at: place))
    }
  }

  func replace(_ name: String, with rule: ControlAPI.FilterRule) throws(RPCError) -> FilterChange {
    try Self.check(rule)
    let compiled = try Self.compile(rule, portNames)
    return try change { state throws(RPCError) in
      let place = try find(name, state)
      if rule.name != name, state.rules.contains(where: { $0.compiled.rule.name == rule.name }) {
        throw RPCError(
          .invalidParams, "there is a rule \"\(rule.name)\" already",
          data: ["parameter": "newName"])
      }
      let old = state.rules[place]
      state.rules[place] = try keep(compiled, &state)
      apply(&state)
      let before = describe(old, place)
      release(old, &state)
      return FilterChange(
        before: before, after: describe(state.rules[place], place),
        generation: state.generation, notes: notes(state, at: place))
    }
  }

  func remove(_ name: String) throws(RPCError) -> FilterChange {
    try change { state throws(RPCError) in
      let place = try find(name, state)
      let old = state.rules.remove(at: place)
      apply(&state)
      let before = describe(old, place)
      release(old, &state)
      return FilterChange(before: before, after: nil, generation: state.generation)
    }
  }

  func move(_ name: String, to position: Int) throws(RPCError) -> FilterChange {
    try change { state throws(RPCError) in
      let from = try find(name, state)
      let before = describe(state.rules[from], from)
      let to = min(try Self.place(position, upTo: .max), state.rules.count - 1)
      let kept = state.rules.remove(at: from)
      state.rules.insert(kept, at: to)
      apply(&state)
      return FilterChange(
        before: before, after: describe(state.rules[to], to), generation: state.generation,
        notes: notes(state, at: to))
    }
  }

  /// The rule of that name.
  func rule(_ name: String) throws(RPCError) -> ControlAPI.FilterRule {
    try change { state throws(RPCError) in
      state.rules[try find(name, state)].compiled.rule
    }
  }

  /// All rules at once; those that are as they were keep their counts. The configuration's, at start and
  /// when it is read again.
  func set(_ rules: [ControlAPI.FilterRule]) throws(RPCError) {
    guard rules.count <= Self.maximumRules else {
      throw RPCError(.limitExceeded, "\(rules.count) filters are more than \(Self.maximumRules)")
    }
    var compiled: [Compiled] = []
    for rule in rules {
      try Self.check(rule)
      compiled.append(try Self.compile(rule, portNames))
    }
    try change { state throws(RPCError) in
      var old = state.rules
      var new: [Kept] = []
      for item in compiled {
        if let index = old.firstIndex(where: { $0.compiled.rule == item.rule }) {
          new.append(old.remove(at: index))
        } else {
          new.append(try keep(item, &state))
        }
      }
      state.rules = new
      apply(&state)
      for kept in old { release(kept, &state) }
    }
  }

  // MARK: Probes

  /// Shows an expression every packet from now on, until ``end(_:)``.
  struct ProbeHandle {
    fileprivate var slot: UInt8
    fileprivate var baseline: FilterReport.Counts
    /// Of a trace.
    var session: UInt64
    /// The rules' names, in their order when this probe was put there.
    var names: [String]
  }

  func begin(
    _ expression: String, inner: Bool, ports: [String]?, trace: Bool
  ) throws(RPCError) -> ProbeHandle {
    var rule = ControlAPI.FilterRule()
    rule.name = "probe"
    rule.expression = expression
    rule.inner = inner
    rule.ports = ports
    let compiled = try Self.compile(rule, portNames)
    return try change { state throws(RPCError) in
      if trace, state.probes.contains(where: { $0.verdict == .trace }) {
        throw RPCError(.wrongState, "another trace is running; it ends within a minute")
      }
      let kept = try keep(compiled, &state)
      if trace { state.traceSession += 1 }
      state.probes.append(
        Probe(
          storage: compiled.storage, verdict: trace ? .trace : .probe, isInner: inner,
          ports: compiled.ports, slot: kept.slot, baseline: kept.baseline))
      apply(&state)
      return ProbeHandle(
        slot: kept.slot, baseline: kept.baseline, session: state.traceSession,
        names: state.rules.map(\.compiled.rule.name))
    }
  }

  func counts(_ probe: ProbeHandle) -> FilterReport.Counts { counts(probe.slot) - probe.baseline }

  /// Takes the probe away; what it has counted by then, to the last packet.
  func end(_ probe: ProbeHandle) -> FilterReport.Counts {
    state.withLock { state in
      state.probes.removeAll { $0.slot == probe.slot }
      apply(&state)
      let counts = counts(probe)
      state.free.append((probe.slot, .min))
      return counts
    }
  }

  /// What a rule costs a packet, of some counts.
  func cost(_ counts: FilterReport.Counts) -> (ticks: Double, nanoseconds: Double)? {
    guard counts.evaluated > 0 else { return nil }
    let ticks = Double(counts.ticks) / Double(counts.evaluated)
    return (ticks, ticks / max(ticksPerSecond(), 1) * 1e9)
  }

  var traces: [TraceLog] { memory.traces }

  // MARK: Checks

  /// Whether a rule can be had on an engine with these ports.
  static func examine(
    _ rule: ControlAPI.FilterRule, portNames: [String]
  ) throws(RPCError) {
    try check(rule)
    _ = try compile(rule, portNames)
  }

  private static func check(_ rule: ControlAPI.FilterRule) throws(RPCError) {
    guard TagNames.isName(rule.name) else { throw badName("name", rule.name) }
    switch rule.action {
    case .sample:
      guard let oneIn = rule.oneIn, (2...32_768).contains(oneIn), oneIn & (oneIn - 1) == 0 else {
        throw RPCError(
          .invalidParams, "the action sample wants oneIn, a power of two from 2 to 32768",
          data: ["parameter": "oneIn", "minimum": 2, "maximum": 32_768])
      }
    case .tag:
      guard let tag = rule.tag else {
        throw RPCError(
          .invalidParams, "the action tag wants a tag's name", data: ["parameter": "tag"])
      }
      guard TagNames.isName(tag) else { throw badName("tag", tag) }
    case .drop, .keep, .nopublish: break
    }
    if rule.oneIn != nil && rule.action != .sample {
      throw RPCError(
        .invalidParams, "oneIn is for the action sample", data: ["parameter": "oneIn"])
    }
    if rule.tag != nil && rule.action != .tag {
      throw RPCError(.invalidParams, "tag is for the action tag", data: ["parameter": "tag"])
    }
  }

  private static func badName(_ parameter: String, _ name: String) -> RPCError {
    RPCError(
      .invalidParams,
      "\(parameter) cannot be \"\(name)\"; 1 to \(TagNames.maximumLength) letters, digits, dots,"
        + " underscores and hyphens would be right",
      data: ["parameter": .string(parameter), "pattern": "^[A-Za-z0-9._-]{1,64}$"])
  }

  private static func place(_ position: Int, upTo end: Int) throws(RPCError) -> Int {
    guard position >= 0 else {
      throw RPCError(
        .invalidParams, "position is \(position); the first one is 0",
        data: ["parameter": "position", "minimum": 0])
    }
    return min(position, end)
  }

  private func find(_ name: String, _ state: State) throws(RPCError) -> Int {
    if let place = state.rules.firstIndex(where: { $0.compiled.rule.name == name }) {
      return place
    }
    let names = state.rules.map(\.compiled.rule.name)
    throw RPCError(
      .invalidParams,
      names.isEmpty
        ? "there is no rule \"\(name)\", nor any other"
        : "there is no rule \"\(name)\"; there are \(names.joined(separator: ", "))",
      data: ["parameter": "name", "allowed": .array(names.map { .string($0) })])
  }

  private static func compile(
    _ rule: ControlAPI.FilterRule, _ portNames: [String]
  ) throws(RPCError) -> Compiled {
    let linkType = rule.inner ? FilterCompiler.rawIP : FilterCompiler.ethernet
    let program: FilterProgram
    do throws(FilterError) {
      program = try FilterCompiler.compile(rule.expression, linkType: linkType)
    } catch {
      throw RPCError(
        .invalidParams, "\(error)",
        data: ["parameter": "expression", "reason": .string(error.reason)])
    }
    return Compiled(
      rule: rule, storage: PacketFilterStorage([(linkType, program)]),
      instructions: program.code.count, ports: try mask(rule.ports, portNames))
  }

  /// A bit a port; all where none is named.
  private static func mask(
    _ names: [String]?, _ portNames: [String]
  ) throws(RPCError) -> UInt64 {
    guard let names, !names.isEmpty else { return .max }
    var mask: UInt64 = 0
    for name in names {
      guard let index = portNames.firstIndex(of: name) else {
        throw RPCError(
          .invalidParams,
          "there is no port \"\(name)\"; there are \(portNames.joined(separator: ", "))",
          data: ["parameter": "ports", "allowed": .array(portNames.map { .string($0) })])
      }
      mask |= 1 << UInt64(min(index, 63))
    }
    return mask
  }

  // MARK: Changes

  /// All or nothing.
  private func change<Result>(
    _ body: (inout State) throws(RPCError) -> Result
  ) throws(RPCError) -> Result {
    let outcome = state.withLock { state -> Swift.Result<Result, RPCError> in
      let before = state
      do throws(RPCError) {
        return .success(try body(&state))
      } catch {
        state = before
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  /// Gives a rule its slot, and its tag a bit.
  private func keep(_ compiled: Compiled, _ state: inout State) throws(RPCError) -> Kept {
    var compiled = compiled
    if let tag = compiled.rule.tag {
      guard let bit = tags.bit(tag) else {
        throw RPCError(
          .limitExceeded,
          "\(FlowMarks.tagCount) tags have been used since the start (\(tags.all.joined(separator: ", ")));"
            + " use one of them",
          data: ["limit": "tags", "maximum": .number(String(FlowMarks.tagCount))])
      }
      compiled.marks = .tag(bit)
    }
    let now = EngineClock.monotonicNanoseconds
    guard let index = state.free.firstIndex(where: { $0.from <= now }) else {
      throw RPCError(
        .wrongState, "too many sampling rules have come and gone; try again in a few seconds")
    }
    let slot = state.free.remove(at: index).slot
    return Kept(
      compiled: compiled, slot: slot, baseline: counts(slot), since: EngineClock.systemNanoseconds)
  }

  private func release(_ kept: Kept, _ state: inout State) {
    let isSampling = kept.compiled.rule.action == .sample
    let from = isSampling ? EngineClock.monotonicNanoseconds + fragmentNanoseconds : .min
    state.free.append((kept.slot, from))
  }

  /// Has every worker go by the rules as they stand.
  private func apply(_ state: inout State) {
    state.generation += 1
    let isTraced = state.probes.contains { $0.verdict == .trace }
    let list =
      state.probes.map { probe in
        FlowEngine.FilterRule(
          filter: probe.storage.filter, verdict: probe.verdict, isInner: probe.isInner,
          slot: probe.slot, ports: probe.ports)
      } + state.rules.map(Self.rule)
    let storage = FilterRuleStorage(
      list, filters: state.probes.map(\.storage) + state.rules.map(\.compiled.storage),
      generation: state.generation, traceSession: isTraced ? state.traceSession : 0)
    memory.slot.set(storage.set)
    state.storages.append((state.generation, storage))
    let generation = state.generation
    let deadline = EngineClock.monotonicNanoseconds + 2_000_000_000
    while isPolling(), memory.reports.contains(where: { $0.generation < generation }) {
      // The new rules hold as soon as a worker turns to them.
      if EngineClock.monotonicNanoseconds > deadline { break }
      usleep(20)
    }
    // What every worker has left behind goes. While workers begin or end nobody waits for them, and what
    // they may still look at stays.
    let oldest = memory.reports.map(\.generation).min() ?? 0
    state.storages.removeAll { $0.generation < oldest }
  }

  private static func rule(_ kept: Kept) -> FlowEngine.FilterRule {
    let rule = kept.compiled.rule
    let verdict: FilterVerdict =
      switch rule.action {
      case .drop: .drop
      case .keep: .keep
      case .sample: .sample
      case .nopublish, .tag: .mark
      }
    return FlowEngine.FilterRule(
      filter: kept.compiled.storage.filter, verdict: verdict, isInner: rule.inner,
      slot: kept.slot, shift: UInt8((rule.oneIn ?? 1).trailingZeroBitCount),
      marks: kept.compiled.marks, ports: kept.compiled.ports)
  }

  // MARK: Words

  private func counts(_ slot: UInt8) -> FilterReport.Counts {
    memory.reports.reduce(FilterReport.Counts()) { $0 + $1.counts(slot) }
  }

  private func describe(_ kept: Kept, _ position: Int) -> FilterState {
    let counts = counts(kept.slot) - kept.baseline
    var state = FilterState()
    state.rule = kept.compiled.rule
    state.position = position
    state.evaluated = counts.evaluated
    state.packets = counts.packets
    state.bytes = counts.bytes
    state.dropped = counts.dropped
    let cost = cost(counts)
    state.ticksPerPacket = cost?.ticks
    state.nanosecondsPerPacket = cost?.nanoseconds
    state.instructions = kept.compiled.instructions
    state.since = ControlTime.text(nanoseconds: kept.since)
    return state
  }

  /// What is easily overlooked.
  private func notes(_ state: State, at place: Int) -> [String] {
    let before = state.rules[..<place].first { kept in
      let rule = kept.compiled.rule
      let decides = [.drop, .keep, .sample].contains(rule.action)
      return decides && rule.expression.allSatisfy(\.isWhitespace) && rule.ports == nil
    }
    return before.map {
      ["the rule \($0.compiled.rule.name) before it decides on every packet: it is shown none"]
    } ?? []
  }
}
