import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct CommunityIDTests {
  private struct Tuple: Decodable {
    var proto: UInt8
    var saddr: String
    var daddr: String
    var sport: UInt16?
    var dport: UInt16?
    var communityid: String
  }

  /// ICMP (RFC 792) and ICMPv6 (RFC 4443) types that are answered, by the specification.
  private func hasCounterpart(_ tuple: Tuple) -> Bool {
    let type = tuple.sport ?? 0
    switch tuple.proto {
    case IPProtocol.icmp: return [0, 8, 9, 10, 13, 14, 15, 16, 17, 18].contains(type)
    case IPProtocol.icmpv6: return (128...136).contains(type) && type != 132
    default: return true
    }
  }

  @Test func baseline() throws {
    guard let file = captures("community-id/baseline/baseline_deflt.json") else { return }
    let tuples = try JSONDecoder().decode([Tuple].self, from: Data(contentsOf: file))
    #expect(tuples.count > 20)
    for tuple in tuples {
      let key = key(
        tuple.proto, tuple.saddr, tuple.sport ?? 0, tuple.daddr, tuple.dport ?? 0,
        oneWay: !hasCounterpart(tuple)
      ).key
      #expect(CommunityID.text(of: key) == tuple.communityid, "\(tuple)")
    }
  }

  /// From the specification's README: the same flow with seeds 0 and 1.
  @Test func seed() {
    let key = key(IPProtocol.tcp, "128.232.110.120", 34855, "66.35.250.204", 80).key
    #expect(CommunityID.text(of: key, seed: 0) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg=")
    #expect(CommunityID.text(of: key, seed: 1) == "1:3V71V58M3Ksw/yuFALMcW0LAHvc=")
    #expect(CommunityID.text(of: key).utf8.count == CommunityID.length)
  }

  /// One-way messages are not ordered, so the answer's direction has another ID.
  @Test func oneWayFromTheHigherAddress() {
    let up = key(IPProtocol.icmp, "10.0.0.1", 3, "10.0.0.2", 1, oneWay: true).key
    let down = key(IPProtocol.icmp, "10.0.0.2", 3, "10.0.0.1", 1, oneWay: true).key
    #expect(CommunityID.text(of: up) != CommunityID.text(of: down))
    #expect(CommunityID.text(of: down) == reference("10.0.0.2", "10.0.0.1", 1, 3, 1))
    #expect(CommunityID.text(of: up) == reference("10.0.0.1", "10.0.0.2", 1, 3, 1))
  }

  /// The specification's formula over bytes that are laid out here as they are to be hashed.
  private func reference(
    _ first: String, _ second: String, _ proto: UInt8, _ a: UInt8, _ b: UInt8
  ) -> String {
    let quad: (String) -> [UInt8] = { $0.split(separator: ".").map { UInt8($0)! } }
    let bytes = [0, 0] + quad(first) + quad(second) + [proto, 0, 0, a, 0, b]
    return "1:" + bytes.withUnsafeBytes { message in written { $0.base64(SHA1.digest(message)) } }
  }
}

@Suite struct FlowIdentityTests {
  private let record = flow(IPProtocol.tcp, "192.168.1.52", 54585, "8.8.8.8", 443)

  private func id(_ record: FlowRecord, _ sensor: String = "edge1") -> UInt64 {
    FlowIdentity(sensorName: sensor).flowID(key: record.hot.key, cold: record.cold)
  }

  /// Written down once: a flow must have the same ID in every build, on every machine.
  @Test func isTheSameForEver() {
    #expect(id(record) == 344_640_896_666_206)
    #expect(id(record, "") == 1_263_327_530_695_871)
    #expect(id(record, "a-sensor-with-a-long-name.example") == 345_874_314_319_745)
  }

  @Test func dependsOnWhatIdentifiesTheFlow() {
    var seen: Set<UInt64> = [id(record), id(record, "edge2"), id(record, "edge")]
    let changes: [(inout FlowRecord) -> Void] = [
      { $0.cold.firstSeen += 1 }, { $0.cold.ordinal += 1 }, { $0.cold.vlanOuter = 1 },
      { $0.cold.vlanInner = 1 }, { $0.hot.key.portA += 1 }, { $0.hot.key.portB += 1 },
      { $0.hot.key.proto = 17 }, { $0.hot.key.addressA.low += 1 },
      { $0.hot.key.addressB.low += 1 }, { $0.hot.key.addressB.high += 1 },
    ]
    for change in changes {
      var other = record
      change(&other)
      seen.insert(id(other))
    }
    #expect(seen.count == changes.count + 3)
  }

  @Test func doesNotDependOnWhatHappensLater() {
    var later = record
    later.hot.lastSeen += 1
    later.hot.sideA.packets += 1
    later.hot.flags ^= FlowFlags.originatorIsB
    later.cold.firstReply = 0
    later.exportTime = 0
    later.worker = 7
    #expect(id(later) == id(record))
  }

  @Test func fitsAndSpreads() {
    var record = record
    var seen: Set<UInt64> = []
    var bits: UInt64 = 0
    for ordinal in 0..<100_000 as Range<UInt64> {
      record.cold.ordinal = ordinal
      let id = id(record)
      #expect(id >> 51 == 0)
      bits |= id
      seen.insert(id)
    }
    #expect(seen.count == 100_000)
    #expect(bits == 1 << 51 - 1)
  }
}

@Suite struct SHA1Tests {
  /// FIPS 180-4's examples (NIST's "SHA1ShortMsg" and "SHA_All"), through whatever this processor has.
  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    ),
  ])
  func knownMessages(message: String, digest: String) {
    let words = Array(message.utf8).withUnsafeBytes { SHA1.digest($0) }
    let text = (0..<5).map { String(UInt64(words[$0]) | 1 << 32, radix: 16).suffix(8) }
    #expect(text.joined() == digest)
  }

  /// The processor's instructions and Swift give the same for any state and block.
  @Test func instructionsAndSwiftAgree() {
    guard SHA1.hasInstructions else {
      print("SKIPPED: this processor has no instructions for SHA-1")
      return
    }
    var random = SystemRandomNumberGenerator()
    var (fast, slow) = (SHA1.initial, SHA1.initial)
    for _ in 0..<1_000 {
      let block = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
      block.withUnsafeBytes {
        SHA1.absorb($0.baseAddress!, into: &fast)
        SHA1.absorbWithoutInstructions($0.baseAddress!, into: &slow)
      }
      #expect((0..<5).allSatisfy { fast[$0] == slow[$0] })
    }
  }
}
