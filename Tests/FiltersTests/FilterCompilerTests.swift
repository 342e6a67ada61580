import CPcap
import FlowEngine
import Foundation
import Testing

@testable import Filters

@Suite struct FilterCompilerTests {
  private func accepts(
    _ expression: String, _ bytes: [UInt8], wire: Int? = nil, linkType: UInt32 = 1
  ) throws -> Bool {
    let program = try FilterCompiler.compile(expression, linkType: linkType)
    return verdict(program, bytes, wire: wire, linkType: linkType) != 0
  }

  /// IPv4 with TCP from 10.0.0.1:1025 to 192.168.0.1:80.
  private func ipv4(flags: UInt8 = 0x10, fragment: UInt8 = 0) -> [UInt8] {
    [
      0x45, 0, 0, 40, 0, 1, fragment, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 168, 0, 1,
      4, 1, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 1, 0, 0, 0, 0, 0,
    ]
  }
  private func ethernet(_ payload: [UInt8], first: UInt8 = 2, type: [UInt8] = [8, 0]) -> [UInt8] {
    [first, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1] + type + payload
  }

  // What DPDK 22.11's converter and its translator to machine code get wrong.

  @Test func `tcp[13] & 2 != 0 is true of SYN alone`() throws {
    let expression = "tcp[13] & 2 != 0"
    for flags in 0...UInt8.max {
      #expect(try accepts(expression, ethernet(ipv4(flags: flags))) == (flags & 2 != 0))
    }
    #expect(try !accepts(expression, ethernet(ipv4(flags: 2, fragment: 1))))
    #expect(try !accepts(expression, Array(ethernet(ipv4(flags: 2)).prefix(47))))
    #expect(try accepts(expression, Array(ethernet(ipv4(flags: 2)).prefix(48))))
  }

  @Test func `ether[0] & 1 = 0 is true of unicast`() throws {
    for first in 0...UInt8.max {
      let frame = ethernet(ipv4(), first: first)
      #expect(try accepts("ether[0] & 1 = 0", frame) == (first & 1 == 0))
      #expect(try accepts("ether[0] & 1 != 0", frame) == (first & 1 != 0))
    }
    #expect(try !accepts("ether[0] & 1 = 0", []))
  }

  @Test func `expressions do what they say`() throws {
    let frame = ethernet(ipv4())
    #expect(try accepts("", frame))
    #expect(try accepts("", []))
    #expect(try accepts("tcp port 80", frame))
    #expect(try !accepts("tcp port 81", frame))
    #expect(try !accepts("udp port 80", frame))
    #expect(try accepts("src host 10.0.0.1 and dst net 192.168.0.0/16", frame))
    #expect(try !accepts("dst host 10.0.0.1", frame))
    #expect(try accepts("portrange 75-85", frame))
    #expect(try accepts("len = 54", frame))
    #expect(try accepts("greater 1000", frame, wire: 1000))
    #expect(try !accepts("greater 1001", frame, wire: 1000))
    // libpcap looks for everything behind `vlan` four octets later.
    let tagged = ethernet(ipv4(), type: [0x81, 0, 0, 7, 8, 0])
    #expect(try !accepts("tcp port 80", tagged))
    #expect(try accepts("vlan 7 and tcp port 80", tagged))
    #expect(try accepts("tcp port 80 or (vlan and tcp port 80)", tagged))
    #expect(try accepts("tcp port 80 or (vlan and tcp port 80)", frame))
  }

  @Test func `what an accepting program returns is the snap length`() throws {
    let program = try FilterCompiler.compile("ip", linkType: 1, snapLength: 96)
    #expect(verdict(program, ethernet(ipv4())) == 96)
    let usual = try FilterCompiler.compile("ip", linkType: 1)
    #expect(verdict(usual, ethernet(ipv4())) == FilterCompiler.maximumSnapLength)
  }

  @Test(
    arguments: [
      ("tcp prot 80", 1, #"filter "tcp prot 80": syntax error"#),
      ("tcp and", 1, #"filter "tcp and": syntax error"#),
      (
        "ip broadcast", 1,
        #"filter "ip broadcast": netmask not known, so 'ip broadcast' not supported"#
      ),
      ("tcp port 70000", 1, #"filter "tcp port 70000": illegal port number 70000 > 65535"#),
      ("ip[2] / 0 = 5", 1, #"filter "ip[2] / 0 = 5": division by zero"#),
      ("ip[2] << 33 = 5", 1, #"filter "ip[2] << 33 = 5": shift by more than 31 bits"#),
      (
        "ether multicast", 101,
        #"filter "ether multicast" on link type 101 (RAW): link-layer multicast filters supported only"#
      ),
      ("inbound", 1, "inbound/outbound not supported on Ethernet when reading savefiles"),
      ("tcp", 147, #"filter "tcp" on link type 147: DLT 147 "#),
      ("tcp", 147, "link-layer type filtering not implemented"),
      ("vlan", 101, #"filter "vlan" on link type 101 (RAW): no VLAN support for "#),
      ("ether host 1:2:3:4:5:6", 101, "on link type 101 (RAW): "),
      ("tcp", 8224, #"filter "tcp" on link type 8224: "#),
      ("tcp", 0x1000_0001, #"filter "tcp" on link type 268435457: no such link type"#),
      ("tcp\0 port 80", 1, "it contains a zero byte"),
    ] as [(String, UInt32, String)])
  func `errors name the expression and the link type`(
    expression: String, linkType: UInt32, text: String
  ) {
    do {
      _ = try FilterCompiler.compile(expression, linkType: linkType)
      Issue.record("compiled")
    } catch {
      #expect(error.description.contains(text), "\(error)")
      #expect(error.expression == expression)
      #expect(error.linkType == linkType)
    }
  }

  /// LINKTYPE_ values whose DLT_ differs, and how the packets then begin.
  @Test func `link types are those of files`() throws {
    let ip = ipv4()
    let frames: [(UInt32, [UInt8])] = [
      (1, ethernet(ip)),
      (12, ip),  // DLT_RAW itself, as some programs write it
      (14, ip),  // and as OpenBSD does
      (100, [0xaa, 0xaa, 3, 0, 0, 0, 8, 0] + ip),  // ATM_RFC1483
      (101, ip),  // RAW
      (228, ip),  // IPV4
      (9, [0xff, 3, 0x00, 0x21] + ip),  // PPP
      (50, [0xff, 3, 0x00, 0x21] + ip),  // PPP_HDLC
      (104, [0x0f, 0, 8, 0] + ip),  // C_HDLC
      (108, [0, 0, 0, 2] + ip),  // LOOP
      (113, [0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0] + ip),  // LINUX_SLL
      (276, [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6] + Array(repeating: 0, count: 8) + ip),  // SLL2
    ]
    for (linkType, frame) in frames {
      #expect(try accepts("src host 10.0.0.1", frame, linkType: linkType), "\(linkType)")
      #expect(try !accepts("src host 10.0.0.2", frame, linkType: linkType), "\(linkType)")
    }
    for linkType in [12, 14, 101, 228] as [UInt32] {
      #expect(try accepts("tcp port 80", ip, linkType: linkType))
    }
  }

  /// LINKTYPE_NULL and LINKTYPE_ENC are written in the capturing machine's byte order; libpcap knows
  /// it from the file, a packet's header shows it as well.
  @Test func `loopback headers of either byte order`() throws {
    let ip = ipv4()
    let ipv6: [UInt8] =
      [0x60, 0, 0, 0, 0, 20, 6, 64] + Array(repeating: 0, count: 32) + ip.suffix(20)
    for (linkType, rest) in [(0, []), (109, Array(repeating: 0, count: 8))] as [(UInt32, [UInt8])] {
      for header in [[0, 0, 0, 2], [2, 0, 0, 0]] as [[UInt8]] {
        let frame = header + rest + ip
        #expect(try accepts("ip and tcp port 80", frame, linkType: linkType))
        #expect(try accepts("tcp port 80", frame, linkType: linkType))
        #expect(try !accepts("ip6", frame, linkType: linkType))
        #expect(try !accepts("ip and tcp port 81", frame, linkType: linkType))
      }
      // AF_INET6 of NetBSD and OpenBSD, FreeBSD, and macOS.
      for family in [24, 28, 30] as [UInt8] {
        for header in [[0, 0, 0, family], [family, 0, 0, 0]] as [[UInt8]] {
          #expect(try accepts("ip6", header + rest + ipv6, linkType: linkType))
          #expect(try accepts("tcp port 80", header + rest + ipv6, linkType: linkType))
          #expect(try !accepts("ip", header + rest + ipv6, linkType: linkType))
        }
      }
      for short in 0..<4 {
        #expect(try accepts("len < 4", Array(repeating: 0, count: short), linkType: linkType))
        #expect(try !accepts("ip", Array(repeating: 0, count: short), linkType: linkType))
      }
    }
  }

  /// Only those link types depend on the byte order of the file.
  @Test func `no other link type has a byte order`() {
    func image(_ expression: String, _ linkType: UInt32, _ order: SavefileHeader.Order) -> [UInt64]?
    {
      let header = SavefileHeader(linkType: linkType, snapLength: 65_535, order: order)
      let outcome = header.withHandle { handle -> Result<[UInt64], LibpcapFailure> in
        var program = bpf_program()
        guard pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0 else {
          return .failure(LibpcapFailure(text: ""))
        }
        defer { pcap_freecode(&program) }
        let raw = UnsafeRawPointer(program.bf_insns!)
        return .success(
          (0..<Int(program.bf_len)).map { raw.load(fromByteOffset: $0 * 8, as: UInt64.self) })
      }
      return try? outcome.get()
    }
    var differing: Set<UInt32> = []
    var compiled = 0
    for linkType in 0..<300 as Range<UInt32> {
      for expression in ["ip", "ip6", "arp", "tcp port 80", "host 10.0.0.1"] {
        let big = image(expression, linkType, .bigEndian)
        if big != nil { compiled += 1 }
        if big != image(expression, linkType, .littleEndian) { differing.insert(linkType) }
      }
    }
    #expect(differing == [0, 109])
    #expect(compiled > 200)
  }

  /// The examples of docs/filters.md: they compile, and none is the same as another.
  @Test func `what the documentation shows compiles`() throws {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }  // FiltersTests, Tests
    let text = try String(contentsOfFile: "\(root.path)/docs/filters.md", encoding: .utf8)
    let examples = text.split(separator: "\n").compactMap { line -> String? in
      guard line.hasPrefix("| `"), let end = line.range(of: "` |") else { return nil }
      let cell = line[line.index(line.startIndex, offsetBy: 3)..<end.lowerBound]
      return String(cell.replacing("\\|", with: "|"))
    }
    #expect(examples.count >= 10)
    #expect(Set(examples).count == examples.count)
    for example in examples {
      #expect(throws: Never.self) { try FilterCompiler.compile(example, linkType: 1) }
    }
  }

  @Test func `a set grows while its filters are in use`() throws {
    let set = try PacketFilterSet("tcp port 80")
    #expect(set.linkTypes == [1])
    let first = set.filter
    #expect(verdict(first, ethernet(ipv4())) != 0)
    #expect(verdict(first, ipv4(), linkType: 101) == 0)
    #expect(!first.handles(linkType: 101))

    let second = try set.extend(to: 101)
    #expect(verdict(second, ethernet(ipv4())) != 0)
    #expect(verdict(second, ipv4(), linkType: 101) != 0)
    #expect(set.linkTypes == [1, 101])
    // The first is as it was, and still there.
    #expect(verdict(first, ethernet(ipv4())) != 0)
    #expect(verdict(first, ipv4(), linkType: 101) == 0)

    try set.extend(to: 1)
    #expect(set.linkTypes == [1, 101])
    #expect(throws: FilterError.self) { try set.extend(to: 147) }
    #expect(set.linkTypes == [1, 101])
    #expect(set.filter.handles(linkType: 101))

    #expect(try PacketFilterSet("tcp", linkTypes: [101, 1, 101]).linkTypes == [101, 1])
    #expect(throws: FilterError.self) { try PacketFilterSet("tcp", linkTypes: [1, 147]) }
    #expect(throws: FilterError.self) { try PacketFilterSet("tcp prot 80") }
  }

  @Test func `threads compile at the same time`() async throws {
    let frame = ethernet(ipv4())
    let set = try PacketFilterSet("tcp port 80")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<16 as Range<UInt32> {
        group.addTask {
          for round in 0..<20 as Range<UInt32> {
            let port = number * 20 + round
            let program = try FilterCompiler.compile("tcp port \(port)", linkType: 1)
            #expect((verdict(program, frame) != 0) == (port == 80))
            #expect(throws: FilterError.self) {
              try FilterCompiler.compile("tcp prot \(port)", linkType: 1)
            }
          }
          for linkType in [101, 9, 113, 0, 104] as [UInt32] {
            #expect(try set.extend(to: linkType).handles(linkType: linkType))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(set.linkTypes.sorted() == [0, 1, 9, 101, 104, 113])
  }
}
