import FlowEngine
import Records

/// Flows as the rows of a table that never ends: for a terminal, and as plain text.
///
///     2026-11-21
///     05:36:00.123  4.56 s   TCP    192.168.1.52:54585 ↔ 203.0.113.7:443   …  SF  ShADadFf
///
/// Times are UTC. The date stands on a line of its own where it changes, or in each row where there
/// is room. 0.3 to 0.6 µs a row.
struct FlowRowPrinter {
  let layout: FlowRowLayout
  private let style: Style
  private let communityIDSeed: UInt16
  private var time = TimestampText()
  /// Days since 1970 of the row before.
  private var day: Int64?

  /// Every column at its widest, an escape sequence to each side of every cell, and spaces.
  private static let longestRow = 1024

  /// `width` is the terminal's; nil where the output is no terminal.
  init(width: Int?, style: Style, communityIDSeed: UInt16 = 0) {
    layout = FlowRowLayout(width: width)
    self.style = style
    self.communityIDSeed = communityIDSeed
  }

  // MARK: - Head

  /// Appends the headline.
  func writeHead(into bytes: inout [UInt8]) {
    line(into: &bytes) { row, cell in
      head(&row, &cell, layout.start == 8 ? "UTC" : "START (UTC)", layout.start)
      head(&row, &cell, "LASTED", layout.duration, isRight: true)
      head(&row, &cell, "PROTO", layout.proto)
      head(&row, &cell, "APP", layout.app)
      cell.literal("ORIGINATOR")
      row.left(cell, layout.originator, .bold, mayOverflow: false)
      row.gap(FlowRowLayout.arrow)
      cell.clear()
      head(&row, &cell, "RESPONDER", layout.responder)
      if layout.packets > 0 {
        head(&row, &cell, "PKTS →", layout.packets, isRight: true, invisible: 2)
        head(&row, &cell, "← PKTS", layout.packets, isRight: true, invisible: 2)
      }
      if layout.bytes > 0 {
        head(&row, &cell, "BYTES →", layout.bytes, isRight: true, invisible: 2)
        head(&row, &cell, "← BYTES", layout.bytes, isRight: true, invisible: 2)
      }
      head(&row, &cell, "STATE", layout.state)
      head(&row, &cell, "HISTORY", layout.history)
      head(&row, &cell, "VLAN", layout.vlan)
      head(&row, &cell, "COMMUNITY ID", layout.communityID)
    }
  }

  private func head(
    _ row: inout RowWriter, _ cell: inout CellText, _ title: StaticString, _ width: Int,
    isRight: Bool = false, invisible: Int = 0
  ) {
    if width == 0 { return }
    cell.literal(title, invisible: invisible)
    if isRight {
      row.right(cell, width, .bold)
    } else {
      row.left(cell, width, .bold, mayOverflow: false)
    }
    row.gap(FlowRowLayout.gap)
    cell.clear()
  }

  // MARK: - Rows

  /// Appends a row, and a line with the date before it where that has changed.
  mutating func write(_ record: UnsafePointer<FlowRecord>, into bytes: inout [UInt8]) {
    if layout.start > 0 && layout.start < FlowRowLayout.withDate {
      // Rounded down, before 1970 too.
      let nanosecondsOfDay: Int64 = 86_400_000_000_000
      let first = record.pointee.cold.firstSeen
      let today = first / nanosecondsOfDay - (first % nanosecondsOfDay < 0 ? 1 : 0)
      if today != day {
        day = today
        writeDate(first, into: &bytes)
      }
    }
    var time = time
    line(into: &bytes) { row, cell in
      writeTimes(record, &row, &cell, &time)
      writeEndpoints(record, &row, &cell)
      writeCounts(record, &row, &cell)
      writeTail(record, &row, &cell)
    }
    self.time = time
  }

  private mutating func writeDate(_ moment: Int64, into bytes: inout [UInt8]) {
    var time = time
    line(into: &bytes) { row, cell in
      cell.records { time.write(nanoseconds: moment, to: &$0) }
      cell.keep(0..<10)
      row.left(cell, 10, .dim, mayOverflow: true)
    }
    self.time = time
  }

  @inline(__always)
  private func line(
    into bytes: inout [UInt8], _ body: (inout RowWriter, inout CellText) -> Void
  ) {
    withUnsafeTemporaryAllocation(
      of: UInt8.self, capacity: Self.longestRow + CellText.capacity
    ) { memory in
      let start = memory.baseAddress.unsafelyUnwrapped
      var row = RowWriter(start, isStyled: style.isOn)
      var cell = CellText(start + Self.longestRow)
      body(&row, &cell)
      row.newline()
      let count = row.cursor - start
      precondition(count <= Self.longestRow, "a row of a table was longer than it can be")
      bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
    }
  }

  @inline(__always)
  private func put(
    _ row: inout RowWriter, _ cell: inout CellText, _ width: Int, _ look: Style.Look = .plain
  ) {
    row.left(cell, width, look, mayOverflow: layout.mayOverflow)
    row.gap(FlowRowLayout.gap)
    cell.clear()
  }

  @inline(__always)
  private func putRight(
    _ row: inout RowWriter, _ cell: inout CellText, _ width: Int, _ look: Style.Look = .plain
  ) {
    row.right(cell, width, look)
    row.gap(FlowRowLayout.gap)
    cell.clear()
  }

  private func writeTimes(
    _ record: UnsafePointer<FlowRecord>, _ row: inout RowWriter, _ cell: inout CellText,
    _ time: inout TimestampText
  ) {
    let first = record.pointee.cold.firstSeen
    if layout.start > 0 {
      // `2026-11-21T05:36:00.123456+0000`
      cell.records { time.write(nanoseconds: first, to: &$0) }
      if layout.start == FlowRowLayout.withDate {
        cell.start[10] = UInt8(ascii: " ")
        cell.keep(0..<layout.start)
      } else {
        cell.keep(11..<11 + layout.start)
      }
      put(&row, &cell, layout.start)
    }
    if layout.duration > 0 {
      let last = record.pointee.hot.lastSeen
      // Wrapping: the difference of two times is below 584 years as an unsigned number.
      let lasted = last > first ? UInt64(bitPattern: last &- first) : 0
      if lasted == 0 { cell.byte(UInt8(ascii: "-")) } else { cell.duration(lasted) }
      putRight(&row, &cell, layout.duration, lasted == 0 ? .dim : .plain)
    }
  }

  private func writeEndpoints(
    _ record: UnsafePointer<FlowRecord>, _ row: inout RowWriter, _ cell: inout CellText
  ) {
    let key = record.pointee.hot.key
    let app = record.pointee.app.proto
    let isKnown = app != AppProtocol.unknown.rawValue && app != AppProtocol.failed.rawValue
    if layout.proto > 0 {
      if isKnown && layout.app == 0 { cell.app(app) } else { cell.proto(key.proto) }
      put(&row, &cell, layout.proto, .cyan)
    }
    if layout.app > 0 {
      if isKnown { cell.app(app) }
      put(&row, &cell, layout.app)
    }
    let originatorIsB = record.pointee.originatorIsB
    let originatorSent =
      originatorIsB ? record.pointee.hot.sideB.packets : record.pointee.hot.sideA.packets
    let responderSent =
      originatorIsB ? record.pointee.hot.sideA.packets : record.pointee.hot.sideB.packets
    var portLength = cell.endpoint(key, isB: originatorIsB)
    row.endpoint(
      cell, portLength: portLength, layout.originator, mayOverflow: layout.mayOverflow)
    cell.clear()
    if layout.originator == 0 { return }
    row.gap(1)
    row.sign(originatorSent == 0 ? "←" : responderSent == 0 ? "→" : "↔", .dim)
    row.gap(1)
    portLength = cell.endpoint(key, isB: !originatorIsB)
    row.endpoint(
      cell, portLength: portLength, layout.responder, mayOverflow: layout.mayOverflow)
    row.gap(FlowRowLayout.gap)
    cell.clear()
  }

  private func writeCounts(
    _ record: UnsafePointer<FlowRecord>, _ row: inout RowWriter, _ cell: inout CellText
  ) {
    let a = record.pointee.hot.sideA
    let b = record.pointee.hot.sideB
    let originator = record.pointee.originatorIsB ? b : a
    let responder = record.pointee.originatorIsB ? a : b
    if layout.packets > 0 {
      cell.scaled(originator.packets)
      putRight(&row, &cell, layout.packets, originator.packets == 0 ? .dim : .plain)
      cell.scaled(responder.packets)
      putRight(&row, &cell, layout.packets, responder.packets == 0 ? .dim : .plain)
    }
    if layout.bytes > 0 {
      cell.traffic(originator.bytes)
      putRight(&row, &cell, layout.bytes, originator.bytes == 0 ? .dim : .plain)
      cell.traffic(responder.bytes)
      putRight(&row, &cell, layout.bytes, responder.bytes == 0 ? .dim : .plain)
    }
  }

  private func writeTail(
    _ record: UnsafePointer<FlowRecord>, _ row: inout RowWriter, _ cell: inout CellText
  ) {
    let proto = record.pointee.hot.key.proto
    if layout.state > 0 {
      var look = Style.Look.plain
      switch proto {
      case IPProtocol.tcp, IPProtocol.udp:
        let state = ConnectionState.of(record)
        cell.literal(state.text)
        look = proto == IPProtocol.tcp ? state.look : .dim
      case IPProtocol.icmp, IPProtocol.icmpv6:
        cell.decimal(UInt64(record.pointee.cold.icmpType))
        cell.byte(UInt8(ascii: "/"))
        cell.decimal(UInt64(record.pointee.cold.icmpCode))
        look = .dim
      default: break
      }
      put(&row, &cell, layout.state, look)
    }
    if layout.history > 0 {
      if proto == IPProtocol.tcp { cell.history(record) }
      put(&row, &cell, layout.history)
    }
    if layout.vlan > 0 {
      cell.vlans(record.pointee.cold)
      put(&row, &cell, layout.vlan)
    }
    if layout.communityID > 0 {
      cell.records {
        CommunityID.write(record.pointee.hot.key, seed: communityIDSeed, to: &$0)
      }
      put(&row, &cell, layout.communityID, .dim)
    }
  }
}

extension ConnectionState {
  /// How loud a TCP connection's state is: red where nobody or nothing but a refusal answered,
  /// yellow where it was cut short.
  var look: Style.Look {
    switch self {
    case .s0, .rej, .sh, .rstos0, .rstrh: .red
    case .rsto, .rstr, .s2, .s3, .shr: .yellow
    case .sf: .green
    case .s1: .plain
    case .oth: .dim
    }
  }
}

extension CellText {
  /// Text with characters of more than one byte: `invisible` of its bytes take no column.
  mutating func literal(_ text: StaticString, invisible: Int) {
    literal(text)
    self.invisible += invisible
  }

  mutating func proto(_ number: UInt8) {
    switch number {
    case IPProtocol.icmpv6: literal("ICMP6")
    default:
      if let name = FlowWords.proto(number) { literal(name) } else { decimal(UInt64(number)) }
    }
  }

  mutating func app(_ number: UInt8) {
    if let app = AppProtocol(rawValue: number) { literal(app.name) }
  }

  /// `192.0.2.1:443`, `[2001:db8::1]:443`, and the address alone where a flow has no ports.
  /// Returns how many bytes at the end are the port's.
  mutating func endpoint(_ key: FlowKey, isB: Bool) -> Int {
    let address = isB ? key.addressB : key.addressA
    let hasPort =
      key.proto == IPProtocol.tcp || key.proto == IPProtocol.udp || key.proto == IPProtocol.sctp
    let version = key.ipVersion
    let isBracketed = hasPort && version == 6
    if isBracketed { byte(UInt8(ascii: "[")) }
    records { $0.address(address, version: version) }
    if !hasPort { return 0 }
    let before = count
    if isBracketed { byte(UInt8(ascii: "]")) }
    byte(UInt8(ascii: ":"))
    decimal(UInt64(isB ? key.portB : key.portA))
    return count - before
  }

  /// Zeek's letters as they stand in the record, 16 at the most.
  mutating func history(_ record: UnsafePointer<FlowRecord>) {
    let length = min(Int(record.pointee.cold.historyLength), 16)
    withUnsafeBytes(of: record.pointee.cold.historyText) { text in
      for letter in text.prefix(length) {
        // The engine writes letters and a caret and nothing else; a terminal gets nothing else.
        byte(letter > 0x20 && letter < 0x7f ? letter : UInt8(ascii: "?"))
      }
    }
  }

  /// VLAN ids, outermost first, joined by a comma; 0xffff stands for none.
  mutating func vlans(_ cold: FlowCold) {
    guard cold.vlanOuter != 0xffff else { return }
    decimal(UInt64(cold.vlanOuter))
    guard cold.vlanInner != 0xffff else { return }
    byte(UInt8(ascii: ","))
    decimal(UInt64(cold.vlanInner))
  }
}
