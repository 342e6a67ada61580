/// Which columns a table of flows has and how wide they are, settled before the first row: rows
/// come one after the other, and there may be millions.
///
/// A width of 0 leaves a column out. What fits is added in the order of what one misses first; a wider
/// terminal never shows less of an address.
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
  /// `[2001:db8:1234:5678::9abc]:54585` and the like.
  private static let usualIPv6Endpoint = 33
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
    (originator, responder) = (Self.shortestEndpoint, Self.shortestEndpoint)
    let gap = Self.gap
    let steps: [Step] = [
      .endpoints(Self.longestIPv4Endpoint),
      .column(5 + gap, { $0.proto = 5 }),
      .column(8 + gap, { $0.start = 8 }),
      .column(2 * (7 + gap), { $0.bytes = 7 }),
      .column(4, { $0.start = 12 }),
      .column(9 + gap, { $0.app = 9 }),
      .column(2 * (6 + gap), { $0.packets = 6 }),
      .column(7 + gap, { $0.duration = 7 }),
      .column(7 + gap, { $0.state = 7 }),
      .column(8 + gap, { $0.history = 8 }),
      .endpoints(Self.usualIPv6Endpoint),
      .column(30 + gap, { $0.communityID = 30 }),
      .column(4 + gap, { $0.vlan = 4 }),
      .column(Self.withDate - 12, { $0.start = Self.withDate }),
      .endpoints(Self.longestEndpoint),
    ]
    for step in steps {
      switch step {
      case .column(let cost, let add):
        // What is left over is not lent to the addresses: with the next column they would shrink.
        if cost > left {
          growOthers(&left)
          return
        }
        left -= cost
        add(&self)
      case .endpoints(let width):
        let lacking = 2 * width - originator - responder
        let given = min(left, lacking)
        originator += (given + 1) / 2
        responder += given / 2
        left -= given
        if given < lacking { return }
      }
    }
    growOthers(&left)
  }

  private enum Step {
    case column(_ cost: Int, _ add: (inout FlowRowLayout) -> Void)
    /// Both, to this width or as near to it as there is room.
    case endpoints(Int)
  }

  private mutating func growOthers(_ left: inout Int) {
    if history > 0 { grow(\.history, to: 12, &left) }
    if vlan > 0 { grow(\.vlan, to: 9, &left) }
  }

  private mutating func grow(
    _ column: WritableKeyPath<FlowRowLayout, Int>, to width: Int, _ left: inout Int
  ) {
    let more = min(left, max(0, width - self[keyPath: column]))
    self[keyPath: column] += more
    left -= more
  }
}
