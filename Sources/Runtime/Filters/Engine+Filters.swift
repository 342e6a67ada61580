package import ControlAPI
import Filters
import FlowEngine
import Foundation
import Synchronization

extension Engine {
  /// The book of a live engine; capture files have none.
  private func book() throws(RPCError) -> FilterBook {
    guard let filterBook else {
      throw RPCError(.wrongState, "filters are for live ports")
    }
    return filterBook
  }

  package func filters() throws -> FilterList { try book().list() }

  package func addFilter(_ parameters: FilterAddParameters) throws -> FilterChange {
    var rule = ControlAPI.FilterRule()
    rule.name = parameters.name
    rule.expression = parameters.expression
    rule.action = parameters.action ?? .drop
    rule.oneIn = parameters.oneIn
    rule.tag = parameters.tag
    rule.ports = parameters.ports.flatMap { $0.isEmpty ? nil : $0 }
    rule.inner = parameters.inner ?? false
    return try book().add(rule, at: parameters.position)
  }

  package func replaceFilter(_ parameters: FilterReplaceParameters) throws -> FilterChange {
    let book = try book()
    var rule = try book.rule(parameters.name)
    if let name = parameters.newName { rule.name = name }
    if let expression = parameters.expression { rule.expression = expression }
    if let action = parameters.action, action != rule.action {
      rule.action = action
      // What belongs to the former action goes with it.
      rule.oneIn = nil
      rule.tag = nil
    }
    if let oneIn = parameters.oneIn { rule.oneIn = oneIn }
    if let tag = parameters.tag { rule.tag = tag }
    if let ports = parameters.ports { rule.ports = ports.isEmpty ? nil : ports }
    if let inner = parameters.inner { rule.inner = inner }
    return try book.replace(parameters.name, with: rule)
  }

  package func removeFilter(_ parameters: FilterRemoveParameters) throws -> FilterChange {
    try book().remove(parameters.name)
  }

  package func moveFilter(_ parameters: FilterMoveParameters) throws -> FilterChange {
    try book().move(parameters.name, to: parameters.position)
  }

  package func testFilter(_ parameters: FilterTestParameters) throws -> FilterTestAnswer {
    let wanted = parameters.packets ?? 100_000
    let seconds = parameters.timeoutSeconds ?? 5
    try ParameterCheck.range(wanted, FilterTestParameters.packetsRange, "packets")
    try ParameterCheck.range(seconds, FilterTestParameters.timeoutRange, "timeoutSeconds")
    let inner = parameters.inner ?? false
    let book = try book()
    var answer = FilterTestAnswer()
    do throws(FilterError) {
      answer.program = try FilterCompiler.listing(
        parameters.expression,
        linkType: inner ? FilterCompiler.rawIP : FilterCompiler.ethernet)
    } catch {
      throw RPCError(
        .invalidParams, "\(error)",
        data: ["parameter": "expression", "reason": .string(error.reason)])
    }
    if wanted == 0 { return answer }
    let probe = try book.begin(
      parameters.expression, inner: inner, ports: parameters.ports, trace: false)
    let began = EngineClock.monotonicNanoseconds
    answer.isComplete = waitForPackets(seconds: seconds) {
      book.counts(probe).evaluated >= UInt64(wanted)
    }
    let counts = book.end(probe)
    answer.seconds = Double(EngineClock.monotonicNanoseconds - began) / 1e9
    answer.evaluated = counts.evaluated
    answer.evaluatedBytes = counts.evaluatedBytes
    answer.packets = counts.packets
    answer.bytes = counts.bytes
    let cost = book.cost(counts)
    answer.ticksPerPacket = cost?.ticks
    answer.nanosecondsPerPacket = cost?.nanoseconds
    return answer
  }

  /// Looks every millisecond whether enough has come. False where the time was over first, or the engine
  /// ends.
  func waitForPackets(seconds: Double, _ isEnough: () -> Bool) -> Bool {
    let deadline = EngineClock.monotonicNanoseconds + Int64(seconds * 1e9)
    while true {
      if isEnough() { return true }
      let isRunning = state.withLock { $0 == .running }
      if !isRunning || EngineClock.monotonicNanoseconds >= deadline { return false }
      usleep(1000)
    }
  }
}
