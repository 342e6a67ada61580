/// Something that a packet must not be, by its name in EVE and the clause it is against.
package struct Violation: Sendable {
  /// `anomaly.type`: what found it.
  package enum Layer: String, Sendable {
    case decode, stream, applayer
  }

  /// `anomaly.event` for IPv4 or where it makes no difference; Suricata's name where it has one.
  package let event: StaticString
  /// The same for IPv6.
  package let eventIPv6: StaticString
  package let layer: Layer
  /// Where the rule stands.
  package let clause: String
  /// `anomaly.layer` of a violation of an application's: it was found when the protocol was told, not
  /// when it was taken apart.
  package private(set) var isOfDetection = false

  init(_ event: StaticString, ipv6: StaticString? = nil, _ clause: String) {
    self.event = event
    eventIPv6 = ipv6 ?? event
    layer = .decode
    self.clause = clause
  }

  init(application event: StaticString, _ clause: String) {
    self.event = event
    eventIPv6 = event
    layer = .applayer
    self.clause = clause
  }

  init(detection event: StaticString, _ clause: String) {
    self.init(application: event, clause)
    isOfDetection = true
  }

  init(stream event: StaticString, _ clause: String) {
    self.event = event
    eventIPv6 = event
    layer = .stream
    self.clause = clause
  }
}

extension Counter {
  /// The violation that this counts; nil where it counts something else. This is the one list of them.
  package var violation: Violation? {
    switch self {
    case .truncatedEthernet:
      Violation("decoder.ethernet.pkt_too_small", "IEEE 802.3, section 3.2")
    case .truncatedVLAN: Violation("decoder.vlan.header_too_small", "IEEE 802.1Q, section 9.5")
    case .tooManyVLANs: Violation("decoder.vlan.too_many_layers", "Martlet's limit: 4")
    case .truncatedMPLS: Violation("decoder.mpls.header_too_small", "RFC 3032, section 2.1")
    case .tooManyLabels: Violation("decoder.mpls.too_many_labels", "Martlet's limit: 8")
    case .truncatedPPPoE: Violation("decoder.pppoe.pkt_too_small", "RFC 2516, section 4")
    case .truncatedIPv4: Violation("decoder.ipv4.pkt_too_small", "RFC 791, section 3.1")
    case .badIPv4Version: Violation("decoder.ipv4.wrong_ip_version", "RFC 791, section 3.1")
    case .badIPv4HeaderLength: Violation("decoder.ipv4.hlen_too_small", "RFC 791, section 3.1")
    case .badIPv4TotalLength:
      Violation("decoder.ipv4.iplen_smaller_than_hlen", "RFC 791, section 3.1")
    case .badIPv4Options: Violation("decoder.ipv4.opt_invalid_len", "RFC 791, section 3.1")
    case .badInnerVersion:
      Violation(
        "decoder.ipv4.ip_in_ip_wrong_version", ipv6: "decoder.ipv6.ipv6_in_ipv6_wrong_version",
        "RFC 2003, section 3.1; RFC 2473, section 3")
    case .truncatedLinkHeader:
      Violation("decoder.link.header_too_small", "the link type's own description")
    case .badLinkHeader: Violation("decoder.link.bad_header", "the link type's own description")
    case .lengthBeyondFrame:
      Violation(
        "decoder.ipv4.trunc_pkt", ipv6: "decoder.ipv6.trunc_pkt",
        "RFC 791, section 3.1; RFC 8200, section 3")
    case .truncatedIPv6: Violation("decoder.ipv6.pkt_too_small", "RFC 8200, section 3")
    case .badIPv6Version: Violation("decoder.ipv6.wrong_ip_version", "RFC 8200, section 3")
    case .truncatedIPv6Extension: Violation("decoder.ipv6.trunc_exthdr", "RFC 8200, section 4")
    case .tooManyIPv6Extensions:
      Violation("decoder.ipv6.too_many_exthdrs", "Martlet's limit: 12")
    case .truncatedTCP: Violation("decoder.tcp.pkt_too_small", "RFC 9293, section 3.1")
    case .truncatedUDP: Violation("decoder.udp.pkt_too_small", "RFC 768")
    case .truncatedICMP:
      Violation(
        "decoder.icmpv4.pkt_too_small", ipv6: "decoder.icmpv6.pkt_too_small",
        "RFC 792; RFC 4443, section 2.1")
    case .truncatedSCTP: Violation("decoder.sctp.pkt_too_small", "RFC 9260, section 3.1")
    case .truncatedAH: Violation("decoder.ah.pkt_too_small", "RFC 4302, section 2")
    case .badTCPHeaderLength: Violation("decoder.tcp.hlen_too_small", "RFC 9293, section 3.1")
    case .badTCPOptions: Violation("decoder.tcp.invalid_optlen", "RFC 9293, section 3.1")
    case .badUDPLength: Violation("decoder.udp.len_invalid", "RFC 768")
    case .ipChecksumBad:
      Violation("decoder.ipv4.invalid_checksum", "RFC 1071; RFC 791, section 3.1")
    case .transportChecksumBad:
      Violation(
        "decoder.transport.invalid_checksum",
        "RFC 9293, section 3.1; RFC 768; RFC 792; RFC 4443, section 2.3; RFC 9260, section 6.8")
    case .fragmentOverlap:
      Violation(
        "decoder.ipv4.frag_overlap", ipv6: "decoder.ipv6.frag_overlap",
        "RFC 791, section 3.2; RFC 5722, section 4")
    case .fragmentTooLong:
      Violation(
        "decoder.ipv4.frag_pkt_too_large", ipv6: "decoder.ipv6.frag_pkt_too_large",
        "RFC 791, section 3.1; RFC 8200, section 4.5")
    case .fragmentWithoutFirst:
      Violation(
        "decoder.ipv4.frag_without_first", ipv6: "decoder.ipv6.frag_without_first",
        "RFC 791, section 3.2; RFC 8200, section 4.5")
    case .badTCPFlags: Violation(stream: "stream.pkt_invalid_flags", "RFC 9293, section 3.10.7")
    case .rstOutsideWindow:
      Violation(stream: "stream.rst_outside_window", "RFC 5961, section 3.2")
    case .tcpOutsideWindow:
      Violation(stream: "stream.est_packet_out_of_window", "RFC 9293, section 3.10.7.4")
    case .finOutsideWindow:
      Violation(stream: "stream.fin_out_of_window", "RFC 9293, section 3.10.7.4")
    case .tcpGap: Violation(stream: "stream.reassembly_seq_gap", "RFC 9293, section 3.10.7.4")
    case .streamOverlapDiffers:
      Violation(stream: "stream.reassembly_overlap_different_data", "RFC 9293, section 3.10.7.4")
    case .streamHeldTooMuch:
      Violation(
        stream: "stream.reassembly_held_too_much",
        "Martlet's limits: dissection.heldKilobytes, 64 holes")
    case .appMessageTooLong:
      Violation(application: "message_too_long", "Martlet's limit: 64 KiB")
    case .appMalformed: Violation(application: "malformed", "the protocol's own description")
    case .appMismatch:
      Violation(
        detection: "APPLAYER_MISMATCH_PROTOCOL_BOTH_DIRECTIONS", "the ways differ in protocol")
    case .appOneDirection:
      Violation(
        detection: "APPLAYER_DETECT_PROTOCOL_ONLY_ONE_DIRECTION",
        "one way's protocol cannot be told")
    case .appCompressionLoop:
      Violation(application: "compression_loop", "RFC 1035, section 4.1.4")
    case .appTooManyTransactions:
      Violation(application: "too_many_transactions", "Martlet's limits by protocol")
    case .appDecompressionBomb:
      Violation(application: "decompression_bomb", "Martlet's limit: 200 to 1 beyond 1 MiB")
    case .appPendingTooLarge:
      Violation(application: "pending_records_too_large", "Martlet's limit: 512 KiB a flow")
    case .appHeadersTooLong:
      Violation(application: "headers_too_long", "Martlet's limits by protocol")
    default: nil
    }
  }

  /// All violations, in the order of their counters.
  package static let violations = allCases.filter { $0.violation != nil }
}
