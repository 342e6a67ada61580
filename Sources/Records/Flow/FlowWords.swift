import FlowEngine

/// The fixed words that flow records use, in Suricata's and IPFIX's terms.
package enum FlowWords {
  /// `flow.state`.
  @inline(__always)
  static func state(_ state: UInt8) -> StaticString {
    switch state {
    case FlowState.established: "established"
    case FlowState.closed: "closed"
    default: "new"
    }
  }

  /// `flow.reason` as Suricata has it: a flow that TCP has ended times out there, too, only sooner.
  @inline(__always)
  static func reason(_ endReason: UInt8) -> StaticString {
    switch endReason {
    case FlowEndReason.idleTimeout, FlowEndReason.activeTimeout, FlowEndReason.endOfFlow: "timeout"
    case FlowEndReason.forcedEnd: "shutdown"
    case FlowEndReason.lackOfResources, FlowEndReason.operatorEnd: "forced"
    default: "unknown"
    }
  }

  /// `flow.end_reason`: IPFIX's flowEndReason (RFC 5102, element 136).
  @inline(__always)
  static func endReason(_ endReason: UInt8) -> StaticString {
    switch endReason {
    case FlowEndReason.idleTimeout: "idle_timeout"
    case FlowEndReason.activeTimeout: "active_timeout"
    case FlowEndReason.endOfFlow: "end_of_flow"
    case FlowEndReason.forcedEnd, FlowEndReason.operatorEnd: "forced_end"
    case FlowEndReason.lackOfResources: "lack_of_resources"
    default: "unknown"
    }
  }

  /// `event_type`.
  @inline(__always)
  static func eventType(_ kind: UInt8) -> StaticString {
    switch kind {
    case FlowRecordKind.flowUpdate: "flow_update"
    case FlowRecordKind.anomaly: "anomaly"
    default: "flow"
    }
  }

  /// `proto`: IANA's keyword as Suricata spells it; nil where Suricata writes the number.
  package static func proto(_ number: UInt8) -> StaticString? {
    switch number {
    case IPProtocol.tcp: "TCP"
    case IPProtocol.udp: "UDP"
    case IPProtocol.icmp: "ICMP"
    case IPProtocol.icmpv6: "IPv6-ICMP"
    default: Int(number) < otherProtocols.count ? otherProtocols[Int(number)] : nil
    }
  }

  /// IANA's protocol numbers from 0 on; 61, 63, 68, 99 and 114 stand for "any" of a sort.
  private static let otherProtocols: [StaticString] = [
    "HOPOPT", "ICMP", "IGMP", "GGP", "IP-in-IP", "ST", "TCP", "CBT", "EGP", "IGP", "BBN-RCC-MON",
    "NVP-II", "PUP", "ARGUS", "EMCON", "XNET", "CHAOS", "UDP", "MUX", "DCN-MEAS", "HMP", "PRM",
    "XNS-IDP", "TRUNK-1", "TRUNK-2", "LEAF-1", "LEAF-2", "RDP", "IRTP", "ISO-TP4", "NETBLT",
    "MFE-NSP", "MERIT-INP", "DCCP", "3PC", "IDPR", "XTP", "DDP", "IDPR-CMTP", "TP++", "IL", "IPv6",
    "SDRP", "IPv6-Route", "IPv6-Frag", "IDRP", "RSVP", "GRE", "DSR", "BNA", "ESP", "AH", "I-NLSP",
    "SwIPe", "NARP", "MOBILE", "TLSP", "SKIP", "IPv6-ICMP", "IPv6-NoNxt", "IPv6-Opts", "Any",
    "CFTP", "Any", "SAT-EXPAK", "KRYPTOLAN", "RVD", "IPPC", "Any", "SAT-MON", "VISA", "IPCU",
    "CPNX", "CPHB", "WSN", "PVP", "BR-SAT-MON", "SUN-ND", "WB-MON", "WB-EXPAK", "ISO-IP", "VMTP",
    "SECURE-VMTP", "VINES", "TTP", "NSFNET-IGP", "DGP", "TCF", "EIGRP", "OSPF", "Sprite-RPC",
    "LARP", "MTP", "AX.25", "OS", "MICP", "SCC-SP", "ETHERIP", "ENCAP", "Any", "GMTP", "IFMP",
    "PNNI", "PIM", "ARIS", "SCPS", "QNX", "A/N", "IPComp", "SNP", "Compaq-Peer", "IPX-in-IP",
    "VRRP", "PGM", "Any", "L2TP", "DDX", "IATP", "STP", "SRP", "UTI", "SMP", "SM", "PTP", "IS-IS",
    "FIRE", "CRTP", "CRUDP", "SSCOPMCE", "IPLT", "SPS", "PIPE", "SCTP", "FC", "RSVP-E2E-IGNORE",
    "Mobility", "UDPLite", "MPLS-in-IP", "manet", "HIP", "Shim6", "WESP", "ROHC", "Ethernet",
  ]
}
