import ControlServer
import Foundation
import Testing

/// `martlet top` in a real terminal, before an engine whose numbers move.
@Suite(
  .enabled(if: TmuxTerminal.isPossible, Comment(rawValue: TmuxTerminal.skipped)), .serialized)
struct TopTerminalTests {
  static func command(_ socket: String, _ more: String = "", environment: String = "") -> String {
    "env -u NO_COLOR LC_ALL=C.UTF-8 MARTLET_SOCKET=\(socket) \(environment) \(MartletProgram.path) top \(more)"
  }

  func withTop(
    width: Int = 100, height: Int = 30, _ more: String = "", environment: String = "",
    _ body: (TmuxTerminal) throws -> Void
  ) throws {
    try withServer(engine: LiveStubEngine()) { socket in
      let terminal = try TmuxTerminal(
        Self.command(socket, more, environment: environment), width: width, height: height)
      try terminal.wait(forText: "martlet  edge1  running")
      try body(terminal)
    }
  }

  @Test(arguments: [(80, 24), (100, 30), (160, 50)])
  func showsTheLink(width: Int, height: Int) throws {
    try withTop(width: width, height: height) { terminal in
      let lines = try terminal.wait(for: "rates") { $0.count > 1 && $0[1].contains("pps") }
      for text in [
        "97,426 flows", "worker 1", "tap0", "redis ok", "▼ RATE", "10.20.0.200:40000", "q quit",
      ] {
        #expect(lines.contains { $0.contains(text) }, "\(text) is missing")
      }
      #expect(lines[height - 1].hasPrefix("r rate"))
      // Red is for what is being lost now.
      try terminal.wait(for: "red") { _ in
        try terminal.colours().contains(/\[31m(\u{1b}\[[0-9;]*m)*tap0 missed/)
      }
    }
  }

  @Test func keysChooseWhatIsShown() throws {
    try withTop { terminal in
      try terminal.press("b")
      try terminal.wait(forText: "▼ BYTES")
      try terminal.press("2")
      try terminal.wait(for: "addresses") { $0.contains { $0.hasPrefix("ADDRESS") } }
      try terminal.press("Tab")
      try terminal.wait(forText: " ↔ ")
      try terminal.press("BTab", "BTab")
      try terminal.wait(for: "flows") { $0.contains { $0.hasPrefix("PROTO") } }
      try terminal.press("+")
      try terminal.wait(forText: "every 2 s")
      try terminal.press("-", "-", "-")
      try terminal.wait(forText: "every 0.2 s")
      try terminal.press("?")
      try terminal.wait(forText: "martlet top ─")
      try terminal.press("x")
      try terminal.wait(for: "no help") { !$0.contains { $0.contains("martlet top ─") } }
      try terminal.press("Down", "Down")
      try terminal.wait(for: "the third flow first") { lines in
        let head = lines.firstIndex { $0.hasPrefix("PROTO") } ?? 0
        return lines.count > head + 1 && !lines.contains { $0.contains("10.20.0.200:40000") }
      }
      try terminal.press("Home")
      try terminal.wait(forText: "10.20.0.200:40000")
    }
  }

  @Test func pausedNumbersStandStill() throws {
    try withTop("--interval 0.2") { terminal in
      try terminal.press("Space")
      try terminal.wait(forText: "paused")
      // An answer that was on its way may still come; a key's answer shows that nothing else does.
      try terminal.press("5")
      let first = try terminal.wait(for: "protocols") { $0.contains { $0.hasPrefix("PROTOCOL") } }
      let uptime = { (lines: [String]) in lines[0].firstMatch(of: /up [0-9a-z. ]+ s/)?.output }
      try terminal.press("?")
      try terminal.wait(forText: "martlet top ─")
      try terminal.press("x")
      let second = try terminal.wait(for: "no help") { $0.contains { $0.hasPrefix("PROTOCOL") } }
      #expect(uptime(first) == uptime(second))
      try terminal.press("Space")
      try terminal.wait(for: "moving numbers") { uptime($0) != uptime(first) }
    }
  }

  @Test func filtersInPlaceAndSaysWhatIsWrong() throws {
    try withTop { terminal in
      try terminal.press("/")
      try terminal.wait(forText: "where:")
      try terminal.type("dest_prt == 443")
      try terminal.press("Enter")
      try terminal.wait(forText: "there is no field \"dest_prt\"")
      // The flows are still all of them.
      #expect(try terminal.screen().contains { $0.contains("198.51.100.12:53") })
      try terminal.press("C-u")
      try terminal.type("dest_port == 443")
      try terminal.press("Enter")
      let lines = try terminal.wait(forText: "where     dest_port == 443   11 of 97,426 flows")
      #expect(lines.contains { $0.contains("198.51.100.10:443") })
      #expect(!lines.contains { $0.contains("198.51.100.12:53") })
      try terminal.press("/", "Escape")
      try terminal.wait(forText: "where     dest_port == 443")
      try terminal.press("Escape")
      try terminal.wait(for: "all flows") { lines in
        lines.contains { $0.contains("198.51.100.12:53") }
          && !lines.contains { $0.hasPrefix("where") }
      }
    }
  }

  @Test func followsTheTerminalsSize() throws {
    try withTop(width: 80, height: 24) { terminal in
      for (width, height) in [(160, 50), (40, 8), (200, 60), (20, 3), (80, 24)] {
        try terminal.resize(width: width, height: height)
        let isWide = width >= 80
        let lines = try terminal.wait(for: "\(width)x\(height)") { lines in
          lines.count >= height && lines[0].hasPrefix("martlet  edge1")
            && (!isWide || lines[height - 1].hasPrefix("r rate"))
        }
        #expect(lines.prefix(height).allSatisfy { $0.count <= width })
        // Nothing of another size is left behind.
        #expect(lines.filter { $0.contains("r rate") }.count <= 1)
        #expect(lines.filter { $0.hasPrefix("martlet  edge1") }.count == 1)
      }
    }
  }

  @Test func outlivesTheDaemon() throws {
    let directory = try TestDirectory()
    let start = {
      let server = ControlServer(
        engine: LiveStubEngine(), socketPath: directory.socketPath, logger: quietLogger)
      try server.start()
      return server
    }
    let first = try start()
    let terminal = try TmuxTerminal(
      Self.command(directory.socketPath, "--interval 0.2"), width: 100, height: 30)
    try terminal.wait(forText: "edge1  running")
    first.stop()
    try terminal.wait(forText: "edge1  not reachable")
    try terminal.wait(forText: "martletd is not running")
    // Keys work on.
    try terminal.press("h")
    try terminal.wait(forText: "martlet top ─")
    try terminal.press("h")
    let second = try start()
    defer { second.stop() }
    let lines = try terminal.wait(forText: "edge1  running")
    #expect(!lines.contains { $0.contains("martletd is not running") })
  }

  /// However it ends, the terminal is as it was: its modes, its cursor, and what stood on it.
  @Test(arguments: ["q", "C-c", "TERM"])
  func givesTheTerminalBack(how: String) throws {
    try withServer(engine: LiveStubEngine()) { socket in
      let terminal = try TmuxTerminal(
        "stty -g; echo before; \(Self.command(socket)); echo left $?; stty -g; sleep 1000",
        width: 100, height: 30)
      try terminal.wait(forText: "edge1  running")
      #expect(try terminal.ask("#{alternate_on} #{cursor_flag}") == "1 0")
      if how == "TERM" {
        let shell = try terminal.ask("#{pane_pid}")
        let children = try String(
          contentsOfFile: "/proc/\(shell)/task/\(shell)/children", encoding: .ascii)
        let child = try #require(pid_t(children.split(separator: " ").first ?? ""))
        kill(child, SIGTERM)
      } else {
        try terminal.press(how)
      }
      let lines = try terminal.wait(forText: "left").filter { !$0.isEmpty }
      try terminal.wait(for: "the modes again") { $0.filter { !$0.isEmpty }.count >= 4 }
      let all = try terminal.screen().filter { !$0.isEmpty }
      #expect(lines[1] == "before")
      #expect(all.contains("left \(how == "TERM" ? 143 : 0)"))
      #expect(all.first == all.last, "stty -g differs")
      #expect(try terminal.ask("#{alternate_on} #{cursor_flag}") == "0 1")
    }
  }

  @Test func withoutColoursAndWithoutUnicode() throws {
    try withTop(environment: "NO_COLOR=1 LC_ALL=C") { terminal in
      let lines = try terminal.wait(forText: "worker 0")
      #expect(lines.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } })
      #expect(lines.contains { $0.contains("v RATE") })
      #expect(try !terminal.colours().contains("\u{1b}["))
    }
  }

  @Test func anErrorOfTheCommandLineIsNoScreen() throws {
    try withServer(engine: LiveStubEngine()) { socket in
      let terminal = try TmuxTerminal(
        Self.command(socket, "--where 'foo == 1'") + "; echo left $?; sleep 1000", width: 100,
        height: 30)
      let lines = try terminal.wait(forText: "left 1")
      #expect(lines.contains { $0.contains("there is no field \"foo\"") })
    }
  }
}
