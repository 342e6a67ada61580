import Foundation
import Testing

/// Community IDs by the specification's own answers, and by those of others who compute them.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct CommunityIDConformanceTests {
  struct Answer: Decodable, Sendable, CustomTestStringConvertible {
    let proto: UInt8
    let saddr: String
    let daddr: String
    let sport: Int?
    let dport: Int?
    let communityid: String

    var testDescription: String { "\(proto) \(saddr) \(sport ?? 0) \(daddr) \(dport ?? 0)" }
  }

  static let answers: [Answer] = {
    guard let path = Captures.path("community-id/baseline/baseline_deflt.json"),
      let data = FileManager.default.contents(atPath: path)
    else { return [] }
    return (try? JSONDecoder().decode([Answer].self, from: data)) ?? []
  }()

  /// Every tuple in a frame of its own, so that each direction is the one that begins.
  @Test(arguments: answers) func tuple(_ answer: Answer) throws {
    let source = try #require(TupleEnd(answer.saddr, port: answer.sport ?? 0))
    let destination = try #require(TupleEnd(answer.daddr, port: answer.dport ?? 0))
    let folder = try TemporaryFolder()
    let path = folder.file("tuple.pcap")
    try TupleFrame(source: source, destination: destination, proto: answer.proto).capture
      .write(to: URL(fileURLWithPath: path))
    let records = try FileRead([path, "--format", "eve", "--quiet"]).records()
    try #require(records.count == 1)
    #expect(records[0]["community_id"] as? String == answer.communityid)
  }

  @Test func answersAreThere() {
    #expect(Self.answers.count == 23)
  }

  /// The specification's captures: every flow in them has an answer, ICMP's one-way codes included.
  @Test(arguments: [("icmp", 2), ("icmp6", 6), ("udp", 1)])
  func capture(_ name: String, _ atLeast: Int) throws {
    let path = try #require(Captures.path("community-id/pcaps/\(name).pcap"))
    let records = try FileRead([path, "--format", "eve", "--quiet"]).records()
    #expect(records.count >= atLeast)
    for record in records {
      let found = ZeekReading.connection(record)
      let expected = Self.answers.filter {
        found[.ipProto] == "\($0.proto)"
          && found[.originatorHost] == ZeekConnection.address($0.saddr)
          && found[.responderHost] == ZeekConnection.address($0.daddr)
          && found[.originatorPort] == "\($0.sport ?? 0)"
          && found[.responderPort] == "\($0.dport ?? 0)"
      }
      #expect(expected.map(\.communityid) == [record["community_id"] as? String], "\(found)")
    }
  }

  /// What Suricata computes, where its tests say it.
  @Test func suricata() throws {
    let folder = try #require(Captures.folder) + "/suricata-verify/tests"
    var compared = 0
    for test in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      guard let text = try? String(contentsOfFile: "\(folder)/\(test)/test.yaml", encoding: .utf8)
      else { continue }
      let expected = Set(text.matches(of: /community_id: *(1:[^ \n]+)/).map { String($0.1) })
      guard !expected.isEmpty else { continue }
      let capture = try #require(Self.capture(of: test, text, folder), "\(test)")
      let settings = try? String(
        contentsOfFile: "\(folder)/\(test)/suricata.yaml", encoding: .utf8)
      let seed = settings?.firstMatch(of: /community-id-seed: *([0-9]+)/).map { String($0.1) }
      let records = try FileRead([
        capture, "--format", "eve", "--quiet", "--community-id-seed", seed ?? "0",
      ]).records()
      let found = Set(records.compactMap { $0["community_id"] as? String })
      #expect(found.isSuperset(of: expected), "\(test): \(expected) not in \(found)")
      compared += expected.count
    }
    #expect(compared >= 8)
  }

  /// A test names its capture, or has one in its folder.
  private static func capture(of test: String, _ text: String, _ folder: String) -> String? {
    if let named = text.firstMatch(of: /(?m)^pcap: *(.+)$/) {
      return URL(fileURLWithPath: "\(folder)/\(test)/\(named.1)").standardizedFileURL.path
    }
    let files = try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(test)")
    return files?.first { $0.hasSuffix(".pcap") || $0.hasSuffix(".pcapng") }
      .map { "\(folder)/\(test)/\($0)" }
  }
}
