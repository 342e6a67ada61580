import ControlAPI
import Foundation
import Testing

/// The same captures through every kind of port that a machine without a NIC has; each time the flows
/// read back from a real Redis are those that tshark finds in the capture, and every packet is
/// accounted for.
@Suite(
  .serialized, .enabled(if: Requirements.tshark && Requirements.redis, "needs tshark and redis"))
struct PortTests {
  /// Public captures with Ethernet frames, thirty over all corpora, undamaged and not too long; none
  /// of those whose protocols the two programs name differently: tunnels, AH, and shim layers that
  /// tshark reads as Ethernet and Martlet does not read yet.
  static let captures: [String] = {
    let usable = Captures.manifest.filter {
      $0.linkType == "EN10MB" && !$0.isDamaged && (50...20_000).contains($0.packets)
        && ["ndpi", "arkime", "suricata-verify"].contains($0.corpus)
    }
    let step = max(1, usable.count / 30)
    return stride(from: 0, to: usable.count, by: step).compactMap {
      Captures.path(usable[$0].path)
    }
  }()

  func expectEqual(
    _ outcome: EngineRun.Outcome, _ truth: TsharkTruth, _ what: Comment
  ) throws {
    let records = try CompareFlows.totals(ofEVE: outcome.flows)
    let differences = CompareFlows.differences(truth: truth.flows, records: records)
    #expect(differences.isEmpty, "\(what): \(differences.joined(separator: "\n"))")
    #expect(outcome.imbalance.isEmpty, what)
  }

  @Test(arguments: [Captures.demo] + captures)
  func captureFileOnOneQueue(_ capture: String) throws {
    let truth = try TsharkTruth(capture: capture)
    guard !truth.hasTunnels else {
      // The truth is of the outermost headers, and martletd's flows are the innermost.
      print("left out, since it holds tunnels: \(capture)")
      return
    }
    let run = try EngineRun(ports: "  - {name: p0, device: \"net_pcap0,rx_pcap=\(capture)\"}")
    try run.waitForPackets(truth.packets)
    try expectEqual(try run.finish(), truth, "\(capture)")
  }

  @Test func captureFilesOnTwoQueues() throws {
    // One file a queue: the driver would deliver one file on both of them twice.
    let second = Self.captures.first ?? Captures.demo
    let truth = try [Captures.demo, second].map { try TsharkTruth(capture: $0) }
    let run = try EngineRun(
      ports: "  - {name: p0, device: \"net_pcap0,rx_pcap=\(Captures.demo),rx_pcap=\(second)\"}",
      workers: 2)
    try run.waitForPackets(truth[0].packets + truth[1].packets)
    let outcome = try run.finish()
    var both = truth[0].flows
    for (tuple, totals) in truth[1].flows { both[tuple, default: FlowTotals()] += totals }
    let records = try CompareFlows.totals(ofEVE: outcome.flows)
    let differences = CompareFlows.differences(truth: both, records: records)
    #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    #expect(outcome.imbalance.isEmpty)
    #expect(Set(outcome.flows.compactMap { $0["worker"] as? Int }) == [0, 1])
  }

  /// A ring port that spreads as a NIC does, and one that puts every second packet on the wrong queue.
  @Test(arguments: ["symmetricRss", "misdirected", "roundRobin"])
  func ringsWithTwoWorkers(_ spread: String) throws {
    let truth = try TsharkTruth(capture: Captures.demo)
    let run = try EngineRun(
      ports: """
          - name: p0
            player: {capture: \(Captures.demo), spread: \(spread), passes: [max]}
        """, workers: 2)
    try run.waitForPackets(truth.packets)
    let stats = try run.stats()
    // The driver of rings counts no bytes.
    #expect(stats.ports[0].receivedBytes == stats.totals.receivedBytes)
    let outcome = try run.finish()
    try expectEqual(outcome, truth, "\(spread)")
    // Each flow is one worker's, both directions.
    var owners: [FlowTuple: Set<Int>] = [:]
    for record in outcome.flows {
      let (tuple, _) = try CompareFlows.read(record)
      owners[tuple, default: []].insert(record["worker"] as? Int ?? -1)
    }
    #expect(owners.values.allSatisfy { $0.count == 1 })
    let handedOver = stats.totals.handedOut
    if spread == "misdirected" {
      #expect(handedOver > UInt64(truth.packets / 3))
    } else if spread == "symmetricRss" {
      // Fragments and tagged frames go over; plain packets are where they belong.
      #expect(handedOver < UInt64(truth.packets / 4))
      #expect(stats.workers.allSatisfy { $0.counters.value("rss_mismatch") == 0 })
      #expect(stats.workers.contains { $0.counters.value("rss_checked") > 0 })
    }
  }

  /// A real sender in a network namespace, over a veth pair into af_packet.
  @Test(
    .enabled(
      if: Requirements.networkNamespaces && Requirements.has("tcpreplay"),
      "needs root, network namespaces and tcpreplay"))
  func realSenderOverVeth() throws {
    // The driver asks the kernel for fan-out with defragmentation, so IPv4 fragments would arrive as
    // whole datagrams: they are left out here.
    let folder = try TemporaryFolder()
    let whole = folder.file("whole.pcap")
    _ = try Subprocess.output(
      "tshark",
      [
        "-n", "-r", Captures.demo, "-o", "ip.defragment:FALSE", "-Y",
        "not (ip.flags.mf == 1 or ip.frag_offset > 0)", "-F", "nsecpcap", "-w", whole,
      ])
    let truth = try TsharkTruth(capture: whole)
    let network = try VethPair()
    let run = try EngineRun(
      ports:
        "  - {name: p0, device: \"net_af_packet0,iface=\(network.near),blocksz=65536,framesz=2048,framecnt=4096\"}",
      wrapper: ["ip", "netns", "exec", network.namespace])
    try network.send(whole, packetsPerSecond: 3000)
    try run.waitForPackets(truth.packets)
    try expectEqual(try run.finish(), truth, "af_packet")
  }

  /// A second DPDK process pushes the capture through vhost into our virtio-user port.
  @Test(
    .enabled(
      if: Requirements.isRoot && Requirements.has("dpdk-testpmd") && Hugepages.available(640),
      "needs root, hugepages and dpdk-testpmd"))
  func secondDPDKProcessOverVirtioUser() throws {
    let truth = try TsharkTruth(capture: Captures.demo)
    let sender = try TestPMD(capture: Captures.demo)
    let run = try EngineRun(
      ports: """
          - name: p0
            device: "net_virtio_user0,path=\(sender.socketPath),queues=1"
            rxDescriptors: 256
        """, noHugepages: false)
    try sender.start()
    try run.waitForPackets(truth.packets)
    try expectEqual(try run.finish(), truth, "virtio-user")
    try sender.stop()
  }

  /// Neither root nor hugepages: as nobody, with nothing but files of its own.
  @Test(.enabled(if: Requirements.isRoot && Requirements.has("setpriv"), "needs setpriv"))
  func withoutRootAndHugepages() throws {
    let truth = try TsharkTruth(capture: Captures.demo)
    let open = try OpenCopy(of: [Captures.demo])
    let run = try EngineRun(
      ports: """
          - name: p0
            player: {capture: \(open.paths[0]), passes: [max]}
        """, workers: 2, wrapper: open.asNobody, redisArguments: ["--unixsocketperm", "777"],
      openFolders: true)
    try run.waitForPackets(truth.packets)
    try expectEqual(try run.finish(), truth, "nobody")
  }
}

extension TsharkTruth {
  /// Some flow is of a protocol or a UDP port that carries packets.
  fileprivate var hasTunnels: Bool {
    flows.keys.contains { tuple in
      [4, 41, 47, 97].contains(tuple.proto)
        || tuple.proto == 17
          && [tuple.lower.port, tuple.upper.port].contains {
            [1701, 2152, 3544, 4789, 4790, 6081, 8472].contains($0)
          }
    }
  }
}
