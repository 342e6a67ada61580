import Configuration
import ControlAPI
import FlowEngine

/// One value of a running engine under its configuration key, which gives range, default and unit.
struct TuningEntry: Sendable {
  let key: SettingsKey
  let read: @Sendable (Engine) -> TuningValue
  /// Takes a value within the range, and says what the operator ought to know of it; nil where only a
  /// restart changes it.
  let write: (@Sendable (Engine, TuningValue) -> [String])?

  init(
    _ path: String, read: @escaping @Sendable (Engine) -> TuningValue,
    write: (@Sendable (Engine, TuningValue) -> [String])? = nil
  ) {
    key = SettingsKey.find(path)
    self.read = read
    self.write = write
  }
}

/// Everything that `tuning.get` shows; what is to be tunable is an entry here and a word of
/// ``TuningPage``, or another place that its reader looks at again.
enum TuningTable {
  static let entries: [TuningEntry] = [
    TuningEntry("drainSeconds") { .number($0.settings.drainSeconds) },
    TuningEntry("engine.polling") {
      .text((PollMode(rawValue: $0.tuningPage[.pollMode]) ?? .busy).name)
    } write: { engine, value in
      guard let mode = PollMode(name: value.description) else { return [] }
      engine.tuningPage[.pollMode] = mode.rawValue
      return mode == .busy ? engine.notesOnSharedCores : []
    },
    TuningEntry("engine.maximumSleepMicroseconds") {
      .integer(Int($0.tuningPage[.maximumSleepNanoseconds] / 1000))
    } write: { engine, value in
      guard case .integer(let microseconds) = value else { return [] }
      let nanoseconds = UInt64(microseconds) * 1000
      engine.tuningPage[.maximumSleepNanoseconds] = nanoseconds
      return engine.notesOnSleeps(of: nanoseconds)
    },
    timeout("flows.timeouts.activeSeconds", \.active),
    timeout("flows.timeouts.tcpSeconds", \.tcp),
    timeout("flows.timeouts.udpSeconds", \.udp),
    timeout("flows.timeouts.icmpSeconds", \.icmp),
    timeout("flows.timeouts.otherSeconds", \.other),
    timeout("flows.timeouts.halfOpenSeconds", \.halfOpen),
    timeout("flows.timeouts.closedSeconds", \.closed),
    TuningEntry("overload.sampling") {
      .text($0.tuningPage[.sampling] == 0 ? "none" : "auto")
    } write: { engine, value in
      engine.tuningPage[.sampling] = value == .text("auto") ? 1 : 0
      return []
    },
    interval("overload.minimumInterval", .minimumSamplingShift),
    interval("overload.maximumInterval", .maximumSamplingShift),
    TuningEntry("overload.fullBursts") {
      .integer(Int($0.tuningPage[.samplingFullBursts]))
    } write: { engine, value in
      engine.tuningPage[.samplingFullBursts] = UInt64(value.asNumber ?? 64)
      return []
    },
    TuningEntry("overload.calmSeconds") {
      .number(Double($0.tuningPage[.samplingCalmNanoseconds]) / 1e9)
    } write: { engine, value in
      engine.tuningPage[.samplingCalmNanoseconds] = UInt64((value.asNumber ?? 5) * 1e9)
      return []
    },
    TuningEntry("records.statsIntervalSeconds") {
      .number(Double($0.tuningPage[.statsIntervalNanoseconds]) / 1e9)
    } write: { engine, value in
      engine.tuningPage[.statsIntervalNanoseconds] = UInt64((value.asNumber ?? 0) * 1e9)
      return []
    },
    TuningEntry("records.anomaliesPerSecond") { .integer($0.settings.anomaliesPerSecond) },
  ]

  /// A power of two, kept as its exponent.
  private static func interval(_ path: String, _ word: TuningPage.Word) -> TuningEntry {
    TuningEntry(path) {
      .integer(1 << Int($0.tuningPage[word]))
    } write: { engine, value in
      guard case .integer(let interval) = value else { return [] }
      engine.tuningPage[word] = UInt64(interval.trailingZeroBitCount)
      let page = engine.tuningPage
      return page[.minimumSamplingShift] > page[.maximumSamplingShift]
        ? ["the maximum is below the minimum, and holds"] : []
    }
  }

  private static func timeout(
    _ path: String, _ member: any KeyPath<FlowTimeouts, Int64> & Sendable
  ) -> TuningEntry {
    TuningEntry(path) { .number(Double($0.settings.timeouts[keyPath: member]) / 1e9) }
  }

  /// By its whole key, or by its last word where only one ends in it.
  ///
  /// - Throws: ``RPCError`` that lists what there is.
  static func find(_ name: String) throws(RPCError) -> TuningEntry {
    if let entry = entries.first(where: { $0.key.path == name }) { return entry }
    let short = entries.filter { $0.key.name == name }
    if short.count == 1 { return short[0] }
    let known = (short.isEmpty ? entries : short).map(\.key.path)
    throw RPCError(
      .invalidParams,
      "there is no tunable \"\(name)\"; known are \(known.joined(separator: ", "))",
      data: ["parameter": "key", "allowed": .array(known.map { .string($0) })])
  }
}

extension TuningValue {
  var asNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .text: nil
    }
  }
}
