/// Values over time as columns of blocks, with the greatest and nought at the side.
struct Chart {
  /// One a column; not negative.
  var values: [Double]
  var height: Int
  /// Text for a value, at the axis.
  var label: (Double) -> String
  /// Written under the columns: at the left, in the middle and at the right, where there is room.
  var times: (first: String, middle: String, last: String)
  var look = Style.Look.green

  /// Columns that the axis takes of a line, for labels of up to this length.
  static let axisWidth = 12
  private static let blocks: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  var lines: [StyledLine] {
    let peak = values.max() ?? 0
    var lines = (0..<height).map { row in
      var text = String(values.map { Self.block($0, peak, row: height - 1 - row, of: height) })
      while text.hasSuffix(" ") { text.removeLast() }
      return StyledLine(Span(axis(row == 0 ? label(peak) : "", "┤"), .dim), Span(text, look))
    }
    let base = axis(label(0), "└") + String(repeating: "─", count: values.count)
    lines.append(StyledLine(Span(base, .dim)))
    lines.append(StyledLine(Span(timeLabels, .dim)))
    return lines
  }

  /// What of a value's column stands in a row, counted from the bottom: something of any value but
  /// nought.
  private static func block(_ value: Double, _ peak: Double, row: Int, of height: Int) -> Character
  {
    guard peak > 0, value > 0 else { return blocks[0] }
    let eighths = max(1, Int((value / peak * Double(8 * height)).rounded()))
    return blocks[min(8, max(0, eighths - 8 * row))]
  }

  private func axis(_ text: String, _ sign: String) -> String {
    let room = Self.axisWidth - 2
    let label = text.count > room ? "" : text
    return String(repeating: " ", count: room - label.count) + label + " " + sign
  }

  private var timeLabels: String {
    let room = values.count
    let parts = [times.first, times.middle, times.last]
    var line = String(repeating: " ", count: Self.axisWidth)
    if parts.reduce(4, { $0 + $1.count }) <= room {
      // Its middle under the middle of the columns.
      let before = room / 2 - parts[1].count / 2 - parts[0].count
      let after = room - parts[0].count - before - parts[1].count - parts[2].count
      if before >= 2 && after >= 2 {
        line += parts[0] + String(repeating: " ", count: before) + parts[1]
        return line + String(repeating: " ", count: after) + parts[2]
      }
    }
    if parts[0].count + parts[2].count + 2 <= room {
      let between = room - parts[0].count - parts[2].count
      return line + parts[0] + String(repeating: " ", count: between) + parts[2]
    }
    return line + (parts[0].count <= room ? parts[0] : "")
  }

  /// A horizontal bar of a share of 0 … 1, by eighths of a column; something of any share but 0.
  static func bar(_ share: Double, width: Int) -> String {
    guard share > 0, share.isFinite else { return "" }
    let eighths = max(1, Int((min(share, 1) * Double(8 * width)).rounded()))
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
  }
}
