import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// Connections whose directions speak different protocols, and those that were not seen from their
/// beginning.
@Suite struct ProtocolMismatchTests {
  private func flow(_ bed: DissectionBed) -> [String: Any] { bed.records("flow").first ?? [:] }

  private func anomalies(_ bed: DissectionBed) -> [[String: Any]] {
    bed.records("anomaly").compactMap { $0["anomaly"] as? [String: Any] }
  }

  private func talk(
    _ request: String, _ answer: String, size: Int, _ settings: DissectionSettings = .init()
  ) -> DissectionBed {
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: 8080)
    wire.handshake()
    wire.send(Array(request.utf8), toServer: true, size: size)
    wire.send(Array(answer.utf8), toServer: false, size: size)
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  @Test(arguments: [1, 3, 1460]) func answerOfAnotherProtocol(size: Int) {
    let bed = talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n", size: size)
    #expect(flow(bed)["app_proto"] as? String == "http")
    #expect(flow(bed)["app_proto_tc"] as? String == "ssh")
    let found = anomalies(bed).first {
      $0["event"] as? String == "APPLAYER_MISMATCH_PROTOCOL_BOTH_DIRECTIONS"
    }
    #expect(found?["type"] as? String == "applayer")
    #expect(found?["layer"] as? String == "proto_detect")
    #expect(found?["app_proto"] as? String == "http")
  }

  /// What no protocol's first bytes are is not waited for beyond the stream's end.
  @Test(arguments: [1, 1460]) func answerOfNoProtocolIsStillTheBody(size: Int) {
    let bed = talk("GET /\r\n", "~~", size: size)
    #expect(flow(bed)["app_proto_tc"] as? String == "failed")
    let http = bed.records("http").first?["http"] as? [String: Any]
    #expect(http?["url"] as? String == "/")
    #expect(http?["length"] as? Int == 2)
  }

  /// A request's line without its end, and nothing behind it.
  @Test(arguments: [1, 1460]) func requestThatEndsWithinItsLine(size: Int) {
    let http = talk("GET /a", "", size: size).records("http").first?["http"] as? [String: Any]
    #expect(http?["url"] as? String == "/a")
    #expect(http?["http_method"] as? String == "GET")
    #expect(http?["incomplete"] as? Bool == true)
  }

  @Test func withoutMidstreamAConnectionIsKnownFromItsBeginning() {
    func records(_ begins: Bool, _ takesMidstream: Bool) -> Int {
      var settings = DissectionSettings()
      settings.takesMidstream = takesMidstream
      let bed = DissectionBed(settings)
      let wire = Wire(on: bed, to: 80)
      if begins {
        wire.handshake()
      } else {
        wire.segment(toServer: false, flags: TCPFlags.syn | TCPFlags.ack)
        wire.serverSequence &+= 1
      }
      wire.send(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), toServer: true)
      wire.send(Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8), toServer: false)
      wire.close()
      bed.finish()
      return bed.records("http").count
    }
    #expect(records(true, true) == 1)
    #expect(records(true, false) == 1)
    #expect(records(false, true) == 1)
    #expect(records(false, false) == 0)
  }
}
