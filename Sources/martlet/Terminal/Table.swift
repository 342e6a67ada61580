/// Aligned columns with a headline.
struct Table {
  enum Alignment: Sendable { case left, right }

  /// Where what is missing of a cell is missing.
  enum Cut: Sendable {
    case end, middle
    /// In the address: the port stays.
    case endpoint
  }

  struct Column {
    var title: String
    var alignment: Alignment
    /// How narrow its cells may be cut; nil where they may not be cut.
    var minimumWidth: Int?
    /// Where the table is too wide even so, the columns of the greatest number go first; those of
    /// 0 stay.
    var dispensability: Int
    var cut: Cut

    init(
      _ title: String, _ alignment: Alignment = .left, minimumWidth: Int? = nil,
      dispensability: Int = 0, cut: Cut = .end
    ) {
      self.title = title
      self.alignment = alignment
      self.minimumWidth = minimumWidth
      self.dispensability = dispensability
      self.cut = cut
    }
  }

  var columns: [Column]
  var rows: [[Span]] = []
  var headLook = Style.Look.bold
  /// Columns of this dispensability and above stand only where no cell is cut for them.
  var extrasFrom = Int.max
  private let gap = 2

  init(_ columns: [Column]) { self.columns = columns }

  /// A cell for each column; missing ones are empty.
  mutating func add(_ cells: Span...) { rows.append(cells) }

  /// The headline and a line for each row, none wider than `width` as far as that can be had.
  func lines(width: Int, style: Style) -> [String] {
    let (kept, widths) = fit(width)
    let head = kept.map { Span(columns[$0].title, headLook) }
    let body = rows.map { row in kept.map { $0 < row.count ? row[$0] : Span("") } }
    return ([head] + body).map { cells in
      if cells.allSatisfy({ $0.text.isEmpty }) { return "" }
      return line(cells, kept: kept, widths: widths, style: style, lineWidth: width)
    }
  }

  private func line(
    _ cells: [Span], kept: [Int], widths: [Int], style: Style, lineWidth: Int
  ) -> String {
    var spans: [Span] = []
    for (place, cell) in cells.enumerated() {
      let text =
        switch columns[kept[place]].cut {
        case .end: cut(cell.text, to: widths[place])
        case .middle: cutMiddle(cell.text, to: widths[place])
        case .endpoint: cutEndpoint(cell.text, to: widths[place])
        }
      let padding = String(repeating: " ", count: widths[place] - text.count)
      let isLast = place == cells.count - 1
      if place > 0 { spans.append(Span(String(repeating: " ", count: gap))) }
      switch columns[kept[place]].alignment {
      case .left:
        spans.append(Span(text, cell.look))
        if !isLast { spans.append(Span(padding)) }
      case .right:
        spans.append(Span(padding))
        spans.append(Span(text, cell.look))
      }
    }
    if cells.first?.look == .inverse, lineWidth < 1000 {
      // A bar over the whole width.
      let text = StyledLine(spans).text(width: lineWidth, style: Style(isOn: false))
      let padding = String(repeating: " ", count: max(0, lineWidth - text.count))
      return style.apply(.inverse, text + padding)
    }
    return StyledLine(spans).text(width: lineWidth, style: style)
  }

  /// Which columns stay, and how wide each is.
  private func fit(_ width: Int) -> ([Int], [Int]) {
    var kept = Array(columns.indices)
    var widths = kept.map(naturalWidth)
    let least: (Int) -> Int = { column in
      min(naturalWidth(column), columns[column].minimumWidth ?? naturalWidth(column))
    }
    let gaps: () -> Int = { gap * max(0, kept.count - 1) }
    while kept.reduce(0, { $0 + naturalWidth($1) }) + gaps() > width,
      let victim = kept.filter({ columns[$0].dispensability >= max(1, extrasFrom) })
        .max(by: { columns[$0].dispensability < columns[$1].dispensability })
    {
      kept.removeAll { $0 == victim }
    }
    while kept.reduce(0, { $0 + least($1) }) + gaps() > width,
      let victim = kept.filter({ columns[$0].dispensability > 0 })
        .max(by: { columns[$0].dispensability < columns[$1].dispensability })
    {
      kept.removeAll { $0 == victim }
    }
    widths = kept.map(naturalWidth)
    // What is too much is taken from the widest column that may still be cut, a step at a time.
    var excess = widths.reduce(0, +) + gaps() - width
    while excess > 0 {
      let cuttable = kept.indices.filter { columns[kept[$0]].minimumWidth != nil }
      let roomy = cuttable.filter { widths[$0] > least(kept[$0]) }
      // Rather than lose the last column, cut below what was asked for.
      let candidates = roomy.isEmpty ? cuttable.filter { widths[$0] > 8 } : roomy
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return (kept, widths)
  }

  private func naturalWidth(_ column: Int) -> Int {
    rows.reduce(columns[column].title.count) { width, row in
      column < row.count ? max(width, row[column].text.count) : width
    }
  }
}
