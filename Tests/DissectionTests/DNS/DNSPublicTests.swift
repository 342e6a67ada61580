import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// Other people's captures, and what their programs say of them.
@Suite(.enabled(if: PublicCaptures.areHere)) struct DNSPublicTests {
  static func read(_ path: String) -> DissectionBed {
    var settings = DissectionSettings()
    settings.wantsHiddenRecords = true
    let bed = DissectionBed(settings)
    if let folder = PublicCaptures.folder { bed.read(folder + "/" + path) }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  /// Zeek's dns.log of an update (its test dns.dynamic-update).
  @Test func updates() {
    let bed = Self.read("zeek/testing/btest/Traces/dns/dynamic-update.pcap")
    let answers = bed.hidden.compactMap { $0["answers"] as? [String] }
    #expect(
      answers.contains([
        "pre: NoRRSet CNAME nwin1.stratolab.org", "del: RRSet AAAA", "del: RRSet A",
        "add: A nwin1.stratolab.org 192.168.1.105",
      ]))
  }

  /// Zeek's tests dns.ds and dns.binds.
  @Test(arguments: [
    ("dnssec/ds.pcap", "DS 5 1"), ("dns/dns-binds.pcap", "BIND9 signing signal"),
  ]) func security(_ path: String, _ answer: String) {
    let bed = Self.read("zeek/testing/btest/Traces/" + path)
    #expect(bed.hidden.contains { ($0["answers"] as? [String] ?? []).contains(answer) })
  }

  /// suricata-verify's dns/v2/bug-1158: a tunnel of 161 messages in one flow.
  @Test func aTunnel() {
    let bed = Self.read("suricata-verify/tests/dns/bug-1158/input.pcap")
    let records = DNSDatagramTests.dns(bed)
    #expect(records.count == 161)
    #expect(records.first?["rrname"] as? String == "AAAAAO1kQA.=auth.srv.tunnel.com")
    // A query and its answer are transactions of their own, and no two have one number.
    let numbers = records.compactMap { $0["tx_id"] as? Int }
    #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
  }

  /// suricata-verify's dns/dns-forward-pointer: the name is read, and the pointer told.
  @Test func aForwardPointer() {
    let bed = Self.read("suricata-verify/tests/dns/dns-forward-pointer/input.pcap")
    let records = DNSDatagramTests.dns(bed)
    #expect(records.count == 3)
    #expect(records.allSatisfy { $0["rrname"] as? String == "codemonkey.net" })
    #expect(bed.counters[.appCompressionLoop] == 1)
  }

  /// suricata-verify's dhcp-option-52-overload and -both.
  @Test func overloadedOptions() {
    let bed = Self.read("suricata-verify/tests/dhcp-option-52-overload/input.pcap")
    let offers = bed.records("dhcp").filter { $0["pcap_cnt"] as? Int == 4 }
      .compactMap { $0["dhcp"] as? [String: Any] }
    #expect(offers.first?["dns_servers"] as? [String] == ["10.100.0.2"])
    #expect(offers.first?["routers"] as? [String] == ["10.100.0.2"])
  }
}
