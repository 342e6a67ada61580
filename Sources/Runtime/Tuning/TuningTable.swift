import Configuration
import ControlAPI
import FlowEngine
import Sinks

/// One value of a running engine under its configuration key, which gives range, default and unit.
struct TuningEntry: Sendable {
  var key: SettingsKey
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
    word("engine.burstPackets", .burstPackets),
    word("engine.prefetchDistance", .prefetchDistance),
    timeout("flows.timeouts.activeSeconds", .activeNanoseconds, \.active),
    timeout("flows.timeouts.tcpSeconds", .tcpNanoseconds, \.tcp),
    timeout("flows.timeouts.udpSeconds", .udpNanoseconds, \.udp),
    timeout("flows.timeouts.icmpSeconds", .icmpNanoseconds, \.icmp),
    timeout("flows.timeouts.otherSeconds", .otherNanoseconds, \.other),
    timeout("flows.timeouts.halfOpenSeconds", .halfOpenNanoseconds, \.halfOpen),
    timeout("flows.timeouts.closedSeconds", .closedNanoseconds, \.closed),
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
    word("engine.traceInterval", .traceInterval),
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

  /// Seconds; flows that live are put where a new one wants them within a second or so.
  private static func timeout(
    _ path: String, _ word: TuningPage.Word,
    _ member: any WritableKeyPath<FlowTimeouts, Int64> & Sendable
  ) -> TuningEntry {
    TuningEntry(path) {
      .number(Double($0.tuningPage[word]) / 1e9)
    } write: { engine, value in
      var timeouts = engine.tuningPage.timeouts
      timeouts[keyPath: member] = Int64((value.asNumber ?? 0) * 1e9)
      engine.tuningPage.set(timeouts)
      return []
    }
  }

  /// A whole number in a word of its own.
  private static func word(_ path: String, _ word: TuningPage.Word) -> TuningEntry {
    TuningEntry(path) {
      .integer(Int($0.tuningPage[word]))
    } write: { engine, value in
      engine.tuningPage[word] = UInt64(max(value.asNumber ?? 1, 1))
      return []
    }
  }

  /// All of an engine's: those of the table, and each sink's, `sinks[0].batchRecords`.
  static func entries(of engine: Engine) -> [TuningEntry] {
    entries
      + engine.sinks.enumerated().flatMap { index, sink in
        sink.tunables.keys.sorted().map { name in
          var entry = TuningEntry("sinks[].\(name)") { engine in
            .integer(engine.sinks[index].tunables[name] ?? 0)
          } write: { engine, value in
            if case .integer(let number) = value { engine.sinks[index].tune(name, to: number) }
            return []
          }
          entry.key.path = "sinks[\(index)].\(name)"
          return entry
        }
      }
  }

  /// By its whole key, or by its last word where only one ends in it.
  ///
  /// - Throws: ``RPCError`` that lists what there is.
  static func find(_ name: String, of engine: Engine) throws(RPCError) -> TuningEntry {
    let entries = entries(of: engine)
    if let entry = entries.first(where: { $0.key.path == name }) { return entry }
    let short = entries.filter { $0.key.name == name }
    if short.count == 1 { return short[0] }
    let settings = SettingsKey.all.filter {
      $0.kind != .section && $0.kind != .sections && ($0.path == name || $0.name == name)
    }
    if short.isEmpty, let setting = settings.first {
      let keys = settings.map(\.path).joined(separator: ", ")
      throw RPCError(
        .invalidParams,
        "\(settings.count == 1 ? setting.path : keys) cannot change while the engine runs; set it in the"
          + " configuration and restart",
        data: ["parameter": "key", "key": .string(setting.path), "live": .bool(false)])
    }
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
