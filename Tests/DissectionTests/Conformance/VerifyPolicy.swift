import Dissection
import FlowEngine

/// Which checks of Suricata-verify are not about what is compared here, and which differ on purpose.
enum VerifyPolicy {
  /// Keys that say nothing of the record itself: where the packet came from, what rules did, and of a flow
  /// all but its protocol, which is compared elsewhere.
  static func reduced(_ check: VerifyCheck) -> VerifyCheck {
    var check = check
    let kept: Set = [
      "event_type", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "app_proto",
      "app_proto_tc", "app_proto_ts", "app_proto_orig", "app_proto_expected",
    ]
    let before = check.match.count
    if check.eventType == "flow" {
      check.match = check.match.filter { kept.contains($0.key) }
      check.isAtLeast = check.match.count < before
    } else {
      check.match["pkt_src"] = nil
      check.match["ip_v"] = nil
    }
    return check
  }

  static func asksForProtocol(_ check: VerifyCheck) -> Bool {
    check.match["app_proto"] != nil
  }

  // MARK: Set aside

  static func setAside(_ check: VerifyCheck, of test: VerifyTest) -> String? {
    if check.version == nil { return "for versions before Suricata 7" }
    if check.eventType == "anomaly" {
      switch check.match["anomaly.type"]?.text {
      case "decode", "stream": return "anomalies of packets and of TCP are compared with flows"
      case nil where check.match["anomaly.app_proto"] == nil && check.match["app_proto"] == nil:
        return "anomalies of packets and of TCP are compared with flows"
      default: break
      }
    }
    for key in check.match.keys {
      if key.hasPrefix("metadata") || key.hasPrefix("alert") || key.hasPrefix("verdict")
        || key == "tag" || key.hasPrefix("traffic")
      {
        return "asks for what rules set"
      }
      if key.hasPrefix("ether.") || check.match["has-key"]?.text == "ether" {
        return "MAC addresses in every record, an option of Suricata's"
      }
    }
    let protocols = [check.match["app_proto"], check.match["anomaly.app_proto"]]
    for name in protocols.compactMap({ $0?.text }) where unlisted.contains(name) {
      return "\(name): a protocol that Martlet does not tell"
    }
    return configured[test.name] ?? configured["\(test.name) [\(check.number)]"]
  }

  private static let unlisted: Set = [
    "template", "rfb", "pgsql", "smb", "nfs", "enip", "websocket", "bittorrent-dht", "telnet",
    "ike", "doh2",
  ]

  /// Tests whose configuration or rules decide what is recorded.
  private static let configured: [String: String] = [
    "cond-log-dns-dig": "a script decides what is recorded",
    "dns-eve-type-filtering": "only some types are recorded",
    "dns/v2/dns-udp-eve-log-query-only": "only queries are recorded",
    "snmp-disabled": "the protocol is switched off",
    "ja4-rules-7.0.x-01": "JA4 is switched off",
    "ja4-tls-7.0.x": "JA4 is switched off",
    "drop-protocol-change": "an IPS drops the flow",
    "bug-5162": "a filter of the configuration leaves records out",
  ]

  static func settings(for test: VerifyTest) -> DissectionSettings {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    settings.takesMidstream = !isMidstreamOff(test)
    for proto in AppProtocol.allCases where isOff("\(proto.name)", in: test) {
      settings.protocols &= ~(1 << UInt64(proto.rawValue))
    }
    return settings
  }

  /// `app-layer.protocols.NAME.enabled` is no.
  private static func isOff(_ name: String, in test: VerifyTest) -> Bool {
    let option = "app-layer.protocols.\(name).enabled="
    if test.arguments.contains(option + "no") || test.arguments.contains(option + "false") {
      return true
    }
    let protocols = SimpleYAML.read(test.configuration)?["app-layer"]?["protocols"]
    let enabled = protocols?[name]?["enabled"]
    return enabled == .bool(false) || enabled?.text == "no"
  }

  /// `vlan.use-for-tracking`
  static func ignoresVLAN(_ test: VerifyTest) -> Bool {
    test.arguments.contains("vlan.use-for-tracking=false")
      || test.configuration.contains("use-for-tracking: false")
  }

  private static func isMidstreamOff(_ test: VerifyTest) -> Bool {
    !test.arguments.contains("stream.midstream=true")
      && !test.configuration.contains("midstream: true")
      && !test.configuration.contains("midstream: yes")
  }
}
