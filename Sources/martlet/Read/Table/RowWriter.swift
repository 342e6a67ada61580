/// Writes a row of cells into memory that its owner has sized for the longest row.
///
/// Spaces are written only when something follows them, so no line ends in any.
struct RowWriter {
  private(set) var cursor: UnsafeMutablePointer<UInt8>
  private let isStyled: Bool
  private var spaces = 0

  init(_ start: UnsafeMutablePointer<UInt8>, isStyled: Bool) {
    cursor = start
    self.isStyled = isStyled
  }

  mutating func gap(_ columns: Int) { spaces += columns }

  /// A cell at the left of its column; what is too long is cut at its end unless it may overflow.
  mutating func left(
    _ text: CellText, _ width: Int, _ look: Style.Look, mayOverflow: Bool
  ) {
    if text.columns <= width || mayOverflow {
      put(text.start, text.count, look)
      spaces += max(0, width - text.columns)
    } else if width > 0 {
      // Only ASCII is ever too long, so a byte is a column.
      begin(look)
      copy(text.start, width - 1)
      copy("…")
      end(look)
    }
  }

  mutating func right(_ text: CellText, _ width: Int, _ look: Style.Look) {
    spaces += max(0, width - text.columns)
    put(text.start, text.count, look)
  }

  /// An end point, cut in its middle: behind the last colon there is the port.
  mutating func endpoint(
    _ text: CellText, portLength: Int, _ width: Int, mayOverflow: Bool
  ) {
    if text.count <= width || mayOverflow {
      put(text.start, text.count, .plain)
      spaces += max(0, width - text.count)
      return
    }
    if width <= 0 { return }
    let cut = EndpointCut(portLength: portLength, width: width)
    begin(.plain)
    copy(text.start, cut.head)
    copy("…")
    copy(text.start + (text.count - cut.tail), cut.tail)
    spaces += max(0, width - cut.head - 1 - cut.tail)
  }

  /// A sign of one column.
  mutating func sign(_ text: StaticString, _ look: Style.Look) {
    begin(look)
    copy(text)
    end(look)
  }

  mutating func newline() {
    spaces = 0
    cursor.pointee = UInt8(ascii: "\n")
    cursor += 1
  }

  // MARK: - Parts

  private mutating func put(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ look: Style.Look
  ) {
    if count == 0 { return }
    begin(look)
    copy(text, count)
    end(look)
  }

  private mutating func begin(_ look: Style.Look) {
    cursor.update(repeating: UInt8(ascii: " "), count: spaces)
    cursor += spaces
    spaces = 0
    if !isStyled { return }
    switch look {
    case .plain: break
    case .bold: copy("\u{1b}[1m")
    case .dim: copy("\u{1b}[2m")
    case .inverse: copy("\u{1b}[7m")
    case .red: copy("\u{1b}[1;31m")
    case .green: copy("\u{1b}[32m")
    case .yellow: copy("\u{1b}[33m")
    case .cyan: copy("\u{1b}[36m")
    }
  }

  private mutating func end(_ look: Style.Look) {
    if isStyled && look != .plain { copy("\u{1b}[0m") }
  }

  @inline(__always)
  private mutating func copy(_ text: StaticString) {
    copy(text.utf8Start, text.utf8CodeUnitCount)
  }

  @inline(__always)
  private mutating func copy(_ text: UnsafePointer<UInt8>, _ count: Int) {
    cursor.update(from: text, count: count)
    cursor += count
  }
}
