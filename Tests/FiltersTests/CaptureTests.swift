import CBurst
import CPcap
import FlowEngine
import Foundation
import Testing

@testable import Filters

/// The public captures beside the package: MARTLET_CAPTURES, or ../shared/captures.
private enum Captures {
  static let folder: String? = {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }  // FiltersTests, Tests
    let path =
      ProcessInfo.processInfo.environment["MARTLET_CAPTURES"]
      ?? "\(root.path)/../shared/captures"
    return FileManager.default.fileExists(atPath: "\(path)/MANIFEST.tsv") ? path : nil
  }()

  /// The path of every capture in the manifest, below the folder.
  static let all: [String] = {
    guard let folder,
      let text = try? String(contentsOfFile: "\(folder)/MANIFEST.tsv", encoding: .utf8)
    else { return [] }
    let rows = text.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
    guard let column = rows.first?.firstIndex(of: "capture") else { return [] }
    return rows.dropFirst().filter { $0.count > column }.map { $0[column] }
  }()

  /// libpcap's handle of a capture; gzip is undone by gzip(1). Nil with libpcap's reason.
  static func open(_ path: String) -> Result<OpaquePointer, LibpcapFailure> {
    let isGzip = FileHandle(forReadingAtPath: path).map { file in
      defer { try? file.close() }
      return (try? file.read(upToCount: 2)) == Data([0x1f, 0x8b])
    }
    // pcap_close closes a pipe from popen as well: glibc's fclose waits for its program.
    let quoted = path.replacing("'", with: #"'\''"#)
    guard let file = isGzip == true ? popen("gzip -dc -- '\(quoted)'", "r") : fopen(path, "r")
    else { return .failure(LibpcapFailure(text: "it cannot be opened")) }
    var text = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard let handle = pcap_fopen_offline(file, &text) else {
      fclose(file)
      let reason = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      return .failure(LibpcapFailure(text: String(decoding: reason, as: UTF8.self)))
    }
    return .success(handle)
  }
}

/// Expressions of every kind that pcap-filter(7) has.
private let expressions = [
  "", "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "igmp", "sctp", "esp", "ah",
  "vrrp",
  "host 10.0.0.1", "host 192.168.1.1 or host 8.8.8.8", "src host 192.168.0.1",
  "dst host 255.255.255.255", "net 10.0.0.0/8", "net 192.168.0.0/16", "src net 172.16.0.0/12",
  "dst net 224.0.0.0/4", "net 10.0.0.0/8 and udp port 53", "host fe80::1", "net fe80::/10",
  "dst host ff02::fb", "ip6 net 2001::/16", "ip host 10.0.0.1 and not port 22",
  "port 80", "tcp port 80", "udp port 53", "src port 443", "dst port 443", "tcp dst port 25",
  "portrange 1000-2000", "tcp portrange 1-1023", "udp src portrange 32768-65535",
  "port 80 or port 443 or port 8080 or port 53", "not port 53",
  "ip proto 47", "ip proto 17", "ip6 proto 58", "ip proto \\tcp", "proto 89",
  "ip protochain 6", "ip6 protochain 6", "ip6 protochain 17", "protochain 58",
  "ether host 00:00:00:00:00:01", "ether src 00:0c:29:00:00:01", "ether proto 0x0806",
  "ether proto 0x88cc", "ether broadcast", "ether multicast", "broadcast", "multicast",
  "ip multicast", "ip6 multicast", "vlan", "vlan 100", "vlan and tcp port 80",
  "vlan and vlan and ip", "tcp port 80 or (vlan and tcp port 80)", "mpls", "mpls and ip",
  "mpls 1000 and tcp", "pppoed", "pppoes", "pppoes and ip", "pppoes and tcp port 80",
  "pppoes and vlan", "geneve", "geneve and ip", "llc", "stp", "isis", "ipx", "atalk", "aarp",
  "decnet src 10.1", "iso", "netbeui",
  "tcp[13] & 2 != 0", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[tcpflags] == tcp-ack",
  "ether[0] & 1 = 0", "ether[12:2] > 1500", "ip[0] & 0xf != 5", "ip[6:2] & 0x1fff != 0",
  "ip[8] < 64", "ip[2:2] > 100", "ip[16] >= 224", "udp[4:2] = 8", "udp[8:2] & 0x8000 != 0",
  "icmp[icmptype] = icmp-echo", "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
  "icmp[0] = 3 and icmp[1] = 1", "icmp6[icmp6type] = icmp6-echo", "ip6[6] = 58", "ip6[40] = 135",
  "tcp[(tcp[12] & 0xf0) >> 2:4] = 0x47455420", "tcp[20:2] * 2 + 1 > 70000",
  "ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0", "udp[0:2] % 2 = 1",
  "ip[4:2] / (ip[8] - 64) > 5", "ip[4:2] ^ 0xffff > 30000", "(ip[8] | 1) = 65",
  "1 << (ip[8] & 0x3f) > 1000", "ip[4:2] >> (ip[8] & 0x3f) > 1", "-ip[8] < 1000",
  "ether[len - 1] = 0", "ip[len / 2] > 100", "ether[4294967290] = 0", "ether[20:4] = ip[6:4]",
  "greater 1000", "less 64", "len > 200 and len < 600", "len % 2 = 0", "len != 60",
  "not (tcp or udp) and ip", "not ip and not ip6 and not arp",
  "(tcp port 80 or tcp port 443) and not host 10.0.0.1 and (len > 100 or tcp[13] & 4 != 0)",
  "(udp and (port 53 or port 5353)) or (tcp and port 53) or icmp or (ip6 and not net fe80::/10)",
  "wlan type mgt", "wlan type data", "wlan type mgt subtype beacon", "wlan type ctl",
  "wlan addr1 ff:ff:ff:ff:ff:ff", "wlan dir fromds", "link[0] != 0",
]

/// Both executors over every packet of every capture.
@Suite struct CaptureTests {
  /// What a reference program depends on beside its expression.
  private struct Link: Hashable {
    var type: Int32
    var isSwapped: Bool
  }

  /// An expression as both executors run it.
  private struct Pair {
    var expression: Int
    var reference: bpf_program
    var storage: PacketFilterStorage
  }

  /// The expressions that libpcap compiles for this capture; those it refuses, Martlet must refuse
  /// in the same words.
  private static func pairs(_ handle: OpaquePointer, linkType: UInt32) throws -> [Pair] {
    var pairs: [Pair] = []
    for (index, expression) in expressions.enumerated() {
      var program = bpf_program()
      let isTaken = pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0
      do {
        let compiled = try FilterCompiler.compile(expression, linkType: linkType)
        try #require(isTaken, "\(linkType): \(expression): libpcap refuses it")
        let storage = PacketFilterStorage([(linkType, compiled)])
        pairs.append(Pair(expression: index, reference: program, storage: storage))
      } catch let error as FilterError {
        let text = LibpcapFailure(text: String(cString: pcap_geterr(handle))).reason
        #expect(!isTaken && error.reason == text, "\(error); libpcap: \(text)")
      }
    }
    return pairs
  }

  /// The LINKTYPE_ that libpcap turns into each DLT_; of two the one that files have.
  private static let linkTypes: [Int32: UInt32] = {
    var linkTypes: [Int32: UInt32] = [:]
    for linkType in 0..<512 as Range<UInt32> {
      let header = SavefileHeader(linkType: linkType, snapLength: 65_535, order: .littleEndian)
      if case .success(let type) = header.withHandle({ .success(pcap_datalink($0)) }) {
        linkTypes[type] = linkType
      }
    }
    return linkTypes
  }()

  @Test(
    .enabled(
      if: Captures.folder != nil,
      "no public captures here: set MARTLET_CAPTURES to their folder"))
  func `verdicts are libpcap's over every capture`() throws {
    let folder = try #require(Captures.folder)
    var known: [Link: [Pair]] = [:]
    defer {
      for var pair in known.values.joined() { pcap_freecode(&pair.reference) }
    }
    var captures = 0
    var packets = 0
    var verdicts = 0
    var matches = Array(repeating: 0, count: expressions.count)
    var unread: [String: [String]] = [:]
    for name in Captures.all {
      let handle: OpaquePointer
      switch Captures.open("\(folder)/\(name)") {
      case .success(let opened): handle = opened
      case .failure(let failure):
        unread[failure.text, default: []].append(name)
        continue
      }
      defer { pcap_close(handle) }
      captures += 1
      let link = Link(type: pcap_datalink(handle), isSwapped: pcap_is_swapped(handle) != 0)
      let linkType = Self.linkTypes[link.type] ?? UInt32(link.type)
      if known[link] == nil { known[link] = try Self.pairs(handle, linkType: linkType) }
      let pairs = known[link]!

      var header: UnsafeMutablePointer<pcap_pkthdr>?
      var data: UnsafePointer<UInt8>?
      var read = 0
      var packet = martlet_packet()
      packet.link_type = linkType
      while pcap_next_ex(handle, &header, &data) == 1 {
        read += 1
        packet.data = data
        packet.captured_length = header!.pointee.caplen
        packet.wire_length = header!.pointee.len
        for pair in pairs {
          var reference = pair.reference
          let expected = pcap_offline_filter(&reference, header, data) != 0
          if expected { matches[pair.expression] += 1 }
          if pair.storage.filter.accepts(&packet) != expected {
            Issue.record(
              "\(name), packet \(read): \(expressions[pair.expression]): libpcap \(expected)")
          }
        }
        verdicts += pairs.count
      }
      packets += read
    }

    print(
      """
      filters: \(captures) captures, \(known.count) link types and byte orders, \(packets) packets, \
      \(expressions.count) expressions, \(verdicts) verdicts, \(matches.reduce(0, +)) of them true
      """)
    for (reason, names) in unread.sorted(by: { $0.key < $1.key }) {
      print(
        "filters: \(names.count) not read by libpcap: \(reason): \(names.joined(separator: " "))")
    }
    let never = expressions.indices.filter { matches[$0] == 0 }.map { expressions[$0] }
    if !never.isEmpty { print("filters: never true: \(never.joined(separator: " · "))") }
    // The captures are what they were, and nearly every expression has something to find in them.
    #expect(captures * 10 >= Captures.all.count * 9)
    #expect(never.count * 10 <= expressions.count)
    #expect(verdicts > 1_000_000)
  }
}
