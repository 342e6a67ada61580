import ControlAPI
import ControlServer
import Foundation
import Testing

@testable import martlet

/// The commands as a script runs them: the real program before a real server with an engine of samples.
struct CommandTests {
  /// Runs one after another before one engine; each line is split at blanks, quotes hold together.
  func withEngine(_ body: ((String) throws -> ChildProcess.Outcome) throws -> Void) throws {
    try withServer(engine: LiveStubEngine()) { socket in
      try body { line in try MartletProgram.run(Self.words(line), socket: socket) }
    }
  }

  static func words(_ line: String) -> [String] {
    line.matches(of: /'([^']*)'|(\S+)/).map { String($0.output.1 ?? $0.output.2 ?? "") }
  }

  @Test func filtersComeMoveChangeAndGo() throws {
    try withEngine { martlet in
      #expect(try martlet("filter").output.contains("every packet is kept"))
      let added = try martlet("filter add web 'tcp port 80' --action drop")
      #expect(added.status == 0 && added.output == "added web at 0: drop tcp port 80\n")
      // An expression without quotes is one all the same.
      let bulk = try martlet("filter add bulk port 873 --sample 1/64 --port tap0")
      #expect(bulk.output == "added bulk at 1: sample 1/64 port 873, on tap0\n")
      #expect(try martlet("filter add vpn 'net 10.8.0.0/16' --inner --tag vpn --first").status == 0)
      let rows = try martlet("filter list").lines.dropFirst().map {
        $0.split(separator: " ").prefix(4).joined(separator: " ")
      }
      #expect(rows == ["0 vpn tag vpn", "1 web drop tcp", "2 bulk sample 1/64"])
      let replaced = try martlet("filter replace web 'tcp port 8080' --rename proxy")
      #expect(replaced.lines.first == "replaced proxy at 1: drop tcp port 8080")
      #expect(replaced.lines.last?.contains("was drop tcp port 80; caught") == true)
      #expect(try martlet("filter move proxy --first").output.hasPrefix("moved proxy at 0"))
      #expect(try martlet("filter remove proxy").output.hasPrefix("removed proxy"))
      let list = try JSONParser.parse(try martlet("filter --json").output)
      guard case .array(let rules) = list["rules"] else { throw TestFailure("no rules") }
      #expect(rules.map { $0["rule"]?["name"] } == ["vpn", "bulk"])
    }
  }

  @Test func filterTestSaysWhatItWouldCatch() throws {
    try withEngine { martlet in
      let lines = try martlet("filter test 'tcp port 80' -n 1000").lines
      #expect(lines.first?.hasPrefix("caught 125 of 1,000 packets (12.5 %)") == true)
      #expect(lines.contains("20 instructions, 6.1 ns a packet (18 TSC ticks)"))
      #expect(lines.last == "(019) ret      #0")
      #expect(
        try martlet("filter test 'tcp port 80' -n 0").lines.first?.hasPrefix("20 instr") == true)
    }
  }

  @Test func flowsAreListedAddedUpShownAndEnded() throws {
    try withEngine { martlet in
      let list = try martlet("flows --where 'dest_port == 443' --order rate --limit 3")
      #expect(list.lines.count == 6 && list.lines[1].contains("▼ RATE"))
      #expect(list.lines.dropFirst(2).prefix(3).allSatisfy { $0.contains(":443 ") })
      let top = try martlet("flows top --key protocol --by bytes")
      #expect(top.lines[1].hasPrefix("PROTOCOL") && top.output.contains("IPv6-ICMP"))
      let shown = try martlet("flows get 1:sample1")
      #expect(shown.lines[2] == "  \"flow_id\": 7919113,")
      #expect(try martlet("flows kill 7919113").output.hasPrefix("1 ended"))
      let gone = try martlet("flows get 7919113")
      #expect(gone.status == 1 && gone.error.contains("no live flow is 7919113"))
      // Nobody is there to be asked.
      let unasked = try martlet("flows kill --where 'proto == udp'")
      #expect(unasked.status == 64 && unasked.error.contains("give --yes"))
      #expect(try martlet("flows kill --where 'proto == udp' --yes").output.hasPrefix("11 ended"))
    }
  }

  @Test func portsLevelAndConfiguration() throws {
    try withEngine { martlet in
      #expect(try martlet("ports stop tap1").output == "tap1 is stopped\n")
      #expect(try martlet("ports").lines.last?.contains("stopped") == true)
      #expect(try martlet("ports stop tap1").output == "tap1 was stopped already\n")
      #expect(try martlet("ports start tap1").output == "tap1 is started\n")
      #expect(try martlet("log-level debug").output == "log level: info → debug\n")
      let dry = try martlet("reload --dry-run").lines
      #expect(dry.first == "/etc/martlet/martlet.yaml: would change")
      #expect(dry.contains("needs a restart:") && dry.last?.hasPrefix("warning: ") == true)
      #expect(try martlet("reload").lines.first == "/etc/martlet/martlet.yaml: changed")
      #expect(try martlet("reload").lines.first == "/etc/martlet/martlet.yaml: nothing changed")
    }
  }

  /// What the daemon says over several lines is printed over several lines.
  @Test func messagesOfSeveralLinesStayThat() throws {
    try withEngine { martlet in
      let wrong = try martlet("flows --where 'dst_port\n 3'")
      #expect(wrong.status == 1 && !wrong.error.contains("\u{fffd}"), "\(wrong.error)")
      #expect(wrong.error.hasPrefix("martlet: ") && wrong.error.split(separator: "\n").count > 1)
    }
  }

  @Test func whatCannotBeSaysWhatToDo() throws {
    let directory = try TestDirectory()
    let plain = "\(directory.path)/plain"
    try Data("x".utf8).write(to: URL(fileURLWithPath: plain))
    let socket = try MartletProgram.run("status", "--socket", plain, socket: plain)
    #expect(socket.status == 64 && socket.error.contains("is no socket"), "\(socket.error)")
    let absent = try MartletProgram.run("audit", "show", "\(plain).log", socket: plain)
    #expect(absent.status == 1 && absent.error.contains("control.auditLog"), "\(absent.error)")
    #expect(!absent.error.contains("Usage"))
    let verify = try MartletProgram.run("audit", "verify", "\(plain).log", socket: plain)
    #expect(verify.status == 1 && verify.error.contains("control.auditLog"), "\(verify.error)")
  }

  /// A misspelt name would be true of nothing, and everything would be acknowledged away.
  @Test(arguments: [
    ("--where 'tls.snii == \"x\"'", "tls.sni"), ("--where 'http.statuss > 1'", "http.status"),
    ("--where 'dns.rrnam == x'", "dns.rrname"), ("--type flw", "flow"),
    ("--fields timestamp,tls.snii", "tls.sni"),
  ])
  func forwardTakesNoMisspeltName(_ option: String, _ name: String) throws {
    let outcome = try MartletProgram.run(
      Self.words("forward null --once --redis unix:/nonexistent.sock \(option)"), socket: "/x")
    #expect(outcome.status == 64 && outcome.error.contains("did you mean"), "\(outcome.error)")
    #expect(outcome.error.contains(name))
    #expect(!outcome.error.contains("Usage: martlet <subcommand>"), "\(outcome.error)")
  }

  @Test func tracesShowEachPacketsWayAndBecomeAFile() throws {
    let directory = try TestDirectory()
    try withEngine { martlet in
      let trace = try martlet("trace 'host 10.20.0.200' -n 3 --write \(directory.path)/t.pcapng")
      #expect(trace.status == 0)
      #expect(
        trace.lines.contains {
          $0.split(separator: " ").prefix(3) == ["filter", "dropped", "rule"]
        })
      #expect(trace.lines.last == "3 packets written to \(directory.path)/t.pcapng")
      let file = try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/t.pcapng"))
      #expect(file == SampleData.pcapng(packets: 3))
      let none = try martlet("trace 'port 9' --timeout 1")
      #expect(none.status == 1 && none.output.isEmpty)
      #expect(none.error == "martlet: no packet matched within 1 s\n")
    }
  }

  @Test func watchWritesALineAPeriod() throws {
    try withEngine { martlet in
      let watch = try martlet("watch --period 0.1 --count 3")
      #expect(watch.status == 0 && watch.lines.count == 4, "\(watch.output)\(watch.error)")
      #expect(watch.lines[0].contains("PACKETS/s"))
      // Three cells of a line that is not the headline: the time, and rates of millions.
      for line in watch.lines.dropFirst() {
        #expect(line.contains(/\d\d:\d\d:\d\d +\d\.\d\d M +\d\.\d\d G/), "\(line)")
      }
      let json = try martlet("watch --period 0.1 --count 2 --json").lines
      #expect(json.count == 2)
      #expect(try json.allSatisfy { try JSONParser.parse($0)["totals"]?["received"] != nil })
    }
  }

  @Test func statsHaveRatesRingsAndViews() throws {
    try withServer { socket in
      let text = try MartletProgram.run("stats", "--xstats", socket: socket).output
      for part in [
        "OVER 1 s", "OVER 1 min", "tap0 missed", "2,048 of 32,768", "handoff 1 0",
        "rx_good_packets",
        "2 more at nought", "every one accounted for",
      ] {
        #expect(text.contains(part), "\(part) is missing")
      }
      let reset = try MartletProgram.run("stats", "--reset", "shift", socket: socket)
      #expect(reset.output.hasPrefix("the view shift counts from 20"))
      let view = try MartletProgram.run("stats", "--view", "shift", socket: socket)
      #expect(view.lines[0].hasSuffix("counters of the view shift"))
    }
  }

  /// Scripts go by the status, people by one line that says what would be right.
  @Test(
    arguments: [
      ("filter remove web", 1, "there is no filter \"web\"; there is none yet"),
      ("filter add x 'prot 80'", 1, "syntax error in filter expression"),
      ("filter add x 'port 80' --port eth9", 1, "no port \"eth9\"; there are: tap0, tap1"),
      ("filter add x 'port 80' --sample 3", 64, "a power of two"),
      ("filter add x 'port 80' --sample 1/8 --action drop", 64, "leave --action away"),
      ("filter move x", 64, "give a position or --first"),
      ("flows --where 'foo == 1'", 1, "there is no field \"foo\"; expected: a record expression"),
      ("flows get nonsense", 64, "flow_id or Community ID"),
      ("flows top --by age", 64, "--by takes one of bytes, packets, rate, packetRate"),
      ("log-level loud", 64, "one of trace, debug"),
      ("trace -n 1000", 64, "--packets takes 1 to 256"),
      ("ports start tap7", 1, "there are: tap0, tap1"),
      ("watch --period 0", 64, "--period takes 0.1 to 3600"),
      ("status --socket /nonexistent/s.sock", 69, "martletd is not running at"),
    ] as [(String, Int32, String)])
  func errorsSayWhatWouldBeRight(line: String, status: Int32, text: String) throws {
    try withEngine { martlet in
      let outcome = try martlet(line)
      #expect(outcome.status == status)
      #expect(outcome.output.isEmpty)
      #expect(outcome.error.contains(text), "\(outcome.error)")
      if status != 64 { #expect(outcome.error.split(separator: "\n").count == 1) }
    }
  }

  @Test func refusalHasAStatusOfItsOwn() throws {
    let viewersOnly: ControlAuthorizer = { _ in .viewer }
    try withServer(authorizer: viewersOnly) { socket in
      let outcome = try MartletProgram.run("filter", "add", "x", "port 80", socket: socket)
      #expect(outcome.status == 77 && outcome.error.contains("operator"), "\(outcome.error)")
      #expect(try MartletProgram.run("filter", socket: socket).status == 0)
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func shellsCompleteWhatTheEngineKnows(shell: String) throws {
    try withEngine { martlet in
      let script = try martlet("--generate-completion-script \(shell)")
      #expect(script.status == 0 && script.output.contains("log-level"))
    }
  }

  @Test func everyCommandHasHelpWithExamples() throws {
    let commands = [
      "", "top", "status", "stats", "watch", "filter", "filter add", "filter replace",
      "filter move",
      "filter test", "flows", "flows list", "flows get", "flows top", "flows kill", "ports",
      "trace",
      "tune", "reload", "log-level", "shutdown",
    ]
    for command in commands {
      let help = try MartletProgram.run(Self.words("\(command) --help"), socket: "/nonexistent")
      #expect(help.status == 0 && help.output.contains("EXAMPLES"), "\(command)")
    }
  }

  @Test func editsALine() {
    var line = LineEditor("dest_prt == 443")
    func press(_ keys: Keyboard.Key...) -> String {
      for key in keys where !line.take(key) { return "not taken: \(key)" }
      return line.text
    }
    #expect(
      press(.home, .right, .right, .right, .right, .right, .right, .character("o"))
        == "dest_port == 443")
    #expect(line.cursor == 7)
    #expect(press(.end, .control("w")) == "dest_port == ")
    #expect(press(.backspace, .control("u")) == "")
    #expect(press(.tab) == "not taken: tab")
    let long = LineEditor(String(repeating: "x", count: 50) + "end")
    let (before, under, behind) = long.visible(width: 10)
    #expect(before == "xxxxxxend" && under == " " && behind == "")
  }

  @Test func keysOfATerminal() {
    let bytes = Array("a\u{1b}[A\u{1b}[3~\u{1b}OH\u{1b}[Zä".utf8) + [13, 27]
    #expect(
      Keyboard.keys(in: bytes) == [
        .character("a"), .up, .delete, .home, .backTab, .character("ä"), .enter, .escape,
      ])
  }

  @Test func aMinuteOfRates() {
    var history = RateHistory()
    for second in stride(from: 0.0, to: 120, by: 5) {
      history.add(from: second, to: second + 5, rate: second < 90 ? 10 : 30)
    }
    #expect(history.parts(4) == [10, 10, 30, 30] && history.greatest == 30)
    #expect(Glyphs.sparkline(history.parts(4), width: 6) == "  ▃▃██")
    #expect(Glyphs.ascii("▃▃██ → …") == "::## > ~")
    #expect(RateHistory().parts(4).isEmpty && Glyphs.sparkline([], width: 3) == "   ")
  }
}
