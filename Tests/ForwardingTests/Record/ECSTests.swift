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
    let others = Self.protocols.map { Array($0.utf8) } + [FlowSamples.eve(FlowSamples.stats())]
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
