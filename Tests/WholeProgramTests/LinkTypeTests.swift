import Foundation
import Testing

/// Captures of link types other than Ethernet, held against tshark and against themselves.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct LinkTypeTests {
  /// Up to twelve captures of each link type, or mix of them, and no two of one name.
  static let captures: [Captures.Entry] = {
    var chosen: [Captures.Entry] = []
    let others = Captures.manifest.filter {
      $0.linkType != "EN10MB" && $0.linkType != "?" && $0.packets > 0 && $0.corpus != "ntopng"
    }
    for (_, entries) in Dictionary(grouping: others, by: \.linkType).sorted(by: { $0.key < $1.key })
    {
      let step = max(1, entries.count / 12)
      var names: Set<String> = []
      for index in stride(from: 0, to: entries.count, by: step) {
        let name = (entries[index].path as NSString).lastPathComponent
        if names.insert(name).inserted { chosen.append(entries[index]) }
      }
    }
    return chosen
  }()

  /// Captures with several link types each.
  static let mixed = Captures.manifest.filter { $0.linkType.contains("+") && $0.packets > 0 }

  /// Made to be malformed: lengths that lie, protocols that do not exist. What tshark makes of a broken
  /// header is no truth; those captures are read and must not depend on the workers.
  static let malformed: Set<String> = ["tcpdump", "pcapplusplus-fuzz", "pcapplusplus"]

  private static func flows(
    _ capture: String, _ more: [String] = []
  ) throws -> (run: FileRead, flows: [FlowTuple: FlowTotals]) {
    let run = try FileRead(
      [capture, "--format", "eve", "--no-timeouts", "--decapsulate", "none", "--quiet"] + more)
    return (run, try CompareFlows.totals(ofEVE: try run.records()))
  }

  private static func path(_ entry: Captures.Entry) throws -> String {
    try #require(
      Captures.path(entry.path), "\(entry.path) is in the manifest and not in the folder")
  }

  @Test(.enabled(if: Requirements.tshark, "needs tshark"))
  func flowsAreTsharks() throws {
    var compared = 0
    var refused = 0
    var packets = 0
    var types: Set<String> = []
    for entry in Self.captures where !Self.malformed.contains(entry.corpus) {
      // A datagram from an end to itself, its last fragment first: by addresses alone, as the truth has
      // them, nobody can tell the direction.
      if entry.path.hasSuffix("defrag-ipv6-tcp/frag-ip-tcp.pcap") { continue }
      let capture = try Self.path(entry)
      let (run, found) = try Self.flows(capture)
      if run.errors.contains("of link types that are not read: ") {
        #expect(found.isEmpty, "\(entry.path)")
        refused += 1
        continue
      }
      // This tshark reads no switch's tags: what it says of them is nothing.
      guard let truth = try? TsharkTruth(capture: capture), truth.packets > 0 else { continue }
      let differences = CompareFlows.differences(truth: truth.flows, records: found)
      #expect(
        differences.isEmpty,
        "\(entry.path) (\(entry.linkType)):\n\(differences.joined(separator: "\n"))"
      )
      compared += 1
      packets += truth.packetsInFlows
      types.insert(entry.linkType)
    }
    print(
      "link types: \(compared) captures of \(types.count) link types, \(packets) packets in flows;",
      "\(refused) refused by name")
    #expect(compared >= 40 && types.count >= 10 && packets > 2000)
  }

  @Test func workersMakeNoDifference() throws {
    var flows = 0
    for entry in Self.captures {
      let capture = try Self.path(entry)
      let arguments = [capture, "--sorted", "--format", "eve", "--quiet", "--workers"]
      let one = try FileRead(arguments + ["1"])
      let two = try FileRead(arguments + ["2"])
      #expect(one.output == two.output, "\(entry.path)")
      flows += try one.records().count
    }
    #expect(flows > 250)
  }

  /// Interfaces of several link types in one file: the filter means the same on each.
  @Test(.enabled(if: Requirements.tshark, "needs tshark"), arguments: mixed)
  func filtersMeanTheSameOnEach(_ entry: Captures.Entry) throws {
    let capture = try Self.path(entry)
    let truth = try TsharkTruth(capture: capture).flows
    for (filter, proto) in [("udp", 17), ("tcp", 6), ("icmp", 1)] {
      let (run, found) = try Self.flows(capture, ["--filter", filter])
      #expect(!run.errors.contains("filter"), "\(run.errors)")
      let differences = CompareFlows.differences(
        truth: truth.filter { $0.key.proto == proto }, records: found)
      #expect(differences.isEmpty, "\(filter): \(differences.joined(separator: "\n"))")
    }
  }

  /// In pcapng packets of all link types stand in one file; in pcap they cannot, and that is said.
  @Test func packetsOfSeveralLinkTypesAreWritten() throws {
    let entry = try #require(Self.mixed.first { $0.path.contains("many_interfaces") })
    let capture = try Self.path(entry)
    let folder = try TemporaryFolder()
    let whole = folder.file("all.pcapng")
    let run = try FileRead([capture, "--write-pcap", whole, "--quiet"])
    #expect(run.status == .exited(0), "\(run.errors)")
    #expect(try FileRead.sorted(whole) == FileRead.sorted(capture))
    #expect(try !FileRead.sorted(whole).isEmpty)
    let refused = try FileRead([capture, "--write-pcap", folder.file("all.pcap"), "--quiet"])
    #expect(refused.status != .exited(0))
    #expect(refused.errors.contains("cannot stand in one pcap file"), "\(refused.errors)")
  }
}
