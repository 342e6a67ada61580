import ControlAPI
import Testing

@testable import martlet

struct UnitsTests {
  @Test(
    arguments: [
      (0, "0"), (7, "7"), (9.5, "9.50"), (999, "999"), (999.4, "999"), (999.6, "1.00 k"),
      (1250, "1.25 k"), (12_500, "12.5 k"), (99_950, "100 k"), (83_100, "83.1 k"),
      (1_250_000, "1.25 M"), (14_880_000, "14.9 M"), (2e21, "2000 E"), (-1, "0"), (.infinity, "-"),
      (.nan, "-"),
    ] as [(Double, String)])
  func scaled(value: Double, text: String) { #expect(Units.scaled(value) == text) }

  @Test(
    arguments: [
      (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"),
      (.max, "18,446,744,073,709,551,615"),
    ] as [(UInt64, String)])
  func grouped(value: UInt64, text: String) { #expect(Units.grouped(value) == text) }

  @Test(
    arguments: [
      (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (268_435_456, "256 MiB"),
      (.max, "16777216 TiB"),
    ] as [(UInt64, String)])
  func memory(value: UInt64, text: String) { #expect(Units.memory(value) == text) }

  @Test(
    arguments: [
      (0, "0 s"), (0.42, "0.4 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"),
      (59.6, "1m 00s"), (185, "3m 05s"), (3725, "1h 02m"), (273_600, "3d 04h"), (-1, "-"),
      (.nan, "-"), (1e300, "11574074074d 01h"),
    ] as [(Double, String)])
  func duration(seconds: Double, text: String) { #expect(Units.duration(seconds) == text) }

  @Test func traffic() {
    #expect(Units.traffic(1_230_000_000) == "1.23 GB")
    #expect(Units.scaled(4.12e9, "b/s") == "4.12 Gb/s")
    #expect(Units.percent(0.825) == "83 %" && Units.percent(7) == "100 %")
  }
}

struct TableTests {
  static let off = Style(isOn: false)

  func table() -> Table {
    var table = Table([
      .init("NAME", minimumWidth: 4), .init("COUNT", .right), .init("NOTE", dispensability: 1),
    ])
    table.add(Span("alphabet"), Span("1"), Span("first"))
    table.add(Span("b"), Span("22,222"), Span(""))
    return table
  }

  @Test func columnsAreAligned() {
    #expect(
      table().lines(width: 80, style: Self.off) == [
        "NAME       COUNT  NOTE", "alphabet       1  first", "b         22,222  ",
      ])
  }

  @Test func dispensableColumnsGoThenCellsAreCut() {
    #expect(
      table().lines(width: 16, style: Self.off) == [
        "NAME       COUNT", "alphabet       1", "b         22,222",
      ])
    #expect(
      table().lines(width: 13, style: Self.off) == [
        "NAME    COUNT", "alph…       1", "b      22,222",
      ])
  }

  @Test(arguments: 1...60)
  func noLineIsWiderThanAsked(width: Int) {
    let flows = SampleData.topFlows(.init(count: 30), uptimeSeconds: 60).flows
    for order in FlowOrder.allCases {
      let lines = FlowTable.make(flows, order: order).lines(width: width, style: Self.off)
      #expect(lines.count == 31 && lines.allSatisfy { $0.count <= width })
    }
  }

  /// IPv4 end points in full at any width of a usual terminal, and of IPv6 ones the port.
  @Test func flowsShowTheirEndPoints() {
    var flow = LiveFlow()
    (flow.proto, flow.srcIP, flow.srcPort) = ("TCP", "203.0.113.150", 50608)
    (flow.destIP, flow.destPort) = ("198.51.100.123", 65535)
    var other = flow
    (other.srcIP, other.srcPort) = ("2001:db8:1:0:248:1893:25c8:1946", 45812)
    for width in 60...200 {
      let lines = FlowTable.make([flow, other], order: .rate).lines(width: width, style: Self.off)
      #expect(
        lines[1].contains("203.0.113.150:50608 ") && lines[1].contains("198.51.100.123:65535 "))
      #expect(lines[2].contains("]:45812 "), "\(width): \(lines[2])")
    }
    for width in 40...59 {
      let lines = FlowTable.make([flow, other], order: .rate).lines(width: width, style: Self.off)
      #expect(lines[1].contains(":50608 ") && lines[1].contains(":65535 "), "\(lines[1])")
    }
  }

  @Test func coloursOnlyWhereTheyAreOn() {
    let line = StyledLine(Span("a", .red), Span("b"))
    #expect(line.text(width: 9, style: Self.off) == "ab")
    #expect(line.text(width: 9, style: Style(isOn: true)) == "\u{1b}[1;31ma\u{1b}[0mb")
    #expect(line.text(width: 1, style: Self.off) == "…")
  }

  @Test func controlCharactersDoNotReachTheTerminal() {
    #expect(Span("a\u{1b}[2Jb\n\u{9b}\u{202e}").text == "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}")
    #expect(printableLines("a\u{1b}\n  b\r") == "a\u{fffd}\n  b\u{fffd}")
    #expect(firstLine("a: b\n  c\n  ^") == "a: b" && firstLine("") == "")
  }

  @Test func endPointsKeepTheirPort() {
    #expect(FlowTable.endpoint("192.0.2.1", 443) == "192.0.2.1:443")
    #expect(FlowTable.endpoint("2001:db8::1", 443) == "[2001:db8::1]:443")
    #expect(FlowTable.endpoint("2001:db8::1", 0) == "2001:db8::1")
    for text in [
      "[2606:2800:220:1:248:1893:25c8:1946]:41758", "203.0.113.150:41758",
      "2606:2800:220:1:248::46",
    ] {
      let port = text.hasSuffix("41758") ? ":41758" : ""
      for width in 0...50 {
        let shown = cutEndpoint(text, to: width)
        #expect(shown.count <= width && (width == 0 || !shown.isEmpty))
        #expect(shown == text || width == 0 || shown.contains("…"))
        // Its port, or nothing of it.
        #expect(shown.hasSuffix(port) || !shown.contains(/\d/), "\(shown)")
        if width >= 8 { #expect(shown.hasSuffix(port) && shown.count == min(width, text.count)) }
      }
    }
    #expect(cutMiddle("abc", to: 0) == "" || cutMiddle("abc", to: 1) == "…")
  }
}

struct CommandViewTests {
  static let off = Style(isOn: false)

  @Test func statusNamesWhatMatters() {
    let text = StatusView(status: SampleData.status()).lines(width: 120, style: Self.off)
      .joined(separator: "\n")
    for part in [
      "edge1  running  for 1h 02m", "up 10 Gb/s", "tap1: software RSS: net_ring has no RSS",
      "shared with publisher", "No space left on device", "tap0:1 tap1:1",
    ] {
      #expect(text.contains(part), "\(part) is missing in\n\(text)")
    }
  }

  @Test func statsShowConservationAndItsBreach() {
    var stats = SampleData.stats(uptimeSeconds: 100)
    let text = {
      StatsView(stats: stats).lines(width: 120, style: Self.off).joined(separator: "\n")
    }
    #expect(text().contains("every one accounted for"))
    stats.conservation.holds = false
    stats.conservation.difference = 12
    #expect(text().contains("12 not accounted for"))
  }

  @Test func statsFitManyWorkersIntoTheWidth() {
    var stats = SampleData.stats(uptimeSeconds: 100)
    stats.workers = (0..<32).map {
      var worker = stats.workers[0]
      worker.index = $0
      return worker
    }
    let lines = StatsView(stats: stats).lines(width: 100, style: Self.off)
    #expect(lines.allSatisfy { $0.count <= 100 })
    #expect(lines[2].contains("WORKER 0") && !lines[2].contains("WORKER 31"))
  }

  /// Drivers of rings count no bytes: nought would be a figure.
  @Test func aPortThatCountsNoBytesHasNoFigure() {
    var stats = SampleData.stats(uptimeSeconds: 100)
    for place in stats.ports.indices { stats.ports[place].receivedBytes = 0 }
    var list = PortList()
    list.ports = zip(SampleData.status().ports, stats.ports).map { status, stats in
      var port = PortState()
      (port.status, port.stats) = (status, stats)
      return port
    }
    for line in PortsView.lines(list, 200, style: Self.off).dropFirst() {
      #expect(line.contains(" - ") && !line.contains("0 B"), "\(line)")
    }
    var model = TopModel(order: .rate)
    model.take(SampleData.status(), stats, FlowsTop())
    let view = TopView(
      model: model, size: Output.Size(width: 120, height: 40), style: Self.off)
    let lines = view.lines().filter { $0.hasPrefix("tap0") }
    #expect(lines.allSatisfy { $0.contains(" -  of ") }, "\(lines)")
  }

  @Test func tuneShowsRangeAndDefault() {
    let sleep = Tunable(
      key: "engine.maximumSleepMicroseconds", kind: .integer, value: .integer(30),
      standard: .integer(50), minimum: .integer(1), maximum: .integer(10_000), unit: "µs",
      isLive: true, meaning: "How long")
    let drain = Tunable(
      key: "drainSeconds", kind: .number, value: .number(30), standard: .number(30),
      minimum: .number(1), maximum: .number(3600), unit: "s", isLive: false, meaning: "Until")
    let lines = TuneView.lines(
      TuningList([sleep, drain]), explains: false, width: 120, style: Self.off)
    #expect(
      lines.map { $0.split(separator: " ").joined(separator: " ") } == [
        "KEY VALUE UNIT RANGE DEFAULT LIVE",
        "engine.maximumSleepMicroseconds 30 µs 1 to 10000 50 yes",
        "drainSeconds 30 s 1 to 3600 30 restart",
      ])
    let change = TuningChange(
      key: "engine.polling", before: .text("adaptive"), after: .text("busy"), unit: "",
      notes: ["worker 0 shares its core"])
    #expect(
      TuneView.lines(change, style: Self.off) == [
        "engine.polling: adaptive → busy", "  worker 0 shares its core",
      ])
    #expect(Tune.parse("30") == .integer(30) && Tune.parse("0.5") == .number(0.5))
    #expect(Tune.parse("busy") == .text("busy") && Tune.parse("inf") == .text("inf"))
  }

  @Test func topNeverLeavesTheScreen() {
    var model = TopModel(order: .rate)
    for second in [10.0, 11.0] {
      model.take(
        SampleData.status(), SampleData.stats(uptimeSeconds: second),
        SampleData.topFlows(.init(count: 60), uptimeSeconds: second))
    }
    let typed = TopModel.ExpressionEditor(line: LineEditor("dest_port == 443"), problem: "no field")
    for (problem, editor) in [(nil, typed), ("lost martletd", nil)] {
      model.problem = problem
      model.editor = editor
      model.showsHelp = editor == nil
      model.expression = problem ?? ""
      for width in stride(from: 1, through: 200, by: 19) {
        for height in stride(from: 1, through: 50, by: 3) {
          let size = Output.Size(width: width, height: height)
          let lines = TopView(model: model, size: size, style: Self.off).lines()
          #expect(lines.count <= height && lines.allSatisfy { $0.count <= width })
        }
      }
    }
  }

  @Test func topTakesRatesFromTwoReadings() {
    var model = TopModel(order: .rate)
    func take(_ seconds: Double, _ received: UInt64, epoch: UInt64 = 1) {
      var status = SampleData.status()
      status.startEpoch = epoch
      var stats = EngineStats()
      stats.uptimeSeconds = seconds
      stats.totals.received = received
      model.take(status, stats, FlowsTop())
    }
    let rate = { model.rate { $0.totals.received } }
    take(10, 1000)
    #expect(rate() == nil)
    take(12, 3000)
    #expect(rate() == 1000)
    // A key a moment later does not make the rates wild.
    take(12.01, 3010)
    #expect(abs((rate() ?? 0) - 1000) < 1)
    // Another run of the engine begins anew.
    take(1, 5, epoch: 2)
    #expect(rate() == nil)
  }

  @Test func keysAndExitStatus() {
    #expect(Keyboard.keys(in: Array("q".utf8)) == [.character("q")])
    #expect(Keyboard.keys(in: [3]) == [.interrupt])
    #expect(Keyboard.keys(in: Array("\u{1b}[A".utf8)) == [.up])
    #expect(Keyboard.keys(in: []) == [])
    #expect(ExitStatus(ControlClientError(.unavailable, "")) == .unavailable)
    #expect(ExitStatus(ControlClientError(.badPath, "")) == .usage)
    #expect(ExitStatus(RPCError(.notPermitted)) == .notPermitted)
    #expect(ExitStatus(RPCError(.internalError)) == .failure)
  }
}
