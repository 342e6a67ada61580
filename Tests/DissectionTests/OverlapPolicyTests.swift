import FlowEngine
import Testing

@testable import Dissection

/// Two segments of a request that share bytes, and do not agree on them: one waits behind a hole when the
/// other one comes.
struct OverlapPolicyTests {
  struct Scene: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// Of the request, what the newer segment has; the older one has `path`.
    var newer: Range<Int>
    /// Policies that believe the newer one.
    var believers: [OverlapPolicy]
  }

  /// The place of the path.
  private static let path = 4..<9

  static let scenes = [
    Scene(testDescription: "the same place", newer: 4..<9, believers: [.last]),
    Scene(testDescription: "begins earlier", newer: 2..<9, believers: [.last, .linux]),
    Scene(testDescription: "ends later", newer: 4..<12, believers: [.last]),
    Scene(testDescription: "around it", newer: 2..<12, believers: [.last, .linux, .windows]),
    Scene(testDescription: "within it", newer: 5..<8, believers: [.last]),
    // Next in order: it goes to the dissector at once, up to what waits.
    Scene(testDescription: "next, ends with it", newer: 0..<9, believers: [.last, .linux]),
    Scene(testDescription: "next, around it", newer: 0..<12, believers: [.last, .linux, .windows]),
  ]

  @Test(arguments: scenes, [OverlapPolicy.first, .last, .linux, .windows])
  func whatIsBelieved(_ scene: Scene, _ policy: OverlapPolicy) {
    var settings = DissectionSettings()
    settings.overlapPolicy = policy
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 80)
    wire.handshake()
    let start = wire.clientSequence
    func send(_ path: String, _ range: Range<Int>) {
      let request = Array("GET \(path) HTTP/1.1\r\nHost: example.org\r\n\r\n".utf8)
      wire.segment(
        Array(request[range.clamped(to: 0..<request.count)]), toServer: true,
        sequence: start &+ UInt32(range.lowerBound))
    }
    send("/olds", Self.path)
    send("/news", scene.newer)
    send("/olds", 9..<400)
    send("/olds", 0..<4)
    bed.finish()
    let urls = bed.records("http").map { ($0["http"] as? [String: Any])?["url"] as? String }
    #expect(urls == [scene.believers.contains(policy) ? "/news" : "/olds"])
    #expect(RetransmissionTests.events(bed).contains(RetransmissionTests.event))
  }
}
