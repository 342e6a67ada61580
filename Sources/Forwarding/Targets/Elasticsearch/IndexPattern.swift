/// Which index or data stream a record goes to: `martlet-{type}-{date}`.
///
/// `{type}` is EVE's event type, `{sensor}` the sensor's name in lower case, `{date}` the day of the
/// record's own time in UTC, so that a record which is delivered again meets itself in the same
/// index, whenever that is.
package struct IndexPattern: Sendable, CustomStringConvertible {
  package let isDataStream: Bool
  package let description: String
  private let pieces: [Piece]

  private enum Piece: Sendable, Equatable {
    case text(String)
    case type
    case sensor
    case date
  }

  package init(_ pattern: String, isDataStream: Bool = false) throws(TargetSettingsError) {
    description = pattern
    self.isDataStream = isDataStream
    var pieces: [Piece] = []
    var rest = pattern[...]
    while let open = rest.firstIndex(of: "{") {
      if open > rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
      guard let close = rest[open...].firstIndex(of: "}") else {
        throw TargetSettingsError("the index \(pattern): a { without its }")
      }
      switch rest[rest.index(after: open)..<close] {
      case "type": pieces.append(.type)
      case "sensor": pieces.append(.sensor)
      case "date": pieces.append(.date)
      case let name:
        throw TargetSettingsError(
          "the index \(pattern): there is no {\(name)}, only {type}, {sensor} and {date}")
      }
      rest = rest[rest.index(after: close)...]
    }
    if !rest.isEmpty { pieces.append(.text(String(rest))) }
    self.pieces = pieces
    if isDataStream && pieces.contains(.date) {
      throw TargetSettingsError(
        "the data stream \(pattern): a data stream rolls over by itself and takes no {date}")
    }
    let example = name(sensor: "sensor", type: "flow", day: "2026.11.21")
    if let problem = Self.problem(example) {
      throw TargetSettingsError("the index \(pattern) would be \(example), which \(problem)")
    }
  }

  var hasDate: Bool { pieces.contains(.date) }

  /// - Parameter day: `2026.11.21`.
  func name(sensor: String, type: String, day: String) -> String {
    var name = ""
    for piece in pieces {
      switch piece {
      case .text(let text): name += text
      case .type: name += type.lowercased()
      case .sensor: name += sensor.lowercased()
      case .date: name += day
      }
    }
    return name
  }

  /// What of the rules for names of indices and data streams a name breaks; nil where nothing.
  static func problem(_ name: String) -> String? {
    if name.isEmpty { return "is empty" }
    if name == "." || name == ".." { return "is no name" }
    if name.utf8.count > 255 { return "is longer than 255 bytes" }
    if name.lowercased() != name { return "has capital letters" }
    if name.hasPrefix("-") || name.hasPrefix("_") || name.hasPrefix("+") || name.hasPrefix(".") {
      return "must not begin with - _ + or a full stop"
    }
    let forbidden = #"\/*?"<>|,#: "#
    if let bad = name.first(where: { forbidden.contains($0) || !$0.isASCII || $0 < " " }) {
      return "must not have \(String(bad).debugDescription) in it"
    }
    return nil
  }
}
