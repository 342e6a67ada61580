import Foundation

/// What tshark finds in a capture: an independent answer to hold the engine's records against.
///
/// One run of tshark over the file, one row a packet; added up here by ``FlowTuple`` of the outermost
/// IP header. Fragments behind the first count for the first one's ports.
struct TsharkTruth {
  /// All packets of the file, whatever is in them.
  private(set) var packets = 0
  private(set) var bytes = 0
  private(set) var flows: [FlowTuple: FlowTotals] = [:]
  /// Packets that are not IP, by EtherType in hex ("0806" is ARP), "llc" for 802.3 with a length.
  private(set) var notIP: [String: Int] = [:]
  /// Later fragments whose first one is not in the file; they are not in `flows`.
  private(set) var orphanFragments = 0
  /// IP packets of TCP, UDP, SCTP or ICMP with too little in them for ports or type; not in `flows`.
  private(set) var withoutTransport = 0

  /// - Parameter vlansCount: whether the same end points in two VLANs are two flows.
  init(capture path: String, vlansCount: Bool = true, seconds: Double = 300) throws {
    let folder = try TemporaryFolder()
    let table = folder.file("packets.tsv")
    var arguments = ["-n", "-r", path, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]
    for preference in Self.preferences { arguments += ["-o", preference] }
    for field in Field.allCases { arguments += ["-e", field.name] }
    let process = try Subprocess("tshark", arguments, standardOutputPath: table)
    let status = try process.wait(seconds: seconds)
    // A capture that is cut short in its last packet is status 2, with every row before it written.
    guard status == .exited(0) || status == .exited(2) else {
      throw SupportError("tshark on \(path): \(status)\n\(process.standardError.suffix(2000))")
    }
    let text = try Data(contentsOf: URL(fileURLWithPath: table))
    var waiting: [WaitingFragment] = []
    var firsts: [FragmentKey: FlowTuple] = [:]
    for line in text.split(separator: UInt8(ascii: "\n")) {
      count(Row(line), vlansCount: vlansCount, firsts: &firsts, waiting: &waiting)
    }
    // What came ahead of its first fragment.
    for fragment in waiting {
      guard let tuple = firsts[fragment.key] else {
        orphanFragments += 1
        continue
      }
      add(tuple, length: fragment.length, source: fragment.key.source)
    }
  }

  /// The flows' packets; with the rest of the counters it makes up `packets`.
  var packetsInFlows: Int { flows.values.reduce(0) { $0 + $1.packets } }
  var packetsNotIP: Int { notIP.values.reduce(0, +) }

  // Nothing is put together again: every packet stands for itself.
  private static let preferences = [
    "ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
    "tcp.analyze_sequence_numbers:FALSE", "sctp.reassembly:FALSE",
  ]

  private struct FragmentKey: Hashable {
    let source: [UInt8]
    let destination: [UInt8]
    let id: String
    let proto: Int
    let vlans: [Int]
  }

  private struct WaitingFragment {
    let key: FragmentKey
    let length: Int
  }

  private mutating func add(_ tuple: FlowTuple, length: Int, source: [UInt8]) {
    let fromLower = tuple.oneWayFrom.map { $0 == tuple.lower } ?? (source == tuple.lower.address)
    flows[tuple, default: FlowTotals()].add(packets: 1, bytes: length, fromLower: fromLower)
  }

  private mutating func count(
    _ row: Row, vlansCount: Bool, firsts: inout [FragmentKey: FlowTuple],
    waiting: inout [WaitingFragment]
  ) {
    let length = row.integer(.frameLength) ?? 0
    packets += 1
    bytes += length
    guard let version = row.ipVersion,
      let source = row.first(version == 4 ? .ipSource : .ip6Source),
      let destination = row.first(version == 4 ? .ipDestination : .ip6Destination)
    else {
      notIP[row.etherType, default: 0] += 1
      return
    }
    let (proto, isFragment, offset) = row.transport(version)
    let vlans = vlansCount ? row.vlans : []
    let fragment: FragmentKey?
    if isFragment, let a = TupleEnd(source, port: 0), let b = TupleEnd(destination, port: 0) {
      let id = row.first(version == 4 ? .ipID : .ip6FragmentID) ?? ""
      fragment = FragmentKey(
        source: a.address, destination: b.address, id: String(id), proto: proto, vlans: vlans)
    } else {
      fragment = nil
    }
    if let fragment, offset > 0 {
      if let tuple = firsts[fragment] {
        add(tuple, length: length, source: fragment.source)
      } else {
        waiting.append(WaitingFragment(key: fragment, length: length))
      }
      return
    }
    let ports = row.ports(proto)
    let isICMP = proto == 1 || proto == 58
    let type = row.integer(proto == 1 ? .icmpType : .icmp6Type)
    let code = row.integer(proto == 1 ? .icmpCode : .icmp6Code)
    guard isICMP ? type != nil && code != nil : ports != nil,
      let (tuple, end) = FlowTuple.make(
        source: source, sourcePort: ports?.0 ?? 0, destination: destination,
        destinationPort: ports?.1 ?? 0, proto: proto, icmpType: type ?? 0, icmpCode: code ?? 0,
        vlans: vlans)
    else {
      withoutTransport += 1
      return
    }
    if let fragment { firsts[fragment] = tuple }
    // An end to itself: the port alone tells the direction.
    flows[tuple, default: FlowTotals()].add(
      packets: 1, bytes: length, fromLower: end == tuple.lower)
  }
}
