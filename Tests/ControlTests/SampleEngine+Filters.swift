import ControlAPI
import Foundation
import Synchronization

extension SampleEngine {
  func filters() throws -> FilterList {
    controls.state.withLock { state in
      var list = FilterList()
      list.generation = state.generation
      list.rules = state.rules.indices.map { self.state(of: $0, in: state) }
      return list
    }
  }

  func addFilter(_ parameters: FilterAddParameters) throws -> FilterChange {
    var rule = FilterRule()
    rule.name = parameters.name
    rule.expression = parameters.expression
    rule.action = parameters.action ?? .drop
    rule.oneIn = parameters.oneIn
    rule.tag = parameters.tag
    rule.ports = parameters.ports
    rule.inner = parameters.inner ?? false
    try check(rule)
    return try controls.state.withLock { state in
      if state.rules.contains(where: { $0.rule.name == rule.name }) {
        throw RPCError(
          .invalidParams, "there is a filter \"\(rule.name)\" already",
          data: ["parameter": "name", "expected": "another name, or filter.replace"])
      }
      let place = min(max(0, parameters.position ?? .max), state.rules.count)
      state.rules.insert(.init(rule: rule, addedAtSeconds: sampleUptimeSeconds), at: place)
      state.generation += 1
      let hides = state.rules[..<place].first {
        $0.rule.expression.isEmpty && $0.rule.action == .drop
      }
      return FilterChange(
        before: nil, after: self.state(of: place, in: state), generation: state.generation,
        notes: hides.map { ["\"\($0.rule.name)\" before it drops every packet"] } ?? [])
    }
  }

  func replaceFilter(_ parameters: FilterReplaceParameters) throws -> FilterChange {
    try controls.state.withLock { state in
      let place = try self.place(of: parameters.name, in: state)
      let before = self.state(of: place, in: state)
      var rule = before.rule
      rule.name = parameters.newName ?? rule.name
      rule.expression = parameters.expression ?? rule.expression
      if let action = parameters.action {
        rule.action = action
        rule.oneIn = nil
        rule.tag = nil
      }
      rule.oneIn = parameters.oneIn ?? rule.oneIn
      rule.tag = parameters.tag ?? rule.tag
      if let ports = parameters.ports { rule.ports = ports.isEmpty ? nil : ports }
      rule.inner = parameters.inner ?? rule.inner
      try self.check(rule)
      state.rules[place] = .init(rule: rule, addedAtSeconds: sampleUptimeSeconds)
      state.generation += 1
      return FilterChange(
        before: before, after: self.state(of: place, in: state), generation: state.generation)
    }
  }

  func removeFilter(_ parameters: FilterRemoveParameters) throws -> FilterChange {
    try controls.state.withLock { state in
      let place = try self.place(of: parameters.name, in: state)
      let before = self.state(of: place, in: state)
      state.rules.remove(at: place)
      state.generation += 1
      return FilterChange(before: before, after: nil, generation: state.generation)
    }
  }

  func moveFilter(_ parameters: FilterMoveParameters) throws -> FilterChange {
    try controls.state.withLock { state in
      let from = try self.place(of: parameters.name, in: state)
      let before = self.state(of: from, in: state)
      let rule = state.rules.remove(at: from)
      let place = min(max(0, parameters.position), state.rules.count)
      state.rules.insert(rule, at: place)
      state.generation += 1
      return FilterChange(
        before: before, after: self.state(of: place, in: state), generation: state.generation)
    }
  }

  func testFilter(_ parameters: FilterTestParameters) throws -> FilterTestAnswer {
    var rule = FilterRule()
    rule.name = "test"
    rule.expression = parameters.expression
    rule.ports = parameters.ports
    try check(rule)
    var answer = FilterTestAnswer()
    answer.program = SampleData.program
    answer.evaluated = UInt64(parameters.packets ?? 100_000)
    if answer.evaluated == 0 { return answer }
    answer.packets = answer.evaluated / 8
    answer.evaluatedBytes = answer.evaluated * 412
    answer.bytes = answer.packets * 820
    answer.seconds = Double(answer.evaluated) / 2_080_000
    answer.ticksPerPacket = 18.4
    answer.nanosecondsPerPacket = 6.1
    return answer
  }

  private func place(of name: String, in state: SampleControls.State) throws -> Int {
    if let place = state.rules.firstIndex(where: { $0.rule.name == name }) { return place }
    throw RPCError(
      .invalidParams, "there is no filter \"\(name)\"",
      data: [
        "parameter": "name", "allowed": .array(state.rules.map { .string($0.rule.name) }),
      ])
  }

  private func check(_ rule: FilterRule) throws {
    if rule.name.wholeMatch(of: /[A-Za-z0-9._-]{1,64}/) == nil {
      throw RPCError(
        .invalidParams, "\"\(rule.name)\" is no name of a filter",
        data: ["parameter": "name", "expected": "[A-Za-z0-9._-]+, at most 64 characters"])
    }
    if rule.expression.contains("prot ") {
      throw RPCError(
        .invalidParams, "libpcap cannot compile \"\(rule.expression)\": syntax error",
        data: ["parameter": "expression", "reason": "syntax error in filter expression"])
    }
    if (rule.action == .sample) != (rule.oneIn != nil) {
      throw RPCError(
        .invalidParams, "oneIn goes with the action sample, and only with it",
        data: ["parameter": "oneIn", "minimum": 2, "maximum": 32_768])
    }
    let names = try status().ports.map(\.name)
    if let unknown = rule.ports?.first(where: { !names.contains($0) }) {
      throw RPCError(
        .invalidParams, "there is no port \"\(unknown)\"",
        data: ["parameter": "ports", "allowed": .array(names.map { .string($0) })])
    }
  }

  /// A rule catches every eighth packet of two million a second.
  private func state(of place: Int, in state: SampleControls.State) -> FilterState {
    let seconds = sampleUptimeSeconds - state.rules[place].addedAtSeconds
    var answer = FilterState()
    answer.rule = state.rules[place].rule
    answer.position = place
    answer.evaluated = UInt64(max(0, seconds) * 2_080_000)
    answer.packets = answer.evaluated / 8
    answer.bytes = answer.packets * 820
    answer.dropped = answer.rule.action == .drop ? answer.packets : 0
    if answer.evaluated > 0 {
      answer.ticksPerPacket = 18.4
      answer.nanosecondsPerPacket = 6.1
    }
    answer.instructions = SampleData.program.count
    answer.since = SampleData.timestamp
    return answer
  }
}
