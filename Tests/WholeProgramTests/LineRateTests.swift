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
}
