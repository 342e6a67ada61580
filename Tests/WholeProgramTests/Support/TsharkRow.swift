import Foundation

extension TsharkTruth {
  /// The columns asked of tshark, in this order. A field that occurs several times (the headers that
  /// an ICMP error quotes, the inner headers of a tunnel) is a comma-separated list, outermost first.
  enum Field: Int, CaseIterable {
    case frameLength, protocols, etherType, etherLength, vlan, serviceVLAN
    case ipSource, ipDestination, ipProtocol, ipID, ipMoreFragments, ipOffset
    case ip6Source, ip6Destination, ip6Next, ip6HopNext, ip6RoutingNext, ip6DestinationNext
    case ip6FragmentNext, ip6FragmentOffset, ip6FragmentMore, ip6FragmentID, ahNext
    case tcpSource, tcpDestination, udpSource, udpDestination, sctpSource, sctpDestination
    case icmpType, icmpCode, icmp6Type, icmp6Code

    var name: String { Self.names[rawValue] }

    private static let names = [
      "frame.len", "frame.protocols", "eth.type", "eth.len", "vlan.id", "ieee8021ad.id",
      "ip.src", "ip.dst", "ip.proto", "ip.id", "ip.flags.mf", "ip.frag_offset",
      "ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.hopopts.nxt", "ipv6.routing.nxt",
      "ipv6.dstopts.nxt", "ipv6.fraghdr.nxt", "ipv6.fraghdr.offset", "ipv6.fraghdr.more",
      "ipv6.fraghdr.ident", "ah.next_header",
      "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport",
      "icmp.type", "icmp.code", "icmpv6.type", "icmpv6.code",
    ]
  }

  /// One packet as tshark printed it.
  struct Row {
    private let cells: [Substring]

    init(_ line: Data) {
      // Not `split` on Data's slices alone: empty cells count.
      cells = String(decoding: line, as: UTF8.self)
        .split(separator: "\t", omittingEmptySubsequences: false)
    }

    private func cell(_ field: Field) -> Substring {
      field.rawValue < cells.count ? cells[field.rawValue] : ""
    }

    /// A field's first, that is outermost, value.
    func first(_ field: Field) -> Substring? {
      let value = cell(field).prefix { $0 != "," }
      return value.isEmpty ? nil : value
    }

    private func number(_ text: Substring) -> Int? {
      if text == "True" { return 1 }
      if text == "False" { return 0 }
      return text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
    }

    func integer(_ field: Field) -> Int? { first(field).flatMap(number) }

    /// The layers in front of the outermost IP header, and which IP that is.
    private var link: (layers: ArraySlice<Substring>, version: Int?) {
      let layers = cell(.protocols).split(separator: ":")
      guard let at = layers.firstIndex(where: { $0 == "ip" || $0 == "ipv6" }) else {
        return (layers[...], nil)
      }
      return (layers[..<at], layers[at] == "ip" ? 4 : 6)
    }

    var ipVersion: Int? { link.version }

    /// VLAN ids in front of the outermost IP header; a tunnel's inner tags stay out.
    var vlans: [Int] {
      var service = cell(.serviceVLAN).split(separator: ",").compactMap(number)[...]
      var customer = cell(.vlan).split(separator: ",").compactMap(number)[...]
      return link.layers.compactMap { layer in
        if layer == "ieee8021ad" { return service.popFirst() }
        return layer == "vlan" ? customer.popFirst() : nil
      }
    }

    /// What a packet without IP is counted under.
    var etherType: String {
      guard let type = first(.etherType) else { return first(.etherLength) == nil ? "none" : "llc" }
      return String(type.hasPrefix("0x") ? type.dropFirst(2) : type)
    }

    /// The protocol behind the extension headers, and whether and where the packet is a fragment.
    func transport(_ version: Int) -> (proto: Int, isFragment: Bool, offset: Int) {
      var proto = integer(version == 4 ? .ipProtocol : .ip6Next) ?? 0
      var isFragment = false
      var offset = 0
      if version == 4 {
        offset = integer(.ipOffset) ?? 0
        isFragment = offset > 0 || integer(.ipMoreFragments) == 1
      }
      // Extension headers in the order in which they stand (RFC 8200 section 4.1); each may come
      // more than once, so each has a list of its own to be used up.
      var lists: [Int: ArraySlice<Substring>] = [:]
      for (kind, field) in Self.extensionHeaders where version == 6 || kind == 51 {
        lists[kind] = cell(field).split(separator: ",")[...]
      }
      while var list = lists[proto], let next = list.popFirst().flatMap(number) {
        if proto == 44 {
          offset = integer(.ip6FragmentOffset) ?? 0
          isFragment = offset > 0 || integer(.ip6FragmentMore) == 1
        }
        lists[proto] = list
        proto = next
        if offset > 0 { break }  // what follows is payload
      }
      return (proto, isFragment, offset)
    }

    private static let extensionHeaders: [(Int, Field)] = [
      (0, .ip6HopNext), (43, .ip6RoutingNext), (44, .ip6FragmentNext), (51, .ahNext),
      (60, .ip6DestinationNext),
    ]

    /// Ports of the outermost transport; nil where the packet ends before them.
    func ports(_ proto: Int) -> (Int, Int)? {
      let fields: (Field, Field)
      switch proto {
      case 6: fields = (.tcpSource, .tcpDestination)
      case 17: fields = (.udpSource, .udpDestination)
      case 132: fields = (.sctpSource, .sctpDestination)
      default: return (0, 0)
      }
      guard let source = integer(fields.0), let destination = integer(fields.1) else { return nil }
      return (source, destination)
    }
  }
}
