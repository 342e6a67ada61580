/// Which columns a table of flows has and how wide they are, settled before the first row: rows
/// come one after the other, and there may be millions.
///
/// A width of 0 leaves a column out. What fits is added in the order of what one misses first.
struct FlowRowLayout: Equatable, Sendable {
  /// 8 for the time of day, 12 with milliseconds, 23 with the date before it.
  var start = 0
  var duration = 0
  var proto = 0
  /// What the flow speaks; where there is no room for it, that stands in place of TCP and UDP.
  var app = 0
  var originator = 0
  var responder = 0
  /// Of each of the two directions.
  var packets = 0
  var bytes = 0
  var state = 0
  var history = 0
  var communityID = 0
  var vlan = 0
  /// Whether a cell may be longer than its column: in a file nothing is cut.
  var mayOverflow = false

  static let gap = 2
  /// ` → `
  static let arrow = 3
  static let withDate = 23
  /// `[` an IPv6 address of 39 characters `]:65535`
  private static let longestEndpoint = 47
  /// `192.168.100.200:54585`
  private static let longestIPv4Endpoint = 21
  /// Both addresses and the arrow are all there is room for below this.
  private static let shortestEndpoint = 18

  /// For a terminal of `width` columns; nil where there is none, and lines may be of any length.
  init(width: Int?) {
    guard let width else {
      mayOverflow = true
      (start, duration, proto) = (Self.withDate, 7, 5)
      (originator, responder) = (Self.longestIPv4Endpoint, Self.longestIPv4Endpoint)
      app = 9
      (packets, bytes, state, history, communityID, vlan) = (6, 7, 7, 12, 30, 9)
      return
    }
    var left = width - 2 * Self.shortestEndpoint - Self.arrow
    guard left >= 0 else {
      // At 3 columns and below nothing can be read, but nothing is too wide either.
      originator = max(0, (width - Self.arrow + 1) / 2)
      responder = max(0, (width - Self.arrow) / 2)
      return
    }
    let gap = Self.gap
    let steps: [(cost: Int, add: (inout FlowRowLayout) -> Void)] = [
      (5 + gap, { $0.proto = 5 }),
      (8 + gap, { $0.start = 8 }),
      (2 * (7 + gap), { $0.bytes = 7 }),
      (4, { $0.start = 12 }),
      (6 + gap, { $0.app = 6 }),
      (2 * (6 + gap), { $0.packets = 6 }),
      (7 + gap, { $0.duration = 7 }),
      (7 + gap, { $0.state = 7 }),
      (8 + gap, { $0.history = 8 }),
      (30 + gap, { $0.communityID = 30 }),
      (4 + gap, { $0.vlan = 4 }),
      (Self.withDate - 12, { $0.start = Self.withDate }),
    ]
    for step in steps {
      if step.cost > left { break }
      left -= step.cost
      step.add(&self)
    }
    (originator, responder) = (Self.shortestEndpoint, Self.shortestEndpoint)
    grow(\.originator, to: Self.longestIPv4Endpoint, &left)
    grow(\.responder, to: Self.longestIPv4Endpoint, &left)
    if app > 0 { grow(\.app, to: 9, &left) }
    if history > 0 { grow(\.history, to: 12, &left) }
    if vlan > 0 { grow(\.vlan, to: 9, &left) }
    var half = left / 2
    grow(\.originator, to: Self.longestEndpoint, &half)
    half = left / 2
    grow(\.responder, to: Self.longestEndpoint, &half)
  }

  private mutating func grow(
    _ column: WritableKeyPath<FlowRowLayout, Int>, to width: Int, _ left: inout Int
  ) {
    let more = min(left, max(0, width - self[keyPath: column]))
    self[keyPath: column] += more
    left -= more
  }
}
