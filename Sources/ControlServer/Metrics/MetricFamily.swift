import ControlAPI

/// What one scrape reads of the engine.
struct MetricsReading: Sendable {
  var status: EngineStatus
  var stats: EngineStats
  var filters: [FilterState]

  /// To be called on the thread that asks the engine.
  init(_ engine: any EngineInterface) throws {
    status = try engine.status()
    stats = try engine.stats()
    // An engine without filter rules has none to count.
    filters = (try? engine.filters().rules) ?? []
  }
}

/// One metric with all its series: name and help by Prometheus' conventions (base units, `_total` on
/// counters). The endpoint's answer and docs/metrics.md are made from the same list.
struct MetricFamily: Sendable {
  enum Kind: String, Sendable { case counter, gauge }

  enum Value: Sendable, Equatable {
    /// Counters keep their digits.
    case count(UInt64)
    case number(Double)
  }

  struct Sample: Sendable {
    /// In the order of ``MetricFamily/labels``.
    var labels: [String]
    var value: Value
  }

  let name: String
  let kind: Kind
  let help: String
  let labels: [String]
  let samples: @Sendable (MetricsReading) -> [Sample]

  init(
    _ name: String, _ kind: Kind, _ help: String, labels: [String] = [],
    samples: @escaping @Sendable (MetricsReading) -> [Sample]
  ) {
    self.name = "martlet_" + name
    self.kind = kind
    self.help = help
    self.labels = labels
    self.samples = samples
  }
}

extension MetricFamily {
  /// The text format, version 0.0.4: HELP, TYPE, and a line a series. Nothing where there is none.
  static func text(_ families: [MetricFamily], _ reading: MetricsReading) -> String {
    var text = ""
    for family in families {
      let samples = family.samples(reading)
      if samples.isEmpty { continue }
      text += "# HELP \(family.name) \(escaped(family.help, quotes: false))\n"
      text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
      for sample in samples { text += family.line(sample) }
    }
    return text
  }

  private func line(_ sample: Sample) -> String {
    let pairs = zip(labels, sample.labels).map { "\($0)=\"\(Self.escaped($1, quotes: true))\"" }
    let value =
      switch sample.value {
      case .count(let count): String(count)
      case .number(let number) where number.isNaN: "NaN"
      case .number(let number) where number.isInfinite: number < 0 ? "-Inf" : "+Inf"
      case .number(let number): Int64(exactly: number).map { String($0) } ?? String(number)
      }
    return "\(name)\(pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") \(value)\n"
  }

  /// Backslash and line feed; in label values also the double quote.
  private static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }
}
