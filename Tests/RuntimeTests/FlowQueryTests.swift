import ControlAPI
import FlowEngine
import Foundation
import Logging
import Records
import Synchronization
import Testing

@testable import Runtime

/// What the control plane asks about live flows, of whole engines.
@Suite(.serialized) struct FlowQueryTests {
  /// A flow of the tests' traffic, and what has been sent of it.
  struct Flow {
    var client: [UInt8]
    var server: [UInt8]
    var proto: UInt8
    var port: UInt16
    var vlan: UInt16?
    var packets: Int
    var payload: Int

    var frame: [UInt8] { frame(fromClient: true) }

    func frame(fromClient: Bool) -> [UInt8] {
      let isTCP = proto == 6
      let source = fromClient ? client : server
      let destination = fromClient ? server : client
      let ports: [UInt16] = fromClient ? [40_000, port] : [port, 40_000]
      var transport = ports.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
      if isTCP {
        transport += [0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0]
      } else if proto == 17 {
        transport += [0, UInt8(8 + payload), 0, 0]
      } else {
        transport = [fromClient ? 8 : 0, 0, 0, 0, 0, 1, 0, 1]
      }
      transport += [UInt8](repeating: 0, count: payload)
      let total = 20 + transport.count
      let link: [UInt8] =
        [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
        + (vlan.map { [0x81, 0, UInt8($0 >> 8), UInt8($0 & 255)] } ?? []) + [8, 0]
      return link
        + [0x45, 0, UInt8(total >> 8), UInt8(total & 255), 0, 0, 0, 0, 64, proto, 0, 0] + source
        + destination + transport
    }

    var bytes: Int { packets * frame.count }
    static func text(_ address: [UInt8]) -> String {
      address.map(String.init).joined(separator: ".")
    }
  }

  /// Clients, servers, ports, protocols and VLANs, mixed; flow n has sent n % 7 + 1 packets.
  static let traffic: [Flow] = (0..<300).map { n in
    let proto: UInt8 = n % 10 == 9 ? 1 : n % 3 == 0 ? 17 : 6
    return Flow(
      // Each flow of TCP and UDP is one of its own: by client, server and port.
      client: [10, 0, 1, UInt8(n % 20)], server: [192, 0, 2, UInt8(n / 20 + 1)], proto: proto,
      port: [80, 443, 53][n % 3], vlan: n % 4 == 0 ? 100 : n % 4 == 1 ? 200 : nil,
      packets: n % 7 + 1, payload: n % 50)
  }

  static func run(
    workers: Int = 2, traffic: [Flow] = traffic, sinks: [KeepingSink] = [],
    _ body: (Engine, MemoryPort) throws -> Void
  ) throws {
    let port = MemoryPort(name: "mem0", queues: workers)
    let engine = try EngineTests.engine(workers: workers, port: port, sinks: sinks)
    try engine.start()
    var packets = 0
    for (n, flow) in traffic.enumerated() {
      for _ in 0..<flow.packets { port.add(flow.frame, queue: n % workers) }
      packets += flow.packets
    }
    #expect(eventually { engine.stats().totals.countedInFlows == UInt64(packets) })
    #expect(eventually { engine.stats().totals.flowsLive == UInt64(traffic.count) })
    do { try body(engine, port) } catch {
      engine.stop()
      throw error
    }
    #expect(engine.stop())
    #expect(engine.stats().conservation.holds)
  }

  // MARK: Top

  @Test func topOrdersBySizeAndCounts() throws {
    try Self.run { engine, _ in
      let top = try engine.topFlows(FlowsTopParameters(count: 40, by: .bytes))
      #expect(top.matched == 300 && top.flowsLive == 300)
      #expect(!top.isPartial && top.groups.isEmpty)
      let truth = Self.traffic.map(\.bytes).sorted(by: >).prefix(40)
      #expect(top.flows.map { Int($0.bytes) } == Array(truth))
      let packets = try engine.topFlows(FlowsTopParameters(count: 100, by: .packets))
      #expect(
        packets.flows.map { Int($0.packets) }
          == Array(Self.traffic.map(\.packets).sorted(by: >).prefix(100)))
      #expect(Set(packets.flows.map(\.worker)) == [0, 1])
    }
    // Workers that have ended answer nothing; the question does not hang.
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [])
    #expect(try engine.topFlows(FlowsTopParameters()).isPartial)
  }

  @Test(arguments: FlowKeyKind.allCases.filter { $0 != .flow })
  func topByKeyIsTheSumOfItsFlows(_ key: FlowKeyKind) throws {
    var truth: [String: (flows: Int, packets: Int, bytes: Int)] = [:]
    for flow in Self.traffic {
      let client = Flow.text(flow.client)
      let server = Flow.text(flow.server)
      let proto = [1: "ICMP", 6: "TCP", 17: "UDP"][flow.proto]!
      let names: [String] =
        switch key {
        case .flow: []
        case .address: [client, server]
        case .source: [client]
        case .destination: [server]
        case .pair: ["\(client) \(server)"]
        case .port: [flow.proto == 1 ? proto : "\(proto)/\(flow.port)"]
        case .protocol: [proto]
        case .vlan: [flow.vlan.map { "\($0)" } ?? "-"]
        case .app: ["-"]
        }
      for name in names {
        truth[name, default: (0, 0, 0)].flows += 1
        truth[name]!.packets += flow.packets
        truth[name]!.bytes += flow.bytes
      }
    }
    try Self.run { engine, _ in
      let top = try engine.topFlows(FlowsTopParameters(count: 1000, by: .bytes, key: key))
      #expect(top.flows.isEmpty && !top.isPartial)
      #expect(top.groups.count == truth.count)
      for group in top.groups {
        let sums = try #require(truth[group.key], "\(group.key)")
        #expect(Int(group.flows) == sums.flows, "\(group.key)")
        #expect(Int(group.packets) == sums.packets, "\(group.key)")
        #expect(Int(group.bytes) == sums.bytes, "\(group.key)")
      }
      #expect(top.groups.map(\.bytes) == top.groups.map(\.bytes).sorted(by: >))
      let few = try engine.topFlows(FlowsTopParameters(count: 2, by: .packets, key: key))
      #expect(
        few.groups.map { Int($0.packets) }
          == Array(truth.values.map(\.packets).sorted(by: >).prefix(2)))
    }
  }

  @Test func rightRates() throws {
    try Self.run { engine, port in
      // The first question begins an interval; flow 7 alone moves in it.
      let before = try engine.topFlows(FlowsTopParameters(count: 3, by: .bytes))
      #expect(before.intervalSeconds == 0)
      #expect(before.flows.allSatisfy { $0.bitsPerSecond == 0 && $0.packetsPerSecond == 0 })
      for _ in 0..<100 { port.add(Self.traffic[7].frame, queue: 1) }
      let sum = UInt64(Self.traffic.reduce(100) { $0 + $1.packets })
      #expect(eventually { engine.stats().totals.countedInFlows == sum })
      let top = try engine.topFlows(FlowsTopParameters(count: 3, by: .packetRate))
      #expect(top.intervalSeconds > 0)
      let first = try #require(top.flows.first)
      #expect(first.srcIP == "10.0.1.7" && first.destIP == "192.0.2.1")
      #expect(abs(first.packetsPerSecond * top.intervalSeconds - 100) < 1)
      let bits = Double(100 * Self.traffic[7].frame.count * 8)
      #expect(abs(first.bitsPerSecond * top.intervalSeconds - bits) <= 64 * 8 * 2)
      #expect(top.flows[1].packetsPerSecond == 0)
      let groups = try engine.topFlows(FlowsTopParameters(count: 1, by: .rate, key: .source))
      #expect(groups.groups.first?.key == "10.0.1.7")
    }
  }

  @Test func moreKeysThanAreKeptAreSaid() {
    let query = FlowGroupQuery(.source, where: nil, keyLimit: 10)
    for n in 0..<20 { Self.show(Self.scanned(client: n), to: query) }
    for _ in 0..<5 { Self.show(Self.scanned(client: 3), to: query) }
    #expect(query.isFull)
    #expect(query.matched == 25)
    let groups = query.foremost(100, by: .packets)
    #expect(groups.count == 10)
    #expect(groups.first?.flows == 6, "known keys go on being added up")
  }

  private static func scanned(client: Int) -> ScannedFlow {
    var flow = withUnsafeTemporaryAllocation(of: ScannedFlow.self, capacity: 1) { memory in
      UnsafeMutableRawBufferPointer(memory).initializeMemory(as: UInt8.self, repeating: 0)
      return memory[0]
    }
    flow.record.hot.key.addressA = IPAddress(high: 0, low: UInt64(client))
    flow.record.hot.sideA.packets = 1
    return flow
  }

  private static func show(_ flow: ScannedFlow, to query: any FlowQuery) {
    withUnsafePointer(to: flow) { query.take(SeenFlow(flow: $0, interval: 0)) }
  }

  // MARK: List

  @Test(arguments: FlowOrder.allCases, [false, true])
  func listsInOrder(_ order: FlowOrder, ascending: Bool) throws {
    try Self.run { engine, port in
      port.add(Self.traffic[5].frame, queue: 1)
      let list = try engine.listFlows(
        FlowsListParameters(order: order, ascending: ascending, limit: 250))
      #expect(list.flows.count == 250 && list.matched == 300 && !list.isPartial)
      let scores = list.flows.map { flow in
        switch order {
        case .bytes: Double(flow.bytes)
        case .packets: Double(flow.packets)
        case .rate: flow.bitsPerSecond
        case .packetRate: flow.packetsPerSecond
        case .age: flow.ageSeconds
        case .idle: flow.idleSeconds
        }
      }
      #expect(scores == (ascending ? scores.sorted() : scores.sorted(by: >)))
      // None is missing in front of the last one that is there.
      let all = try engine.listFlows(FlowsListParameters(order: order, limit: 10_000))
      #expect(Set(all.flows.map(\.flowId)).count == 300)
      #expect(Set(list.flows.map(\.flowId)).count == 250)
      #expect(all.flows.allSatisfy { $0.ageSeconds >= $0.idleSeconds })
    }
  }

  @Test func conditionsChoose() throws {
    try Self.run { engine, _ in
      let list = try engine.listFlows(
        FlowsListParameters(where: "proto == udp and flow.pkts_toserver > 3", limit: 1000))
      let truth = Self.traffic.filter { $0.proto == 17 && $0.packets > 3 }
      #expect(list.matched == UInt64(truth.count))
      #expect(list.flows.map { Int($0.bytes) } == truth.map(\.bytes).sorted(by: >))
      #expect(list.flows.allSatisfy { $0.proto == "UDP" })
      let top = try engine.topFlows(
        FlowsTopParameters(by: .bytes, key: .vlan, where: "vlan == 100"))
      #expect(top.groups.map(\.key) == ["100"])
      let worker = try engine.listFlows(FlowsListParameters(where: "worker == 1", limit: 1000))
      #expect(Set(worker.flows.map(\.worker)) == [1])
      #expect(worker.flows.count > 50)
    }
  }

  @Test func aWrongConditionIsTheCallersFault() throws {
    try Self.run { engine, _ in
      let error = #expect(throws: RPCError.self) {
        try engine.listFlows(FlowsListParameters(where: "dst_port == 80"))
      }
      #expect(error?.code == .invalidParams)
      #expect(error?.message.contains("did you mean \"dest_port\"?") == true)
      #expect(error?.data?["parameter"] == "where")
      #expect(error?.data?["column"] == 1)
      #expect(throws: RPCError.self) {
        try engine.topFlows(FlowsTopParameters(where: "bytes >"))
      }
    }
  }

  // MARK: One flow

  @Test func aFlowIsFoundByBothIDs() throws {
    let sink = KeepingSink(types: [.flow])
    var found: [String: UInt64] = [:]
    try Self.run(sinks: [sink]) { engine, port in
      port.add(Self.traffic[4].frame(fromClient: false), queue: 0)
      let flows = try engine.listFlows(FlowsListParameters(limit: 1000)).flows
      for flow in flows { found[flow.communityId] = flow.flowId }
      let one = try #require(
        flows.first { $0.srcIP == "10.0.1.4" && $0.destIP == "192.0.2.1" })
      for parameters in [
        FlowsGetParameters(flowId: one.flowId), FlowsGetParameters(communityId: one.communityId),
      ] {
        let answer = try engine.getFlows(parameters)
        #expect(answer.records.count == 1 && !answer.isPartial)
        let record = try #require(answer.records.first)
        #expect(record["event_type"] == "flow_update")
        #expect(record["flow_id"] == .number("\(one.flowId)"))
        #expect(record["community_id"] == .string(one.communityId))
        #expect(record["src_ip"] == "10.0.1.4")
        #expect(record["vlan"] == [100])
        #expect(record["flow"]?["pkts_toserver"] == .number("\(Self.traffic[4].packets)"))
        #expect(record["seq"] == nil)
      }
      #expect(try engine.getFlows(FlowsGetParameters(flowId: 12)).records.isEmpty)
    }
    // The records that the flows leave with bear the same two.
    let records = try sink.objects()
    #expect(records.count == 300)
    #expect(found.count > 250)
    for record in records {
      let id = try #require(record["community_id"] as? String)
      // VLANs tell flows apart that share a Community ID.
      if records.count(where: { $0["community_id"] as? String == id }) == 1 {
        #expect(found[id] == (record["flow_id"] as? NSNumber)?.uint64Value)
      }
    }
  }

  @Test func idsThatCannotBeAreRefused() throws {
    try Self.run { engine, _ in
      for parameters in [
        FlowsGetParameters(), FlowsGetParameters(flowId: 1, communityId: "1:x"),
        FlowsGetParameters(communityId: "1:short"),
      ] {
        let error = #expect(throws: RPCError.self) { try engine.getFlows(parameters) }
        #expect(error?.code == .invalidParams)
      }
      for parameters in [
        FlowsKillParameters(), FlowsKillParameters(flowId: 1, where: "true"),
        FlowsKillParameters(where: "true", limit: 0), FlowsKillParameters(where: "nonsense"),
      ] {
        let error = #expect(throws: RPCError.self) { try engine.killFlows(parameters) }
        #expect(error?.code == .invalidParams)
      }
      #expect(engine.stats().totals.flowsLive == 300)
    }
  }

  // MARK: Ends

  @Test func killedFlowsLeaveAtOnce() throws {
    let sink = KeepingSink(types: [.flow])
    try Self.run(sinks: [sink]) { engine, _ in
      let flows = try engine.listFlows(FlowsListParameters(limit: 1000)).flows
      let one = try #require(flows.first)
      let first = try engine.killFlows(FlowsKillParameters(flowId: one.flowId))
      #expect(first == Self.killed(matched: 1, killed: 1))
      #expect(eventually { sink.lines.count == 1 })
      let record = try #require(try sink.objects().first)
      #expect((record["flow_id"] as? NSNumber)?.uint64Value == one.flowId)
      #expect((record["flow"] as? [String: Any])?["reason"] as? String == "forced")
      let again = try engine.killFlows(FlowsKillParameters(flowId: one.flowId))
      #expect(again == Self.killed(matched: 0, killed: 0))

      let udp = Self.traffic.count { $0.proto == 17 }
      let gone = one.proto == "UDP" ? 1 : 0
      let some = try engine.killFlows(FlowsKillParameters(where: "proto == udp", limit: 10))
      #expect(some == Self.killed(matched: UInt64(udp - gone), killed: 10))
      let rest = try engine.killFlows(FlowsKillParameters(where: "proto == udp"))
      #expect(
        rest == Self.killed(matched: UInt64(udp - gone - 10), killed: UInt64(udp - gone - 10)))
      #expect(eventually { sink.lines.count == udp + 1 - gone })
      #expect(
        eventually { engine.stats().totals.flowsLive == UInt64(300 - udp - 1 + gone) })

      let left = try engine.listFlows(FlowsListParameters(limit: 1000)).flows
      #expect(left.count == 300 - udp - 1 + gone)
      let two = try #require(left.first)
      let shared = left.count { $0.communityId == two.communityId }
      let byID = try engine.killFlows(FlowsKillParameters(communityId: two.communityId))
      #expect(byID == Self.killed(matched: UInt64(shared), killed: UInt64(shared)))
    }
    #expect(try sink.objects().count == 300)
  }

  private static func killed(matched: UInt64, killed: UInt64) -> FlowsKilled {
    var answer = FlowsKilled()
    answer.matched = matched
    answer.killed = killed
    return answer
  }

  @Test func whoAsksAtTheSameTimeSharesAScan() throws {
    try Self.run { engine, _ in
      let wrong = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 24) { i in
        do {
          switch i % 4 {
          case 0:
            let top = try engine.topFlows(FlowsTopParameters(count: 300, by: .bytes))
            if top.flows.count != 300 || top.isPartial { wrong.withLock { $0 += 1 } }
          case 1:
            let list = try engine.listFlows(FlowsListParameters(limit: 1000))
            if list.flows.count != 300 || list.isPartial { wrong.withLock { $0 += 1 } }
          case 2:
            let top = try engine.topFlows(FlowsTopParameters(by: .rate, key: .protocol))
            if top.groups.reduce(0, { $0 + $1.flows }) != 300 { wrong.withLock { $0 += 1 } }
          default:
            let none = try engine.killFlows(FlowsKillParameters(where: "false"))
            if none.matched != 0 || none.isPartial { wrong.withLock { $0 += 1 } }
          }
        } catch { wrong.withLock { $0 += 100 } }
      }
      #expect(wrong.withLock { $0 } == 0)
    }
  }
}
