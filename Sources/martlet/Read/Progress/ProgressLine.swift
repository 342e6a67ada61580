import Foundation

/// The one line on standard error that tells how far reading has come. It redraws itself in place,
/// at most ten times a second, and is gone in the end.
struct ProgressLine {
  /// Seconds between two drawings, and before the first: what is done at once needs no line.
  static let interval = 0.1
  static let patience = 0.25

  private let style: Style
  private var rates = ReadRates()
  private var lastDrawn: Double?

  init(style: Style) { self.style = style }

  /// Nil where standard error is no terminal.
  static func onStandardError() -> ProgressLine? {
    guard isatty(STDERR_FILENO) == 1 else { return nil }
    let environment = ProcessInfo.processInfo.environment
    let isForbidden = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    return ProgressLine(style: Style(isOn: !isForbidden))
  }

  /// Columns of the terminal at standard error; 80 where it does not say.
  static func width() -> Int {
    var window = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else { return 80 }
    return Int(window.ws_col)
  }

  /// What is to be written for the line to show `progress`; nil where it is too early for that.
  mutating func update(_ progress: ReadProgress, width: Int) -> String? {
    let due = lastDrawn.map { $0 + Self.interval } ?? Self.patience
    guard progress.elapsedSeconds >= due else { return nil }
    lastDrawn = progress.elapsedSeconds
    rates.update(progress)
    // The last column stays free: behind a full line the cursor would be on the next one.
    let line = Self.line(progress, rates: rates, width: max(0, width - 1), style: style)
    return "\r\(line)\u{1b}[K"
  }

  /// What is to be written for the line to go away; nothing where it never came.
  mutating func clear() -> String {
    defer { lastDrawn = nil }
    return lastDrawn == nil ? "" : "\r\u{1b}[K"
  }

  // MARK: - The line

  /// `progress` in at most `width` columns; what matters least goes first.
  static func line(
    _ progress: ReadProgress, rates: ReadRates, width: Int, style: Style
  ) -> String {
    let share = progress.bytesTotal.map { total in
      total > 0 ? min(1, Double(progress.bytesRead) / Double(total)) : 0
    }
    // In the order they stand in, each with how soon it is left out.
    var parts: [(span: Span, rank: Int)] = []
    if let file = progress.currentFile { parts.append((Span(cutMiddle(file, to: 30), .dim), 7)) }
    if let share {
      parts.append((Span(percent(share), .bold), 0))
      let total = Units.traffic(progress.bytesTotal ?? 0)
      parts.append((Span("\(Units.traffic(progress.bytesRead)) of \(total)"), 4))
    } else {
      parts.append((Span("\(Units.traffic(progress.bytesRead)) read", .bold), 0))
    }
    parts.append((Span(Units.scaled(rates.bytesPerSecond, "B/s")), 1))
    parts.append((Span(Units.scaled(rates.packetsPerSecond, "pps")), 5))
    parts.append((Span(ReadProgress.count(progress.flows, "flow")), 3))
    if progress.liveFlows > 0 {
      parts.append((Span("\(Units.scaled(Double(progress.liveFlows))) live", .dim), 8))
    }
    if let left = rates.secondsLeft(progress) {
      parts.append((Span("\(Units.duration(left)) left"), 2))
    }
    let gap = 2
    let length = { parts.reduce(-gap) { $0 + $1.span.text.count + gap } }
    // A bar of ten columns matters more than the ranks from 5 on.
    let leastBar = share == nil ? 0 : 10 + gap
    while let worst = parts.indices.max(by: { parts[$0].rank < parts[$1].rank }),
      length() + (parts[worst].rank >= 5 ? leastBar : 0) > width, parts.count > 1
    {
      parts.remove(at: worst)
    }
    var spans: [Span] = []
    for part in parts {
      if !spans.isEmpty { spans.append(Span("  ")) }
      spans.append(part.span)
    }
    let room = min(30, width - length() - gap)
    if let share, room >= 10, let place = parts.firstIndex(where: { $0.rank == 0 }) {
      let filled = Chart.bar(share, width: room)
      let rest = String(repeating: "░", count: max(0, room - filled.count))
      // Each part but the first is preceded by a gap.
      spans.insert(contentsOf: [Span(filled, .green), Span(rest, .dim), Span("  ")], at: place * 2)
    }
    return StyledLine(spans).text(width: width, style: style)
  }

  /// Whole percents, rounded down: 100 % is when all has been read.
  private static func percent(_ share: Double) -> String {
    let digits = String(Int((share * 100).rounded(.down)))
    return String(repeating: " ", count: max(0, 3 - digits.count)) + digits + " %"
  }
}
