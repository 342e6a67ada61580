import Foundation
import Testing

// The helpers of the whole-program tests, tested on the project's own capture and on themselves.

@Suite("Subprocess")
struct SubprocessTests {
  @Test("gives output, errors and exit status")
  func output() throws {
    let process = try Subprocess(
      "sh", ["-c", "echo out; echo err >&2; echo $WORD; exit 3"], environment: ["WORD": "swift"])
    #expect(try process.wait(seconds: 10) == .exited(3))
    #expect(process.standardOutput == "out\nswift\n")
    #expect(process.standardError == "err\n")
  }

  @Test("a signal is told from an exit")
  func signal() throws {
    let process = try Subprocess("sleep", ["60"])
    #expect(process.isRunning)
    #expect(try process.terminate() == .signalled(SIGTERM))
  }

  @Test("a deadline that passes kills and throws")
  func deadline() throws {
    let process = try Subprocess("sleep", ["60"])
    #expect(throws: SupportError.self) { try process.wait(seconds: 0.1) }
    #expect(!process.isRunning)
  }

  @Test("nothing outlives its owner")
  func owner() throws {
    var process: Subprocess? = try Subprocess("sleep", ["60"])
    let pid = try #require(process).pid
    process = nil
    #expect(kill(pid, 0) == -1)
  }

  @Test("a missing program is named")
  func missing() {
    #expect(throws: SupportError.self) { try Subprocess("no-such-program-here") }
  }
}

@Suite("tshark's truth", .enabled(if: Requirements.tshark, "tshark is not installed"))
struct TsharkTruthTests {
  @Test("every packet of the demonstration capture is accounted for")
  func conservation() throws {
    let truth = try TsharkTruth(capture: Captures.demo)
    let report = try Subprocess.output("capinfos", ["-M", "-c", "-d", Captures.demo])
    #expect(report.contains(" \(truth.packets)\n"), "\(report)")
    #expect(report.contains(" \(truth.bytes) bytes\n"), "\(report)")
    #expect(
      truth.packets
        == truth.packetsInFlows + truth.packetsNotIP + truth.orphanFragments
        + truth.withoutTransport)
    // A long answer met the smaller MTU behind the router: its first two fragments were too big and
    // went missing, its last one fitted. Real life; the engine counts it as such, too.
    #expect(truth.orphanFragments == 1)
    #expect(truth.withoutTransport == 0)
  }

  @Test("TCP and UDP conversations are those that tshark itself lists", arguments: ["tcp", "udp"])
  func conversations(name: String) throws {
    let truth = try TsharkTruth(capture: Captures.demo, vlansCount: false)
    let table = try Subprocess.output(
      "tshark", ["-n", "-r", Captures.demo, "-q", "-z", "conv,\(name),not ip.frag_offset > 0"])
    let listed = table.split(separator: "\n").filter { $0.contains("<->") }.count
    // tshark's list has quoted headers of ICMP errors in it, so it may be longer.
    let mine = truth.flows.keys.filter { $0.proto == (name == "tcp" ? 6 : 17) }.count
    #expect(mine > 100)
    #expect(mine <= listed)
  }

  @Test("the capture has what it is said to have")
  func contents() throws {
    let truth = try TsharkTruth(capture: Captures.demo)
    let vlans = Set(truth.flows.keys.map(\.vlans))
    #expect(vlans == [[], [20], [100, 30]])
    let protos = Set(truth.flows.keys.map(\.proto))
    #expect(protos.isSuperset(of: [1, 2, 6, 17, 58]))
    #expect((truth.notIP["0806"] ?? 0) > 0, "ARP: \(truth.notIP)")
    #expect((truth.notIP["llc"] ?? 0) > 0, "spanning tree: \(truth.notIP)")
    #expect(truth.flows.count > 400)
    // A ping of 4,000 bytes is three fragments each way, and all of them are its flow's.
    let ping = try #require(
      FlowTuple.make(
        source: "192.0.2.12", sourcePort: 0, destination: "192.0.2.1", destinationPort: 0,
        proto: 1, icmpType: 8)
    ).tuple
    let totals = try #require(truth.flows[ping])
    #expect(totals.packets == 24)
    #expect(totals.packetsFromLower == totals.packetsFromUpper)
  }

  @Test(
    "public captures: every packet is accounted for",
    .enabled(if: Captures.areThere, "\(Captures.absent)"),
    arguments: Captures.manifest.filter {
      $0.corpus == "ndpi" && !$0.isDamaged && (100..<1000).contains($0.packets)
    }.prefix(12))
  func publicCaptures(entry: Captures.Entry) throws {
    let path = try #require(Captures.path(entry.path))
    let truth = try TsharkTruth(capture: path)
    #expect(truth.packets == entry.packets)
    #expect(
      truth.packets
        == truth.packetsInFlows + truth.packetsNotIP + truth.orphanFragments
        + truth.withoutTransport)
  }

  @Test("without VLANs the same packets are counted")
  func withoutVLANs() throws {
    let with = try TsharkTruth(capture: Captures.demo)
    let without = try TsharkTruth(capture: Captures.demo, vlansCount: false)
    #expect(with.packetsInFlows == without.packetsInFlows)
    var merged: [FlowTuple: FlowTotals] = [:]
    for (tuple, totals) in with.flows {
      merged[tuple.withoutVLANs, default: FlowTotals()] += totals
    }
    #expect(CompareFlows.differences(truth: without.flows, records: merged).isEmpty)
  }
}

@Suite("Redis", .enabled(if: Requirements.redis, "redis-server is not installed"))
struct RedisServerTests {
  @Test("a stream comes back whole and in order")
  func stream() throws {
    let server = try RedisServer()
    let connection = try server.connect()
    for number in 0..<2500 {
      try connection.command("XADD", "martlet:{t}:flow", "*", "eve", "{\"n\":\(number)}")
    }
    let records = try connection.records(sensor: "t")
    #expect(records.count == 2500)
    #expect(records.map { $0["n"] as? Int } == Array(0..<2500))
    #expect(try connection.entries(of: "martlet:{t}:nothing").isEmpty)
    #expect(throws: SupportError.self) { try connection.command("NOSUCHCOMMAND") }
  }

  @Test("it can be killed and started again")
  func again() throws {
    let server = try RedisServer()
    try server.command("SET", "a", "b")
    try server.kill()
    #expect(throws: SupportError.self) { try server.connect() }
    try server.start()
    #expect(try server.command("GET", "a") == .null)
  }
}

@Suite("Comparison")
struct CompareFlowsTests {
  private func record(
    _ source: String, _ sourcePort: Int, _ destination: String, _ destinationPort: Int,
    proto: String = "TCP", packets: (Int, Int), more: [String: Any] = [:]
  ) -> [String: Any] {
    let flow: [String: Any] = [
      "pkts_toserver": packets.0, "pkts_toclient": packets.1,
      "bytes_toserver": packets.0 * 100, "bytes_toclient": packets.1 * 100,
    ]
    var record: [String: Any] = [
      "event_type": "flow", "src_ip": source, "src_port": sourcePort, "dest_ip": destination,
      "dest_port": destinationPort, "proto": proto, "flow": flow,
    ]
    for (key, value) in more { record[key] = value }
    return record
  }

  @Test("records of one conversation add up, whoever began")
  func sums() throws {
    let totals = try CompareFlows.totals(ofEVE: [
      record("192.0.2.1", 5000, "198.51.100.1", 80, packets: (3, 2)),
      record("198.51.100.1", 80, "192.0.2.1", 5000, packets: (1, 0)),
    ])
    #expect(totals.count == 1)
    #expect(
      totals.values.first
        == FlowTotals(
          packetsFromLower: 3, bytesFromLower: 300, packetsFromUpper: 3, bytesFromUpper: 300))
  }

  @Test("VLANs, spelling of addresses and ICMP types are understood")
  func tuples() throws {
    let (vlan, _) = try CompareFlows.read(
      record("2001:DB8:0::1", 1, "2001:db8::2", 2, packets: (1, 0), more: ["vlan": [100, 30]]))
    #expect(vlan.description == "tcp [2001:db8::1]:1 ↔ [2001:db8::2]:2 vlan 100.30")
    let (echo, _) = try CompareFlows.read(
      record(
        "192.0.2.1", 0, "192.0.2.2", 0, proto: "ICMP", packets: (1, 1), more: ["icmp_type": 8]))
    let (reply, _) = try CompareFlows.read(
      record(
        "192.0.2.2", 0, "192.0.2.1", 0, proto: "ICMP", packets: (1, 1), more: ["icmp_type": 0]))
    #expect(echo == reply)
    let error: [String: Any] = ["icmp_type": 3, "icmp_code": 1]
    let (there, _) = try CompareFlows.read(
      record("192.0.2.1", 0, "192.0.2.2", 0, proto: "ICMP", packets: (1, 0), more: error))
    let (back, _) = try CompareFlows.read(
      record("192.0.2.2", 0, "192.0.2.1", 0, proto: "ICMP", packets: (1, 0), more: error))
    #expect(there != back)
  }

  @Test("every kind of difference is named")
  func differences() throws {
    let truth = try CompareFlows.totals(ofEVE: [
      record("192.0.2.1", 1, "192.0.2.9", 80, packets: (1, 1)),
      record("192.0.2.1", 2, "192.0.2.9", 80, packets: (1, 1)),
    ])
    let records = try CompareFlows.totals(ofEVE: [
      record("192.0.2.1", 2, "192.0.2.9", 80, packets: (1, 0)),
      record("192.0.2.1", 3, "192.0.2.9", 80, packets: (1, 1)),
    ])
    let lines = CompareFlows.differences(truth: truth, records: records)
    #expect(lines.map { $0.prefix(7) } == ["differs", "missing", "surplus"])
    #expect(CompareFlows.differences(truth: truth, records: truth).isEmpty)
  }
}

@Suite("Places")
struct PlacesTests {
  @Test("the project's capture and the programs are found")
  func found() {
    #expect(FileManager.default.fileExists(atPath: Captures.demo))
    #expect(FileManager.default.isExecutableFile(atPath: Programs.martlet), "\(Programs.martlet)")
  }

  @Test("public captures have a manifest", .enabled(if: Captures.areThere, "\(Captures.absent)"))
  func manifest() {
    #expect(Captures.manifest.count > 100)
  }
}
