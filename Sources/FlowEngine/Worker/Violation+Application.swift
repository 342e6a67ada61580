extension Counter {
  /// Suricata's name of this violation in a protocol's messages, where it means the same (its `*-events`
  /// rules and rust/src/<proto>): nil where it has none, and ``Violation/event`` stands.
  package func event(of proto: AppProtocol) -> StaticString? {
    switch (self, proto) {
    case (.appMalformed, .dns), (.appMalformed, .mdns), (.appMalformed, .llmnr): "malformed_data"
    case (.appMalformed, .ntp), (.appMalformed, .snmp): "malformed_data"
    case (.appMalformed, .dhcp): "malformed_options"
    case (.appMalformed, .mqtt): "malformed_traffic"
    case (.appMalformed, .sip): "invalid_data"
    case (.appMalformed, .http2): "invalid_frame_data"
    case (.appMalformed, .quic): "error_on_data"
    case (.appDecompressionBomb, .http): "COMPRESSION_BOMB"
    default: nil
    }
  }
}
