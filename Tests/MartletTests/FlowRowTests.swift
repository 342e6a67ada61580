import FlowEngine
import Testing

@testable import martlet

struct FlowRowTests {
  @Test func narrowTerminal() {
    #expect(
      table(SampleFlows.few(), width: 80).joined(separator: "\n") == """
        UTC       PROTO  ORIGINATOR              RESPONDER              BYTES →  ← BYTES
        2026-11-21
        05:36:00  UDP    192.168.1.52:53124    ↔ 192.168.1.1:53            74 B    338 B
        05:36:00  TCP    192.168.1.52:54585    ↔ 203.0.113.7:443        98.3 kB  3.22 MB
        05:36:01  TCP    192.168.1.52:54590    → 203.0.113.7:23            74 B      0 B
        05:36:01  TCP    192.168.1.52:54591    ↔ 203.0.113.7:22            74 B     60 B
        05:36:02  TCP    [2001:db8…5678]:40000 ↔ [2606:4700…:84e5]:443  7.40 MB  1.23 GB
        05:36:03  ICMP   192.168.1.52          ↔ 192.168.1.1            5.88 kB  5.88 kB
        2026-11-22
        05:36:00  ICMP6  fe80::1               → ff02::1                  172 B      0 B
        05:36:01  ESP    192.168.1.52          → 203.0.113.7             999 kB      0 B
        """)
  }

  @Test func ordinaryTerminal() {
    #expect(
      table(Array(SampleFlows.few()[1...3]), width: 132).joined(separator: "\n") == """
        START (UTC)    LASTED  PROTO  APP        ORIGINATOR              RESPONDER              PKTS →  ← PKTS  BYTES →  ← BYTES  STATE
        2026-11-21
        05:36:00.123   4.56 s  TCP               192.168.1.52:54585    ↔ 203.0.113.7:443        1.25 k  2.41 k  98.3 kB  3.22 MB  SF
        05:36:01.000        -  TCP               192.168.1.52:54590    → 203.0.113.7:23              1       0     74 B      0 B  S0
        05:36:01.200   400 µs  TCP               192.168.1.52:54591    ↔ 203.0.113.7:22              1       1     74 B     60 B  REJ
        """)
  }

  /// In a file nothing is cut, and each row has its date: rows are sorted and searched there.
  @Test func fileHasAll() throws {
    let lines = table(SampleFlows.few(), width: nil)
    #expect(lines.count == 1 + SampleFlows.few().count)
    let web = try #require(lines.first { $0.contains(":443 ") && $0.contains("192.168") })
    for part in [
      "2026-11-21 05:36:00.123", "192.168.1.52:54585", "↔ 203.0.113.7:443", "1.25 k", "ShADadFf",
      " 100 ", "1:j/Efuk0HaJDsXTsTed3AiEPOcK8=",
    ] {
      #expect(web.contains(part), "\(part) is missing in \(web)")
    }
    #expect(
      lines.contains {
        $0.contains("[2001:db8:1234:5678:9abc:def0:1234:5678]:40000 ↔ [2606:4700::6810:84e5]:443 ")
      })
  }

  @Test(arguments: 1...250)
  func noLineIsWiderThanTheTerminal(width: Int) {
    let flows = SampleFlows.few() + [extreme] + SampleFlows.many(50)
    let plain = table(flows, width: width)
    for line in plain {
      #expect(line.count <= width, "\(line)")
      #expect(!line.hasSuffix(" "))
    }
    #expect(table(flows, width: width, style: colours).map(withoutLooks) == plain)
  }

  @Test func columnsComeWithTheWidth() {
    let heads = [45, 64, 80, 100, 120, 132, 140, 202, 210].map {
      table([], width: $0)[0].split(separator: #/ {2,}/#).map(String.init)
    }
    #expect(heads[0] == ["ORIGINATOR", "RESPONDER"])
    #expect(heads[1].first == "UTC" && heads[1].contains("PROTO"))
    #expect(heads[2].contains("← BYTES") && !heads[2].contains("← PKTS"))
    #expect(heads[3].contains("APP") && !heads[3].contains("← PKTS"))
    #expect(heads[4].contains("← PKTS") && heads[4].contains("LASTED"))
    #expect(heads[5].last == "STATE")
    #expect(heads[6].last == "HISTORY")
    #expect(heads[7].suffix(2) == ["VLAN", "COMMUNITY ID"])
    #expect(heads[8] == heads[7])
    #expect(FlowRowLayout(width: 211).start == 12 && FlowRowLayout(width: 212).start == 23)
  }

  /// What a wider terminal has room for is not taken from the addresses.
  @Test func widerTerminalsShowNoLessOfAnAddress() {
    for width in 1..<300 {
      let (narrow, wide) = (FlowRowLayout(width: width), FlowRowLayout(width: width + 1))
      #expect(narrow.originator <= wide.originator && narrow.responder <= wide.responder)
      if width >= 45 { #expect(narrow.originator >= 21 && narrow.responder >= 21, "\(width)") }
    }
  }

  @Test func whatAFlowSpeaksStandsWhereThereIsRoom() {
    var flow = SampleFlows.few()[1]
    #expect(table([flow], width: 80).last?.contains("TCP ") == true)
    flow.app.proto = AppProtocol.tls.rawValue
    // In place of the transport, or beside it.
    #expect(table([flow], width: 80).last?.contains("tls ") == true)
    #expect(table([flow], width: 80).last?.contains("TCP ") == false)
    for width in [100, 170, nil] {
      #expect(table([flow], width: width).last?.contains("TCP    tls ") == true)
    }
    flow.app.proto = AppProtocol.failed.rawValue
    #expect(table([flow], width: 100).last?.contains("failed") == false)
  }

  @Test func endPointsKeepTheirPort() {
    let flow = SampleFlows.few()[4]
    for width in 40...200 {
      let lines = table([flow], width: width)
      #expect(lines.last?.contains("]:40000 ") == true && lines.last?.contains("]:443") == true)
    }
  }

  @Test func looksTellWhatWentWrong() {
    let lines = table(SampleFlows.few(), width: 132, style: colours)
    #expect(lines[4].contains("\u{1b}[1;31mS0\u{1b}[0m") && lines[4].contains("\u{1b}[2m0 B\u{1b}"))
    #expect(lines[5].contains("\u{1b}[1;31mREJ\u{1b}[0m"))
    #expect(lines[3].contains("\u{1b}[32mSF\u{1b}[0m"))
    #expect(!table(SampleFlows.few(), width: 120).joined().contains("\u{1b}"))
  }

  /// Whatever a record holds, a terminal is not steered by it.
  @Test(arguments: [20, 80, 160, nil] as [Int?])
  func controlCharactersCannotAppear(width: Int?) {
    var flow = SampleFlows.few()[1]
    flow.cold.historyText = (0x1b5b_324a_0a0d_071b, 0x9b00_7f85_1b1b_1b1b)
    flow.cold.historyLength = 255
    let text = table([flow, extreme], width: width).joined(separator: "\n")
    #expect(!hasControlCharacters(text))
  }

  @Test func timesBeforeTheEpochAndAtItsLimits() {
    var flow = SampleFlows.few()[0]
    (flow.cold.firstSeen, flow.hot.lastSeen) = (-1, -1)
    #expect(table([flow], width: 215)[1].hasPrefix("1969-12-31 23:59:59.999        -  UDP"))
    #expect(table([flow], width: 80)[1] == "1969-12-31")
  }

  /// Every number at its largest.
  var extreme: FlowRecord {
    var flow = SampleFlows.few()[4]
    withUnsafeMutableBytes(of: &flow) { bytes in
      for index in bytes.indices { bytes[index] = 0xff }
    }
    flow.cold.firstSeen = .min + 1
    flow.hot.lastSeen = .max
    return flow
  }
}
