import ControlAPI
import Foundation
import Testing

/// How the daemon lives and ends.
@Suite(
  .serialized, .enabled(if: Requirements.tshark && Requirements.redis, "needs tshark and redis"))
struct LifeTests {
  /// SIGTERM while packets flow: every live flow is exported with its reason, rings drain, Redis
  /// acknowledges, exit 0; nothing that was received is missing.
  @Test(arguments: [SIGTERM, SIGINT])
  func anOrderlyEndInTheMiddle(_ signal: Int32) throws {
    let run = try EngineRun(
      ports: """
          - name: p0
            player: {capture: \(Captures.demo), passes: ["max*100000"]}
        """, workers: 2)
    try run.waitForPackets(20_000)
    run.process.signal(signal)
    #expect(try run.process.wait(seconds: 60) == .exited(0))
    let outcome = try run.outcome()
    #expect(outcome.imbalance.isEmpty, "\(outcome.imbalance)")
    let packets = outcome.flows.reduce(0) { sum, record in
      let flow = record["flow"] as? [String: Any] ?? [:]
      return sum + (flow["pkts_toserver"] as? Int ?? 0) + (flow["pkts_toclient"] as? Int ?? 0)
    }
    let decoder = (outcome.stats["stats"] as? [String: Any])?["packets"] as? [String: Any]
    #expect(packets == decoder?["in_flows"] as? Int)
    let reasons = Set(
      outcome.flows.compactMap { ($0["flow"] as? [String: Any])?["end_reason"] as? String })
    #expect(reasons.contains("forced_end"))
  }

  /// A Redis that does not answer keeps the end from coming; a second signal forces it.
  @Test func aSecondSignalForces() throws {
    let run = try EngineRun(
      ports: "  - {name: p0, device: \"net_pcap0,rx_pcap=\(Captures.demo)\"}")
    try run.waitForPackets(6000)
    run.redis.hang()
    run.process.signal(SIGTERM)
    #expect(eventually(within: 5) { run.process.standardError.contains("once more to end") })
    usleep(500_000)
    #expect(run.process.isRunning)
    run.process.signal(SIGTERM)
    #expect(try run.process.wait(seconds: 5) == .exited(128 + SIGTERM))
    #expect(run.process.standardError.contains("forced to end"))
  }

  @Test func shutdownOverTheControlSocket() throws {
    let run = try EngineRun(
      ports: "  - {name: p0, device: \"net_pcap0,rx_pcap=\(Captures.demo)\"}")
    try run.waitForPackets(6345)
    let answer = try Subprocess.output(
      Programs.martlet, ["shutdown", "--json", "--socket", run.socketPath])
    #expect(answer.contains("draining"))
    #expect(try run.process.wait(seconds: 60) == .exited(0))
    #expect(try run.outcome().imbalance.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: run.socketPath))
  }

  /// The operator's commands against the real daemon, as text and as JSON.
  @Test func commandsShowWhatItDoes() throws {
    let run = try EngineRun(
      ports: """
          - name: tap0
            player: {capture: \(Captures.demo), passes: [max]}
        """, workers: 2)
    try run.waitForPackets(6345)
    func martlet(_ arguments: String...) throws -> String {
      try Subprocess.output(Programs.martlet, arguments + ["--socket", run.socketPath])
    }
    for command in ["status", "stats", "top"] {
      let once = command == "top" ? ["--once"] : []
      let text = try Subprocess.output(
        Programs.martlet, [command] + once + ["--socket", run.socketPath])
      #expect(!text.isEmpty)
      let json = try martlet(command, "--json")
      let object = try JSONSerialization.jsonObject(with: Data(json.utf8))
      #expect(object is [String: Any], "\(command)")
    }
    #expect(try martlet("status").contains("tap0"))
    #expect(try martlet("stats").contains("6,345"))
    let top: FlowsTop = try ControlClient(socketPath: run.socketPath)
      .call(.flowsTop, FlowsTopParameters(count: 5, by: .bytes))
    #expect(top.flows.count == 5)
    #expect(top.flows.map(\.bytes) == top.flows.map(\.bytes).sorted(by: >))
    _ = try run.process.terminate(seconds: 60)
  }

  /// Several sinks at once give the same records; a Redis that goes away comes back to all of them.
  @Test func severalSinksAndARedisThatRestarts() throws {
    let file = try TemporaryFolder()
    let redis = try RedisServer(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    let run = try EngineRun(
      ports: """
          - name: p0
            player: {capture: \(Captures.demo), passes: [20, 20]}
        """, workers: 2,
      sinks: """
          - {type: redis, url: "\(redis.url)"}
          - {type: file, path: \(file.file("records.json")), types: [flow]}
          - {type: "null"}
        """)
    try run.waitForPackets(2000)
    try redis.kill()
    try run.waitForPackets(5000)
    try redis.start()
    try run.waitForPackets(12_690)
    #expect(try run.process.terminate(seconds: 60) == .exited(0))
    let streamed = try redis.connect().entries(of: "martlet:{\(EngineRun.sensor)}:flow")
      .compactMap { $0["eve"] }
    let written = try String(contentsOfFile: file.file("records.json"), encoding: .utf8)
      .split(separator: "\n").map(String.init)
    #expect(written.count > 500)
    #expect(streamed.sorted() == written.sorted())
  }

  /// Buffers much smaller than the frames: every frame comes in several segments.
  @Test func framesInSeveralSegments() throws {
    let truth = try TsharkTruth(capture: Captures.demo)
    let run = try EngineRun(
      ports: """
          - name: p0
            device: "net_pcap0,rx_pcap=\(Captures.demo)"
            mbufSizeBytes: 128
            mbufCount: 40000
        """)
    try run.waitForPackets(truth.packets)
    let outcome = try run.finish()
    let records = try CompareFlows.totals(ofEVE: outcome.flows)
    let differences = CompareFlows.differences(truth: truth.flows, records: records)
    #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    #expect(outcome.imbalance.isEmpty)
  }

  /// A driver that takes key, redirection table and hash types is given them, and the status says so;
  /// one that does not is spread by software, with the reason.
  @Test func theChoiceOfSpreadingIsShown() throws {
    let run = try EngineRun(
      ports: """
          - {name: takes, device: "net_null0,no-rx=1"}
          - {name: asked, device: "net_null1,no-rx=1", rss: software}
          - {name: lacks, device: "net_pcap0,rx_pcap=\(Captures.demo)", queues: 1}
        """, workers: 2)
    let status: EngineStatus = try ControlClient(socketPath: run.socketPath).call(.engineStatus)
    #expect(status.ports.map(\.rss.mode) == [.hardware, .software, .software])
    #expect(status.ports[0].rss.hashTypes.contains("ipv4-tcp"))
    #expect(status.ports[0].rss.hashTypes.contains("ipv6-udp"))
    #expect(status.ports[1].rss.reason == "switched off by configuration")
    #expect(status.ports[2].rss.reason == "one queue")
    #expect(status.workers.map(\.queues.count) == [3, 2])
    let table = try Subprocess.output(
      Programs.martlet, ["status", "--socket", run.socketPath])
    #expect(table.contains("hardware") && table.contains("software"))
    _ = try run.process.terminate(seconds: 60)
    #expect(run.process.standardError.contains("port takes: net_null, 2 queues"))
    #expect(run.process.standardError.contains("spread by the port"))
  }

  /// What systemd's Type=notify waits for, and what it is told at the end.
  @Test func theServiceManagerIsTold() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("notify.sock")
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    func next() -> String {
      var buffer = [UInt8](repeating: 0, count: 256)
      var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&ready, 1, 20_000) == 1 else { return "nothing within 20 s" }
      let count = recv(descriptor, &buffer, buffer.count, 0)
      return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
    let run = try EngineRun(
      ports: "  - {name: p0, device: \"net_null0,no-rx=1\"}",
      wrapper: ["env", "NOTIFY_SOCKET=\(path)"])
    #expect(next() == "READY=1")
    #expect(try run.process.terminate(seconds: 60) == .exited(0))
    #expect(next() == "STOPPING=1")
  }
}
