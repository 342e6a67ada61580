import Foundation
import Testing

@testable import Dissection

/// Other people's captures with other people's answers.
@Suite(.enabled(if: PublicCaptures.areHere)) struct HTTPCaptureTests {
  struct Check: Sendable {
    let test: String
    let pcap: String
    let type: String
    let count: Int
    let match: [String: String]

    init(
      _ test: String, _ pcap: String, _ type: String, _ count: Int, _ match: [String: String] = [:]
    ) {
      self.test = test
      self.pcap = pcap
      self.type = type
      self.count = count
      self.match = match
    }
  }

  /// Out of suricata-verify's test.yaml: filter, count, match.
  static let checks: [Check] = [
    Check(
      "alert-testmyids-midstream3", "tests/alert-testmyids-midstream3/input.pcap", "http", 1,
      ["dest_port": "80"]),
    Check(
      "alert-testmyids-midstream5", "tests/alert-testmyids-midstream5/input.pcap", "http", 1,
      ["dest_port": "80"]),
    Check(
      "bug-2430", "tests/bug-2430/backwards.pcap", "http", 1,
      [
        "src_ip": "10.120.128.236", "src_port": "53909", "dest_ip": "10.123.173.114",
        "dest_port": "8080", "http.http_method": "CONNECT",
        "http.hostname": "qagpublic.qg1.apps.qualys.com",
      ]),
    Check(
      "bug-28", "tests/bug-28/input.pcap", "http", 1,
      [
        "src_ip": "192.168.2.7", "src_port": "1041", "dest_ip": "208.75.250.50", "dest_port": "80",
        "proto": "TCP", "tx_id": "0", "http.hostname": "btg.btgrab.com",
        "http.url":
          "/a/Drk.syn?adcontext=ROUTINE_CHECKIN&contextpeak=0&contextcount=0&countrycodein=XX&lastAdTime=0&lastAdCode=0&cookie1=0&cookie2=0&cookie3=0&cookie4=0&InstID={2CAA09DF-35D8-471C-9979-A11DA0CC54DB}&status=1&smode=11&event=&bho=aurora.exe&NumWindows=4&PartnerId=0&BundleId=0&HN=bob7&VSN=189A97F7&PI=55274-640-1781551-23400&MA=005400123457&TM=-1",
        "http.http_user_agent": "{2CAA09DF-35D8-471C-9979-A11DA0CC54DB}|0.21.5.110",
      ]),
    Check(
      "bug-3286-01-no-evasion", "tests/bug-3286-01-no-evasion/without_evasion.pcap", "fileinfo", 1,
      ["fileinfo.state": "CLOSED"]),
    Check(
      "bug-3286-01-no-evasion", "tests/bug-3286-01-no-evasion/without_evasion.pcap", "http", 1,
      ["http.status": "200", "http.length": "14"]),
    Check(
      "bug-3286-02-linux-evasion", "tests/bug-3286-02-linux-evasion/with_evasion_linux.pcap",
      "fileinfo", 1, ["fileinfo.state": "CLOSED"]),
    Check(
      "bug-3286-02-linux-evasion", "tests/bug-3286-02-linux-evasion/with_evasion_linux.pcap",
      "http", 1, ["http.status": "200", "http.length": "14"]),
    Check(
      "bug-5464-verdict-05", "tests/alert-max/alert-max-append-higher-priority/input.pcap", "http",
      1, [:]),
    Check(
      "bug-6269-01", "tests/bug-6269-01/input.pcap", "http", 1,
      ["http.url": "/test_lastline_blocking"]),
    Check(
      "bug-6269-02-ips", "tests/bug-6269-02-ips/input.pcap", "http", 1,
      ["http.url": "/test_lastline_blocking"]),
    Check(
      "bug-6402-01", "tests/bug-6402-01/input.pcap", "fileinfo", 1,
      ["fileinfo.state": "CLOSED", "fileinfo.size": "18"]),
    Check(
      "bug-7657-01", "tests/bug-7657-01/input.pcap", "http", 1,
      [
        "http.http_method": "POST",
        "http.http_user_agent":
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.2792.79",
      ]),
    Check(
      "bug-7657-02-ips", "tests/bug-7657-02-ips/input.pcap", "http", 1,
      [
        "http.http_method": "POST",
        "http.http_user_agent":
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.2792.79",
      ]),
    Check(
      "decode-chdlc-01", "tests/decode-chdlc-01/hdlc-http_1tx.pcap", "http", 1,
      ["http.hostname": "view.atdmt.com", "http.status": "200", "http.length": "8079"]),
    Check(
      "decode-chdlc-01", "tests/decode-chdlc-01/hdlc-http_1tx.pcap", "fileinfo", 1,
      ["fileinfo.state": "CLOSED"]),
    Check(
      "decode-chdlc-02", "tests/decode-chdlc-01/hdlc-http_1tx.pcap", "http", 1,
      ["http.hostname": "view.atdmt.com", "http.status": "200", "http.length": "8079"]),
    Check(
      "decode-chdlc-02", "tests/decode-chdlc-01/hdlc-http_1tx.pcap", "fileinfo", 1,
      ["fileinfo.state": "CLOSED"]),
    Check(
      "decode-teredo-01", "tests/decode-teredo-01/input.pcap", "fileinfo", 1,
      [
        "app_proto": "http", "dest_ip": "75.126.203.78", "dest_port": "80",
        "fileinfo.filename": "/cgi-bin/iavs4stats.cgi", "fileinfo.gaps": "false",
        "fileinfo.size": "589", "fileinfo.state": "CLOSED", "fileinfo.stored": "false",
        "fileinfo.tx_id": "0", "http.hostname": "download913.avast.com", "http.http_method": "POST",
        "http.http_user_agent": "Syncer/4.80 (av_pro-1169;f)", "http.length": "0",
        "http.protocol": "HTTP/1.0", "http.url": "/cgi-bin/iavs4stats.cgi", "proto": "TCP",
        "src_ip": "192.168.2.16", "src_port": "1578",
      ]),
    Check(
      "decode-teredo-01", "tests/decode-teredo-01/input.pcap", "fileinfo", 1,
      [
        "app_proto": "http", "dest_ip": "192.168.2.16", "dest_port": "1580",
        "fileinfo.filename": "/", "fileinfo.gaps": "false", "fileinfo.size": "11845",
        "fileinfo.state": "CLOSED", "fileinfo.stored": "false", "fileinfo.tx_id": "0",
        "http.hostname": "www.wireshark.org", "http.http_content_type": "text/html",
        "http.http_method": "GET",
        "http.http_refer": "http://ipv6.google.com/search?hl=en&q=Wireshark+%21&btnG=Google+Search",
        "http.http_user_agent":
          "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9b5) Gecko/2008032620 Firefox/3.0b5",
        "http.length": "3651", "http.protocol": "HTTP/1.1", "http.status": "200", "http.url": "/",
        "proto": "TCP", "src_ip": "67.228.110.120", "src_port": "80",
      ]),
    Check(
      "engine-state/detect-engine-state-04", "tests/engine-state/detect-engine-state-04/input.pcap",
      "http", 1, [:]),
    Check("http-async-cli", "tests/http-async-cli/input.pcap", "http", 1, ["http.url": "/1"]),
    Check("http-async-cli", "tests/http-async-cli/input.pcap", "http", 1, ["http.url": "/2"]),
    Check(
      "http-async", "tests/http-async/input.pcap", "http", 1,
      ["http.url": "/1", "http.status": "200"]),
    Check(
      "http-async", "tests/http-async/input.pcap", "http", 1,
      ["http.url": "/2", "http.status": "200"]),
    Check(
      "http-body-inspect", "tests/http-body-inspect/http-aptget-ids-02-s2.pcap", "http", 1, [:]),
    Check("http-brotli-ce", "tests/http-brotli-ce/input.pcap", "http", 3, [:]),
    Check("http-brotli-ce", "tests/http-brotli-ce/input.pcap", "fileinfo", 2, [:]),
    Check(
      "http-connect/http-connect-fail", "tests/http-connect/http-connect-fail/input.pcap", "http",
      1,
      [
        "tx_id": "0", "http.http_method": "CONNECT", "http.protocol": "HTTP/1.1",
        "http.status": "200",
      ]),
    Check(
      "http-gap-whole-body", "tests/http-gap-whole-body/input.pcap", "http", 1,
      ["http.url": "/1", "http.status": "200"]),
    Check(
      "http-gap-whole-body", "tests/http-gap-whole-body/input.pcap", "http", 1,
      ["http.url": "/2", "http.status": "200"]),
    Check(
      "http-gap-whole-body", "tests/http-gap-whole-body/input.pcap", "http", 1,
      ["http.url": "/3", "http.status": "200"]),
    Check(
      "http-gap-whole-body", "tests/http-gap-whole-body/input.pcap", "fileinfo", 1,
      ["fileinfo.size": "12", "fileinfo.state": "TRUNCATED", "fileinfo.gaps": "true"]),
    Check(
      "http-gap-whole-body", "tests/http-gap-whole-body/input.pcap", "fileinfo", 1,
      ["fileinfo.size": "70", "fileinfo.state": "CLOSED", "fileinfo.gaps": "false"]),
    Check("http-ipv6", "tests/http-ipv6/input.pcap", "http", 1, ["http.hostname": "[::1]"]),
    Check(
      "http-options-method", "tests/http-options-method/input.pcap", "http", 1,
      ["http.http_method": "OPTIONS", "http.hostname": "example.com"]),
    Check(
      "http-protocol-nodup", "tests/http-protocol-nodup/input.pcap", "http", 40,
      ["http.protocol": "HTTP/1.1"]),
    Check(
      "http1-noint-status", "tests/http1-noint-status/input.pcap", "http", 1,
      ["http.status_string": "2XX"]),
    Check(
      "security-4710-01", "tests/security-4710-01/input.pcap", "http", 1,
      ["http.url": "/ultrasurf.html"]),
    Check("security-4710-02", "tests/security-4710-02/input.pcap", "http", 1, ["http.url": "/"]),
    Check(
      "tcp-fastopen-07", "tests/tcp-fastopen-07/tcp_fastopen_segmentation.pcap", "http", 1,
      [
        "proto": "TCP", "dest_port": "80", "tx_id": "0", "http.hostname": "10.0.0.61",
        "http.url":
          "//a1a2a3a4a5a6a7a8a9a0b1b2b3b4b5b6b7b8b9b0c1c2c3c4c5c6c7c8c9c0d1d2d3d4d5d6d7d8d9d0",
        "http.http_user_agent": "czxt2s", "http.http_content_type": "text/html",
        "http.http_method": "GET", "http.protocol": "HTTP/1.1", "http.status": "404",
        "http.length": "153",
      ]),
    Check(
      "tcp-rst-unacked-stream-10",
      "tests/tcp-rst-unacked-stream-10/TLPW1-tcp-174.56.47.59-10.3.11.101-tcp-80-49309.pcap",
      "fileinfo", 1, [:]),
    Check(
      "tcp-rst-unacked-stream-10",
      "tests/tcp-rst-unacked-stream-10/TLPW1-tcp-174.56.47.59-10.3.11.101-tcp-80-49309.pcap",
      "http", 1, [:]),
    Check(
      "uricontent/detect-uricontent-01", "tests/uricontent/detect-uricontent-01/input.pcap", "http",
      1, [:]),
    Check(
      "uricontent/detect-uricontent-02", "tests/uricontent/detect-uricontent-02/input.pcap", "http",
      2, [:]),
    Check(
      "uricontent/detect-uricontent-03", "tests/uricontent/detect-uricontent-03/input.pcap", "http",
      1, [:]),
    Check(
      "uricontent/detect-uricontent-07", "tests/uricontent/detect-uricontent-07/input.pcap", "http",
      1, [:]),
  ]

  static func value(_ record: [String: Any], _ path: String) -> String {
    var value: Any? = record
    for part in path.split(separator: ".") {
      value = (value as? [String: Any])?[String(part)]
    }
    if let number = value as? NSNumber, CFBoolean.isBoolean(number) {
      return number.boolValue ? "true" : "false"
    }
    return value.map { "\($0)" } ?? ""
  }

  enum CFBoolean {
    static func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
  }

  @Test func suricataVerify() throws {
    let root = try #require(PublicCaptures.folder) + "/suricata-verify/"
    var settings = DissectionSettings()
    settings.hashesFiles = true
    var byPath: [String: [[String: Any]]] = [:]
    for check in Self.checks {
      if byPath[check.pcap] == nil {
        let bed = DissectionBed(settings)
        bed.read(root + check.pcap)
        bed.finish()
        #expect(bed.buffersInUse == 0 && bed.statesInUse == 0, "\(check.pcap)")
        byPath[check.pcap] = bed.records()
      }
      let found = (byPath[check.pcap] ?? []).filter { record in
        record["event_type"] as? String == check.type
          && check.match.allSatisfy { Self.value(record, $0.key) == $0.value }
      }
      #expect(found.count == check.count, "\(check.test) \(check.type) \(check.match)")
    }
  }

  /// Lengths and status codes that Zeek has of the same transactions, in their order: its http.log.
  @Test(arguments: [
    ("http/100-continue.pcap", "scripts.base.protocols.http.100-continue"),
    ("http/multipart-form-data.pcap", "scripts.base.protocols.http.multipart-body-length"),
    ("http/basic-auth-with-colon.pcap", "scripts.base.protocols.http.http-basic-auth-colon"),
    ("http/connect-with-smtp.pcap", "scripts.base.protocols.http.http-connect"),
    ("http/websocket.pcap", "scripts.base.protocols.http.101-switching-protocols"),
    ("http/curl_http_09.pcap", "scripts.base.protocols.http.curl-http-09"),
    (
      "http/concurrent-range-requests.pcap", "scripts.base.protocols.http.concurrent-range-requests"
    ),
  ])
  func zeek(trace: String, test: String) throws {
    let root = try #require(PublicCaptures.folder) + "/zeek/testing/btest/"
    let log = try String(contentsOfFile: root + "Baseline/\(test)/http.log", encoding: .utf8)
    let bed = DissectionBed()
    bed.read(root + "Traces/" + trace)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    var names: [String] = []
    var got: [String: [[String: Any]]] = [:]
    for record in bed.records("http") {
      got["\(record["src_port"] ?? 0)", default: []].append(HTTPTests.http(record))
    }
    for line in log.split(separator: "\n") {
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      if columns[0] == "#fields" { names = Array(columns.dropFirst()) }
      if line.hasPrefix("#") { continue }
      let row = Dictionary(uniqueKeysWithValues: zip(names, columns))
      let port = row["id.orig_p"] ?? ""
      guard let http = got[port]?.first else {
        Issue.record("\(test): \(line)")
        continue
      }
      got[port]?.removeFirst()
      // Zeek takes the answer to a request line without a version for HTTP/0.9's, head and all.
      if row["status_code"] == "0" || row["status_code"] == "-" { continue }
      #expect(row["status_code"] == "\(http["status"] ?? "-")", "\(test) \(port)")
      #expect(row["response_body_len"] == "\(http["response_body_length"] ?? 0)", "\(test) \(port)")
      #expect(row["request_body_len"] == "\(http["request_body_length"] ?? 0)", "\(test) \(port)")
      if row["method"] != "-" {
        #expect(row["method"] == "\(http["http_method"] ?? "-")", "\(test) \(port)")
      }
      #expect(row["username"] ?? "-" == "\(http["username"] ?? "-")", "\(test) \(port)")
    }
  }
}
