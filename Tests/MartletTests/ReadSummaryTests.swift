import ControlAPI
import FlowEngine
import Records
import Testing

@testable import martlet

struct ReadSummaryTests {
  func text(_ summary: ReadSummary, width: Int = 80) -> String {
    summary.lines(width: width, style: noStyle).joined(separator: "\n")
  }

  func counters(_ values: [FlowEngine.Counter: UInt64]) -> CounterSnapshot {
    var counters = CounterSnapshot()
    for (counter, value) in values { counters[counter] = value }
    return counters
  }

  /// The few flows with what else a reader would have to say.
  func full() -> ReadSummary {
    var summary = summary(Array(SampleFlows.few().prefix(6)))
    summary.input.files = ["office.pcap"]
    summary.input.inputBytes = 1_234_567_890
    let inFlows = summary.totals.packets
    summary.input.counters = counters([
      .received: inFlows + 70, .receivedBytes: summary.totals.bytes + 4200,
      .countedInFlows: inFlows, .arp: 60, .truncatedIPv4: 7, .badUDPLength: 1, .filtered: 3,
      .evicted: 2,
    ])
    return summary
  }

  /// What flows speak stands in the text and in JSON, with the records that gave.
  @Test func whatFlowsSpeak() throws {
    var flows = Array(SampleFlows.few().prefix(3))
    #expect(!text(summary(flows)).contains("APPLICATIONS"))
    flows[0].app.proto = AppProtocol.dns.rawValue
    flows[1].app.proto = AppProtocol.tls.rawValue
    flows[2].app.proto = AppProtocol.failed.rawValue
    var summary = summary(flows)
    var head = EventHead(key: flows[0].hot.key)
    head.proto = AppProtocol.dns.rawValue
    for flags in [0, 0, EventHead.Flags.notEVE] {
      head.flags = flags
      withUnsafeBytes(of: head) { bytes in
        if let event = EventRecord(bytes) { summary.add(event) }
      }
    }
    #expect(summary.spoken.map(\.app) == [.tls, .dns, .failed])
    #expect(summary.spoken.map(\.records) == [0, 2, 0])
    #expect(summary.spoken.map(\.totals.flows) == [1, 1, 1])
    for width in [60, 80, 160] {
      let lines = summary.lines(width: width, style: noStyle)
      #expect(lines.contains { $0.hasPrefix("APPLICATIONS") })
      #expect(
        lines.contains { $0.hasPrefix("tls ") } && lines.contains { $0.hasPrefix("not known") })
    }
    guard case .array(let list)? = summary.json()["app_protos"] else {
      Issue.record("no app_protos in the summary")
      return
    }
    #expect(list.count == 3)
    #expect(list[1]["app_proto"]?.text == "\"dns\"" && list[1]["records"]?.text == "2")
  }

  @Test func golden() {
    #expect(
      text(full()) == """
        office.pcap  1.23 GB
        2026-11-21 05:36:00 – 06:38:07 UTC  1h 02m
        178 k packets   1.24 GB   6 flows   3 packets filtered out
        mean 2.66 Mb/s, 47.9 pps   peak 3.24 Mb/s over 37 s

         3.05 Mb/s ┤█▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃
                   ┤████████████████████████████████████████████████████████████████████
                   ┤████████████████████████████████████████████████████████████████████
                   ┤████████████████████████████████████████████████████████████████████
                   ┤████████████████████████████████████████████████████████████████████
             0 b/s └────────────────────────────────────────────────────────────────────
                    05:36:00                      06:07:03                      06:38:07

        PROTOCOLS
                    PACKETS    BYTES  FLOWS  SHARE
        IPv4         3.79 k  3.33 MB      5  < 1 %  ▏
          TCP        3.66 k  3.32 MB      3  < 1 %  ▏
            https    3.66 k  3.32 MB      1  < 1 %  ▏
            ssh           2    134 B      1  < 1 %  ▏
            telnet        1     74 B      1  < 1 %  ▏
          ICMP          120  11.8 kB      1  < 1 %  ▏
          UDP             2    412 B      1  < 1 %  ▏
            domain        2    412 B      1  < 1 %  ▏
        IPv6          174 k  1.24 GB      1  100 %  █████████████████████████████▉
          TCP         174 k  1.24 GB      1  100 %  █████████████████████████████▉
            https     174 k  1.24 GB      1  100 %  █████████████████████████████▉

        TOP HOSTS of 5
                                                  BYTES     SENT  RECEIVED  FLOWS  SHARE
        2001:db8:1234:5678:9abc:def0:1234:5678  1.24 GB  7.40 MB   1.23 GB      1  100 %
        2606:4700::6810:84e5                    1.24 GB  1.23 GB   7.40 MB      1  100 %
        192.168.1.52                            3.33 MB   104 kB   3.23 MB      5  < 1 %
        203.0.113.7                             3.32 MB  3.22 MB   98.5 kB      3  < 1 %
        192.168.1.1                             12.2 kB  6.22 kB   5.95 kB      2  < 1 %

        TOP PORTS
                           BYTES  PACKETS  FLOWS  SHARE
        443/tcp  https   1.24 GB    178 k      2  100 %
        53/udp   domain    412 B        2      1  < 1 %
        22/tcp   ssh       134 B        2      1  < 1 %
        23/tcp   telnet     74 B        1      1  < 1 %

        TCP CONNECTIONS
        SHARE  STATE                           FLOWS
         25 %  S0     never answered               1
         25 %  SF     closed normally              1
         25 %  REJ    refused                      1
         25 %  RSTO   reset by the originator      1

        BIGGEST FLOWS
        PROTO  ORIGINATOR               RESPONDER                  BYTES   LASTED  STATE
        TCP    [2001:db8:…:5678]:40000  [2606:4700::…:84e5]:443  1.24 GB   1h 02m  RSTO
        TCP    192.168.1.52:54585       203.0.113.7:443          3.32 MB   4.56 s  SF
        ICMP   192.168.1.52             192.168.1.1              11.8 kB   59.2 s
        UDP    192.168.1.52:53124       192.168.1.1:53             412 B  21.3 ms
        TCP    192.168.1.52:54591       203.0.113.7:22             134 B   400 µs  REJ

        LONGEST FLOWS
        PROTO  ORIGINATOR               RESPONDER                  BYTES   LASTED  STATE
        TCP    [2001:db8:…:5678]:40000  [2606:4700::…:84e5]:443  1.24 GB   1h 02m  RSTO
        ICMP   192.168.1.52             192.168.1.1              11.8 kB   59.2 s
        TCP    192.168.1.52:54585       203.0.113.7:443          3.32 MB   4.56 s  SF
        UDP    192.168.1.52:53124       192.168.1.1:53             412 B  21.3 ms
        TCP    192.168.1.52:54591       203.0.113.7:22             134 B   400 µs  REJ

        WORTH KNOWING
         2  lost       flows ended early because the table was full
         7  discarded  frame ends within the IPv4 header
         1  anomaly    UDP length below 8 or beyond the packet
        60  not IP     ARP and RARP
        """)
  }

  @Test func everyPartIsThere() {
    let text = text(full(), width: 120)
    for part in [
      "PROTOCOLS", "IPv4", "  TCP", "    https", "IPv6", "TOP HOSTS of 5", "TOP PORTS",
      "443/tcp  https", "TCP CONNECTIONS", "25 %  REJ", "refused", "never answered",
      "BIGGEST FLOWS", "[2001:db8:…:5678]:40000", "1h 02m", "LONGEST FLOWS",
      " 2  lost       flows ended early because the table was full",
      " 7  discarded  frame ends within the IPv4 header",
      " 1  anomaly    UDP length below 8 or beyond the packet", "60  not IP     ARP and RARP",
    ] {
      #expect(text.contains(part), "\(part) is missing in\n\(text)")
    }
    #expect(!text.contains("accounted"))
  }

  @Test func breachOfConservationIsTold() {
    var summary = full()
    summary.input.counters?[.received] += 12
    #expect(text(summary).contains("12 packets not accounted for"))
    summary.input.counters?[.received] -= 15
    #expect(text(summary).contains("3 packets counted twice"))
  }

  @Test func emptyInputIsSaidSo() {
    var nothing = ReadSummary()
    #expect(text(nothing) == "Nothing was read: there is no packet in it.")
    nothing.input.files = ["empty.pcap"]
    nothing.input.inputBytes = 24
    #expect(text(nothing) == "empty.pcap  24 B\nNothing was read: there is no packet in it.")
    nothing.input.counters = counters([.received: 5, .receivedBytes: 300, .arp: 5])
    let text = text(nothing)
    #expect(text.contains("5 packets   300 B   0 flows"))
    #expect(text.contains("none was IP") && text.contains("5  not IP     ARP and RARP"))
    #expect(nothing.json()["flows"] == 0)
  }

  @Test(arguments: 20...250)
  func noLineIsWiderThanTheTerminal(width: Int) {
    var many = summary(SampleFlows.many(300) + SampleFlows.few(), hostLimit: 32)
    many.input = full().input
    many.input.files = [String(repeating: "long-", count: 60), "b"]
    for summary in [many, full(), ReadSummary()] {
      let plain = summary.lines(width: width, style: noStyle)
      for line in plain { #expect(line.count <= width, "\(line)") }
      #expect(summary.lines(width: width, style: colours).map(withoutLooks) == plain)
    }
  }

  @Test func orderDoesNotMatter() {
    var random = SampleFlows.Generator(state: 99)
    let flows = SampleFlows.many(2000) + SampleFlows.few()
    let first = summary(flows)
    for _ in 0..<3 {
      let other = summary(flows.shuffled(using: &random))
      #expect(text(other, width: 120) == text(first, width: 120))
      #expect(other.json() == first.json())
    }
    #expect(text(summary(flows.reversed())) == text(first))
  }

  /// Held against sums made here, flow by flow.
  @Test func sumsAreThoseOfTheFlows() {
    let flows = SampleFlows.many(3000, seed: 5)
    let summary = summary(flows)
    var bytes: UInt64 = 0
    var byHost: [IPAddress: UInt64] = [:]
    var https: UInt64 = 0
    var refused: UInt64 = 0
    for flow in flows {
      let moved = flow.hot.sideA.bytes + flow.hot.sideB.bytes
      bytes += moved
      byHost[flow.hot.key.addressA, default: 0] += moved
      byHost[flow.hot.key.addressB, default: 0] += moved
      if flow.hot.key.proto == IPProtocol.tcp && flow.responder.port == 443 { https += moved }
      if withUnsafePointer(to: flow, { ConnectionState.of($0) }) == .rej { refused += 1 }
    }
    #expect(summary.totals.flows == 3000 && summary.totals.bytes == bytes)
    let tree = summary.protocolTree(services: .max)
    #expect(tree.map(\.name) == ["IPv4"] && tree[0].totals == summary.totals)
    for node in tree[0].children where !node.children.isEmpty {
      #expect(node.children.reduce(0) { $0 + $1.totals.bytes } == node.totals.bytes)
    }
    #expect(summary.hosts.top(.max >> 1).allSatisfy { $0.bytes == byHost[$0.address] })
    #expect(summary.hosts.top(1)[0].bytes == byHost.values.max())
    #expect(summary.topPorts(50).first { $0.port == 443 && $0.proto == 6 }?.totals.bytes == https)
    #expect(summary.tcpStates.first { $0.state == .rej }?.count == refused && refused > 0)
    #expect(
      summary.biggest.elements.map(\.bytes)
        == Array(flows.map { $0.hot.sideA.bytes + $0.hot.sideB.bytes }.sorted(by: >).prefix(5)))
    let spread = summary.timeLine.intervals.reduce(0) { $0 + $1.bytes }
    #expect(abs(spread - Double(bytes)) < 1)
  }

  @Test func servicesBeyondTheFirstAreTogether() {
    let tree = summary(SampleFlows.many(3000)).protocolTree(services: 2)
    let tcp = tree[0].children.first { $0.name == "TCP" }
    #expect(tcp?.children.count == 3 && tcp?.children.last?.name == "other ports")
    #expect(tcp?.children.reduce(0) { $0 + $1.totals.flows } == tcp?.totals.flows)
  }

  /// An update's totals come again with its flow.
  @Test func updatesAreNotCounted() {
    var update = SampleFlows.few()[1]
    update.kind = FlowRecordKind.flowUpdate
    #expect(summary([update]).totals == ReadSummary.Totals())
    #expect(text(summary([update] + SampleFlows.few())) == text(summary(SampleFlows.few())))
  }

  @Test func hostsBeyondTheLimitAreMarked() {
    let limited = summary(SampleFlows.many(3000), hostLimit: 16)
    let text = text(limited)
    #expect(text.contains("TOP HOSTS of more than 16") && text.contains("≥ "))
    #expect(limited.json()["hosts_are_exact"] == false)
    #expect(!self.text(summary(SampleFlows.many(3000))).contains("≥"))
  }

  @Test func jsonIsReadBack() throws {
    let json = full().json()
    let parsed = try JSONParser.parse(json.text)
    #expect(parsed == json)
    #expect(parsed["packets"] == .number("\(full().packetsRead)"))
    #expect(parsed["start"] == "2026-11-21T05:36:00.100000+0000")
    #expect(parsed["not_ip"] == ["arp": 60] && parsed["discarded"] == ["truncated_ipv4": 7])
    #expect(parsed["tcp_states"]?["REJ"] == 1)
    guard case .array(let bytes)? = parsed["time_line"]?["bytes"] else {
      Issue.record("no time line")
      return
    }
    #expect(bytes.count > 512 && bytes.count <= 1024)
  }

  @Test func namesCannotSteerTheTerminal() {
    var summary = full()
    summary.input.files = ["a\u{1b}[2Jb\r\n\u{9b}\u{202e}"]
    #expect(!hasControlCharacters(text(summary)))
    summary.input.files = ["\u{1b}]0;x\u{07}", "b\u{08}"]
    #expect(!hasControlCharacters(text(summary)))
  }

  @Test func servicesHaveNames() {
    #expect(ServiceNames.name(proto: IPProtocol.tcp, port: 443) == "https")
    #expect(ServiceNames.name(proto: IPProtocol.udp, port: 123) == "ntp")
    #expect(ServiceNames.name(proto: IPProtocol.tcp, port: 123) == nil)
    #expect(ServiceNames.name(proto: IPProtocol.sctp, port: 36_412) == "s1-control")
    #expect(ServiceNames.name(proto: IPProtocol.icmp, port: 0) == nil)
    for proto in [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp, IPProtocol.gre] {
      for port in UInt16.min ... .max {
        let isNamed = ServiceNames.name(proto: proto, port: port) != nil
        if ServiceNames.isKnown(proto: proto, port: port) != isNamed { Issue.record("\(port)") }
      }
    }
  }
}
