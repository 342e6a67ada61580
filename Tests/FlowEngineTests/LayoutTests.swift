import CBurst
import FlowEngine
import Testing

@Suite struct LayoutTests {
  @Test func descriptorIsAsCHasIt() {
    #expect(MemoryLayout<martlet_packet>.size == 64)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.handle) == 8)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.timestamp_ns) == 16)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.captured_length) == 24)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.rss_hash) == 32)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.port) == 42)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.link_type) == 44)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.ordinal) == 48)
    #expect(MemoryLayout<martlet_packet>.offset(of: \.clock_ns) == 56)
  }

  @Test func flowIsWholeCacheLines() {
    #expect(MemoryLayout<FlowKey>.size == 44)
    #expect(MemoryLayout<FlowSide>.stride == 32)
    #expect(MemoryLayout<FlowHot>.size == 128)
    #expect(MemoryLayout<FlowHot>.stride == 128)
    #expect(MemoryLayout<FlowHot>.offset(of: \.key) == 0)
    #expect(MemoryLayout<FlowHot>.offset(of: \.tcpFlagsA) == 52)
    #expect(MemoryLayout<FlowHot>.offset(of: \.tcpFlagsB) == 53)
    #expect(MemoryLayout<FlowHot>.offset(of: \.sideA) == 64)
    #expect(MemoryLayout<FlowHot>.offset(of: \.sideB) == 96)
    #expect(MemoryLayout<FlowHot>.offset(of: \.lastSeen) == 56)
    #expect(MemoryLayout<FlowCold>.size == 128)
    #expect(MemoryLayout<FlowCold>.stride == 128)
    #expect(MemoryLayout<FlowCold>.offset(of: \.historyText) == 32)
    #expect(MemoryLayout<FlowCold>.offset(of: \.reportedPacketsA) == 64)
    #expect(MemoryLayout<FlowCold>.offset(of: \.detail) == 124)
    #expect(MemoryLayout<FlowApp>.stride == 16)
    #expect(MemoryLayout<FlowDetail>.stride == 184)
    #expect(MemoryLayout<FlowDetail>.offset(of: \.sideA) == 8)
    #expect(MemoryLayout<FlowDetail>.offset(of: \.sideB) == 48)
    #expect(MemoryLayout<FlowDetail>.offset(of: \.strayA) == 152)
    #expect(MemoryLayout<FlowDetail>.offset(of: \.strayB) == 168)
    #expect(MemoryLayout<Tunnel>.stride == 40)
    #expect(MemoryLayout<FlowRecord>.stride == 424)
    #expect(MemoryLayout<FlowRecord>.offset(of: \.hot) == 0)
    #expect(MemoryLayout<ScannedFlow>.stride == 448)
    #expect(MemoryLayout<ScannedFlow>.offset(of: \.record) == 0)
    #expect(MemoryLayout<ParsedPacket>.stride <= 160)
    #expect(MemoryLayout<ParsedPacket>.offset(of: \.key) == 0)
  }

  @Test func statesOfOpenConnectionsLieTogether() {
    #expect(TCPEndpointState.partial.rawValue == 3)
    #expect(TCPEndpointState.established.rawValue == 4)
  }

  @Test func everyCounterHasItsPlace() {
    #expect(Counter.count < 240)
    #expect(Set(Counter.allCases.map(\.name)).count == Counter.count)
    #expect(Counter.allCases.allSatisfy { !$0.meaning.isEmpty })
    #expect(Counter.violations.count <= 64)
    #expect(Counter.violations.allSatisfy { $0.group == .discard || $0.group == .anomaly })
    #expect(Counter.truncatedIPv4.name == "truncated_ipv4")
    #expect(Counter.tooManyIPv6Extensions.name == "too_many_ipv6_extensions")
    #expect(Counter.badTCPHeaderLength.name == "bad_tcp_header_length")
    #expect(Counter.truncatedPPPoE.name == "truncated_pppoe")
    #expect(Counter.tooManyVLANs.name == "too_many_vlans")
  }
}
