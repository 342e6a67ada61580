import Foundation
import Testing

/// The line-rate bench's short form: a generator in a second process sends TCP and UDP flows over IPv4
/// and IPv6 through a virtio queue, and every flow's record in Redis holds what was sent, no more and
/// no less.
@Suite(
  .serialized,
  .enabled(
    if: Requirements.isRoot && Requirements.redis && Requirements.has("python3", "taskset"),
    "needs root, redis-server, python3 and taskset"),
  .enabled(if: Requirements.has(Programs.lineRate), "needs a build with MARTLET_BENCH=1"),
  .enabled(if: Hugepages.available(320), "needs 320 hugepages"),
  .enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1, "needs two cores"))
struct LineRateTests {
  /// Of the smallest frames, of the mix of lengths, and with flows that end in silence.
  @Test(arguments: [[], ["--size", "imix", "--zipf", "1.1"], ["--silent"]])
  func everyFlowIsRecordedAsItWasSent(_ more: [String]) throws {
    let folder = try TemporaryFolder()
    let figures = folder.file("figures.json")
    // Slow, patient and adaptive: other tests run beside it, and what counts is that nothing is lost.
    let run = try Subprocess(
      "\(Captures.packageRoot)/bench/linerate/run",
      [
        "--bin", (Programs.lineRate as NSString).deletingLastPathComponent, "--part", "soak",
        "--rate", "0.05", "--seconds", "3", "--flows", "5000", "--new", "500", "--patience", "5000",
        "--polling", "adaptive", "--json", figures,
      ] + more)
    let status = try run.wait(seconds: 120)
    let output = run.standardOutput + run.standardError
    #expect(status == .exited(0), "\(output.suffix(3000))")
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: figures)))
        as? [String: Any])
    let soak = try #require((result["soak"] as? [[String: Any]])?.first)
    let check = try #require(soak["check"] as? [String: Any])
    #expect(check["flowsSent"] as? Int ?? 0 > 6000)
    #expect(check["packetsSent"] as? Int ?? 0 > 149_000)
    #expect(check["packetsInRecords"] as? Int == check["packetsSent"] as? Int)
    #expect(check["records"] as? Int == check["flowsSent"] as? Int)
  }

  /// The demonstration's capture as passes through the queue: of each type as many protocol records as
  /// `martlet read` finds in it, and nothing lost on the way.
  @Test func everyProtocolRecordOfAPlayedCaptureIsDelivered() throws {
    let folder = try TemporaryFolder()
    let figures = folder.file("figures.json")
    let run = try Subprocess(
      "\(Captures.packageRoot)/bench/linerate/run",
      [
        "--bin", (Programs.lineRate as NSString).deletingLastPathComponent, "--part", "protocols",
        "--once", "--capture", Captures.demo, "--gigabits", "0.04", "--top-gigabits", "0.04",
        "--trial-seconds", "2", "--patience", "5000", "--polling", "adaptive", "--buffers", "16",
        "--ring", "8", "--json", figures,
      ])
    let status = try run.wait(seconds: 120)
    let output = run.standardOutput + run.standardError
    #expect(status == .exited(0), "\(output.suffix(3000))")
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: figures)))
        as? [String: Any])
    let protocols = try #require(result["protocols"] as? [String: Any])
    let best = try #require(protocols["best"] as? [String: Any], "\(output.suffix(3000))")
    let passes = try #require(best["passes"] as? Int)
    #expect(passes >= 3)
    let played = try #require((protocols["capture"] as? [String: Any])?["frames"] as? Int)
    #expect(played > 6000)
    #expect(best["delivered"] as? Int == passes * played)
    let found = try #require(best["recordsByType"] as? [String: Int])
    #expect(found.keys.contains("dns") && found.keys.contains("http") && found.keys.contains("tls"))
  }
}

/// What the bench plays is the capture but for its addresses.
@Suite(
  .enabled(if: Requirements.tshark, "needs tshark"),
  .enabled(if: Requirements.has(Programs.lineRate), "needs a build with MARTLET_BENCH=1"))
struct PlayedCaptureTests {
  /// Plain frames, VLANs, IPv6 and fragments, and what other headers lie behind.
  private static let captures =
    [Captures.demo]
    + [
      "ndpi/tests/cfgs/default/pcap/vxlan.pcap", "arkime/tests/pcap/tcpdump-geneve.pcap",
      "flowtest/pcap/gre.pcap", "flowtest/pcap/ICMP_across_dot1q.pcap",
      "zeek/testing/btest/Traces/pppoe-over-qinq.pcap",
      "zeek/testing/btest/Traces/tunnels/gtp/gtp1_gn_normal_incl_fragmentation.pcap",
    ].compactMap(Captures.path)

  /// Of each frame: length, layers, verdicts on its checksums, ports, payload; not UDP's, which has the
  /// addresses of what it tunnels.
  private static let same = [
    "frame.len", "frame.protocols", "ip.checksum.status", "tcp.checksum.status",
    "udp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status", "tcp.srcport",
    "udp.srcport", "tcp.seq_raw", "tcp.payload", "dns.id", "ip.ttl", "ipv6.hlim",
  ]

  private func fields(_ path: String, _ names: [String]) throws -> [Substring] {
    let checks = ["ip", "tcp", "udp"].flatMap { ["-o", "\($0).check_checksum:TRUE"] }
    // Streams would be put together across passes, whose timing is another.
    let alone = ["-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.defragment:FALSE"]
    return try Subprocess.output(
      "tshark",
      ["-n", "-r", path, "-T", "fields"] + checks + alone + names.flatMap { ["-e", $0] }
    ).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
  }

  @Test(arguments: captures)
  func passesDifferInTheirAddressesAlone(_ path: String) throws {
    let folder = try TemporaryFolder()
    let written = folder.file("passes.pcap")
    let answer = try Subprocess.output(
      Programs.lineRate, ["play", "--capture", path, "--write", written, "--passes", "3"])
    let contents = try #require(
      try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any])
    let frames = try #require(contents["frames"] as? Int)
    let all = try fields(path, ["frame.number"]).count
    // Broadcasts of nobody, and the like.
    #expect(frames > all * 9 / 10)
    let addresses = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst"]
    let passes = try fields(written, Self.same)
    let ends = try fields(written, addresses)
    try #require(passes.count == 3 * frames && ends.count == 3 * frames)
    #expect(passes[..<frames].elementsEqual(passes[frames..<2 * frames]))
    #expect(passes[..<frames].elementsEqual(passes[(2 * frames)...]))
    if frames == all {
      #expect(try fields(path, Self.same).elementsEqual(passes[..<frames]))
      let before = try fields(path, addresses)
      for i in 0..<frames where before[i].contains(where: { $0 != "\t" }) {
        #expect(ends[i] != before[i], "frame \(i + 1)")
      }
    }
    for i in 0..<frames where ends[i].contains(where: { $0 != "\t" }) {
      #expect(ends[i] != ends[frames + i], "frame \(i + 1)")
    }
  }
}
