import FlowEngine
import Foundation
import Records
import Testing

@testable import Forwarding

@Suite struct ECSTests {
  private func ecs(_ bytes: [UInt8]) throws -> [String: Any] {
    let transforms = try RecordTransforms(schema: .ecs)
    var record = try ForwardSamples.record(String(decoding: bytes, as: UTF8.self))
    #expect(try transforms.apply(&record))
    return try object(record.document.bytes)
  }

  private func object(_ bytes: [UInt8]) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  private func at(_ json: [String: Any], _ path: String) -> Any? {
    path.split(separator: ".").reduce(json as Any?) { ($0 as? [String: Any])?[String($1)] }
  }

  @Test func aFlow() throws {
    var generator = SplitMix(seed: 0x6563_73)
    for _ in 0..<300 {
      let eve = FlowSamples.eve(FlowSamples.random(&generator))
      let source = try object(eve)
      let json = try ecs(eve)
      #expect(at(json, "source.ip") as? String == source["src_ip"] as? String)
      #expect(
        at(json, "destination.bytes") as? NSNumber == at(source, "flow.bytes_toclient") as? NSNumber
      )
      #expect(at(json, "event.kind") as? String == "event")
      #expect((at(json, "event.category") as? [String]) == ["network"])
      #expect(at(json, "event.id") as? String == "edge1-flow-1763760000000-5")
      #expect(at(json, "network.community_id") as? String == source["community_id"] as? String)
      let transport = (source["proto"] as? String)?.lowercased()
      #expect(at(json, "network.transport") as? String == transport)
      #expect((json["@timestamp"] as? String)?.hasSuffix("Z") == true)
      #expect((at(json, "event.duration") as? NSNumber)?.int64Value ?? -1 >= 0)
      for name in ["event.start", "event.end"] {
        #expect((at(json, name) as? String)?.hasSuffix("Z") == true)
      }
    }
  }

  /// Each EVE value is under `suricata.eve`, or its very value in the field that ECS has for it.
  @Test func nothingIsLost() throws {
    var generator = SplitMix(seed: 0x6c6f_7373)
    let others =
      (Self.protocols + Self.own).map { Array($0.utf8) } + [FlowSamples.eve(FlowSamples.stats())]
    let flows = (0..<200).map { _ in FlowSamples.eve(FlowSamples.random(&generator)) }
    for eve in others + flows {
      let json = try ecs(eve)
      try compare(try object(eve), path: "", json)
    }
  }

  private func compare(_ value: Any, path: String, _ json: [String: Any]) throws {
    if let object = value as? [String: Any], !object.isEmpty {
      for (name, value) in object {
        try compare(value, path: path.isEmpty ? name : "\(path).\(name)", json)
      }
      return
    }
    if let kept = at(json, "suricata.eve." + path) {
      #expect(kept as? NSObject == value as? NSObject, "\(path)")
      return
    }
    let mapping = ECSMapping.all.filter { $0.eve == path && $0.isMoved }
    #expect(!mapping.isEmpty, "\(path) is lost")
    for mapping in mapping {
      var found = at(json, mapping.ecs) as? NSObject
      if case .time = mapping.change, let text = found as? String {
        found = (text.dropLast() + "+0000") as NSString
      }
      #expect(found == value as? NSObject, "\(path) in \(mapping.ecs)")
    }
  }

  private static let protocols = [
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"dns","src_ip":"10.0.0.1","src_port":5,"dest_ip":"10.0.0.1","dest_port":53,"proto":"UDP","dns":{"type":"answer","id":7,"rrname":"a.test","rrtype":"A","rcode":"NOERROR","answers":[{"rrname":"a.test","rrtype":"A","ttl":3,"rdata":"192.0.2.1"}]}}"#,
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"http","src_ip":"2001:db8::1","dest_ip":"2001:db8::2","http":{"hostname":"h.test","url":"\/a?b=c&d=\"e\"","http_user_agent":"x","http_method":"GET","protocol":"HTTP/1.1","status":200,"length":5,"extra":true}}"#,
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"tls","tls":{"sni":"s.test","version":"TLS 1.3","fingerprint":"0a:0b","subject":"CN=x","ja3":{"hash":"77","string":"7,7"}},"ether":{"src_macs":["00:1b:21:00:00:0a"]},"vlan":[5,7]}"#,
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"alert","alert":{"signature_id":7,"signature":"é","severity":1,"category":"c","gid":1}}"#,
  ]

  @Test func protocols() throws {
    let dns = try ecs(Array(Self.protocols[0].utf8))
    #expect(at(dns, "dns.question.name") as? String == "a.test")
    #expect(at(dns, "dns.id") as? String == "7")
    #expect((at(dns, "dns.answers") as? [[String: Any]])?.first?["data"] as? String == "192.0.2.1")
    #expect(at(dns, "network.protocol") as? String == "dns")
    #expect(at(dns, "related.ip") as? [String] == ["10.0.0.1"])
    let http = try ecs(Array(Self.protocols[1].utf8))
    #expect(at(http, "url.path") as? String == "/a")
    #expect(at(http, "url.query") as? String == "b=c&d=\"e\"")
    #expect(at(http, "http.version") as? String == "1.1")
    #expect(at(http, "network.type") as? String == "ipv6")
    let tls = try ecs(Array(Self.protocols[2].utf8))
    #expect(at(tls, "tls.server.hash.sha1") as? String == "0A0B")
    #expect(at(tls, "tls.version") as? String == "1.3")
    #expect(at(tls, "source.mac") as? String == "00-1B-21-00-00-0A")
    #expect(at(tls, "network.vlan.id") as? String == "5")
    #expect(at(tls, "network.inner.vlan.id") as? String == "7")
    let alert = try ecs(Array(Self.protocols[3].utf8))
    #expect(at(alert, "event.kind") as? String == "alert")
    #expect(at(alert, "rule.id") as? String == "7")
    #expect(at(alert, "rule.name") as? String == "é")
  }

  /// Records as this engine writes them.
  private static let own = [
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"dns","proto":"UDP","dns":{"type":"answer","rrname":"a.test","rrclass":"IN","answers":[{"rrname":"a.test","rrtype":"CNAME","rdata":"b.test"},{"rrname":"b.test","rrtype":"A","rdata":"192.0.2.1"},{"rrname":"b.test","rrtype":"AAAA","rdata":"2001:db8::1"}]}}"#,
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"smtp","smtp":{"helo":"m.test","rcpt_to":["<b@x.test>"]},"email":{"from":"\"A \\\"é\" <a@x.test>","to":["<b@x.test>","c@x.test"],"subject":"s","message_id":"<1@x.test>","attachment":["q\".pdf","r"]}}"#,
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"fileinfo","app_proto":"http","http":{"hostname":"h.test","url":"/d/f.pdf"},"fileinfo":{"filename":"/d/f.pdf","size":7,"sha256":"00ff","mimetype":"application/pdf","state":"CLOSED"}}"#,
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"quic","quic":{"sni":"q.test","version":"1","ja3":{"hash":"77"},"ja4":"q13"}}"#,
    #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"ftp_data","ftp_data":{"filename":"a","command":"RETR"}}"#,
  ]

  @Test func recordsOfThisEngine() throws {
    let dns = try ecs(Array(Self.own[0].utf8))
    #expect(at(dns, "dns.resolved_ip") as? [String] == ["192.0.2.1", "2001:db8::1"])
    #expect(at(dns, "dns.question.class") as? String == "IN")
    #expect(at(dns, "related.hosts") as? [String] == ["a.test"])
    let mail = try ecs(Array(Self.own[1].utf8))
    #expect(at(mail, "event.category") as? [String] == ["network", "email"])
    #expect(at(mail, "email.from.address") as? String == "a@x.test")
    #expect(at(mail, "email.to.address") as? [String] == ["b@x.test", "c@x.test"])
    #expect(at(mail, "email.subject") as? String == "s")
    #expect(at(mail, "email.message_id") as? String == "1@x.test")
    let files = at(mail, "email.attachments") as? [[String: [String: String]]]
    #expect(files == [["file": ["name": "q\".pdf"]], ["file": ["name": "r"]]])
    let file = try ecs(Array(Self.own[2].utf8))
    #expect(at(file, "file.name") as? String == "f.pdf")
    #expect(at(file, "file.size") as? Int == 7)
    #expect(at(file, "file.hash.sha256") as? String == "00ff")
    #expect(at(file, "network.protocol") as? String == "http")
    #expect(at(file, "related.hash") as? [String] == ["00ff"])
    #expect(at(file, "suricata.eve.fileinfo.filename") as? String == "/d/f.pdf")
    let quic = try ecs(Array(Self.own[3].utf8))
    #expect(at(quic, "tls.client.server_name") as? String == "q.test")
    #expect(at(quic, "related.hash") as? [String] == ["77", "q13"])
    let data = try ecs(Array(Self.own[4].utf8))
    #expect(at(data, "network.protocol") as? String == "ftp-data")
  }

  @Test func whereAndFieldsComeFirst() throws {
    let transforms = try RecordTransforms(
      where: "event_type == http", fields: "http.hostname", schema: .ecs)
    let taken = transforms
    var record = try ForwardSamples.record(Self.protocols[1])
    #expect(try taken.apply(&record))
    #expect(record.document.text(EVEPath("url.domain")) == "h.test")
    #expect(record.document.element(EVEPath("source.ip")) == nil)
    var other = try ForwardSamples.record(Self.protocols[0])
    #expect(try !taken.apply(&other))
  }
}
