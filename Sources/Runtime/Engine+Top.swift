import CBurst
package import ControlAPI
import FlowEngine
import Foundation
import Records
import Synchronization

/// Numbers the requests to the workers' top scans; one asker at a time.
struct TopAsker {
  var request: UInt64 = 0
}

extension Engine {
  /// Asks every worker for its busiest flows and puts the answers together. A worker answers between
  /// bursts; one that does not within half a second (it has ended, say) is left out.
  package func topFlows(_ parameters: FlowsTopParameters) -> FlowsTop {
    topAsker.withLock { asker in
      asker.request += 1
      for page in topPages { ask(page, asker.request, parameters) }
      let deadline = EngineClock.monotonicNanoseconds + 500_000_000
      var answer = FlowsTop()
      var scored: [(score: Double, flow: LiveFlow)] = []
      let now = EngineClock.systemNanoseconds
      for (worker, page) in topPages.enumerated() {
        let words = page.assumingMemoryBound(to: UInt64.self)
        while martlet_load_acquire(words + 8) != asker.request {
          if EngineClock.monotonicNanoseconds > deadline { break }
          usleep(200)
        }
        guard martlet_load_acquire(words + 8) == asker.request else { continue }
        let interval = Double(words[10]) / 1e9
        answer.intervalSeconds = max(answer.intervalSeconds, interval)
        let results = (page + 128).assumingMemoryBound(to: TopScan.Result.self)
        for i in 0..<Int(words[9]) {
          let flow = Self.flow(results[i], interval: interval, now: now, worker: worker)
          scored.append((Self.score(flow, parameters.by), flow))
        }
      }
      scored.sort { $0.score > $1.score }
      answer.timestamp = ControlTime.text(nanoseconds: now)
      answer.flowsLive = snapshots().reduce(0) { $0 + $1[.flowsLive] }
      answer.flows = scored.prefix(parameters.count).map(\.flow)
      return answer
    }
  }

  private func ask(
    _ page: UnsafeMutableRawPointer, _ request: UInt64, _ parameters: FlowsTopParameters
  ) {
    let words = page.assumingMemoryBound(to: UInt64.self)
    let order: TopScan.Order =
      switch parameters.by {
      case .bytes: .bytes
      case .packets: .packets
      case .packetRate: .packetRate
      case .rate, .age, .idle: .rate
      }
    words[1] = UInt64(min(parameters.count, TopScan.maximumCount))
    words[2] = order.rawValue
    martlet_store_release(words, request)
  }

  private static func score(_ flow: LiveFlow, _ order: FlowOrder) -> Double {
    switch order {
    case .bytes: Double(flow.bytes)
    case .packets: Double(flow.packets)
    case .rate: flow.bitsPerSecond
    case .packetRate: flow.packetsPerSecond
    case .age: flow.ageSeconds
    case .idle: flow.idleSeconds
    }
  }

  private static func flow(_ result: TopScan.Result, interval: Double, now: Int64, worker: Int)
    -> LiveFlow
  {
    let record = result.record
    let originator = record.originator
    let responder = record.responder
    var flow = LiveFlow()
    let version = record.hot.key.ipVersion
    flow.srcIP = RecordText.address(originator.address, version: version)
    flow.destIP = RecordText.address(responder.address, version: version)
    let hasPorts = [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp].contains(record.hot.key.proto)
    flow.srcPort = hasPorts ? originator.port : 0
    flow.destPort = hasPorts ? responder.port : 0
    flow.proto = RecordText.protocolName(record.hot.key.proto)
    flow.vlan = [record.cold.vlanOuter, record.cold.vlanInner].filter { $0 != 0xffff }
    flow.packetsToServer = originator.packets
    flow.packetsToClient = responder.packets
    flow.bytesToServer = originator.bytes
    flow.bytesToClient = responder.bytes
    // A flow younger than the interval is rated over its own time, but for at least a second, so that
    // two packets a microsecond apart are no gigabit.
    let age = Double(now - record.cold.firstSeen) / 1e9
    let period = interval > 0 ? max(min(interval, max(age, 1)), 0.001) : max(age, 1)
    flow.bitsPerSecond = Double(result.intervalBytes) * 8 / period
    flow.packetsPerSecond = Double(result.intervalPackets) / period
    flow.ageSeconds = max(age, 0)
    flow.idleSeconds = max(Double(now - record.hot.lastSeen) / 1e9, 0)
    flow.state = RecordText.state(record.hot.state)
    flow.worker = worker
    return flow
  }
}
