package import ControlAPI
import Foundation
import Ports
import Records
import Sinks
import Synchronization

extension Engine: EngineInterface {
  package func requestShutdown() { shutdownRequested.withLock { $0 = true } }

  package func status() -> EngineStatus {
    var status = EngineStatus()
    status.version = settings.version
    status.sensor = settings.sensor
    status.pid = getpid()
    status.startTime = ControlTime.text(nanoseconds: startEpoch)
    status.startEpoch = UInt64(max(startEpoch, 0))
    status.uptimeSeconds = uptimeSeconds
    status.state = state.withLock { $0 }
    status.noHugepages = settings.noHugepages
    status.memoryBytes = memoryLines.map { ControlAPI.Counter($0.name, UInt64($0.bytes)) }
    let placements = (0..<settings.workerCount).map { host.placement(worker: $0) }
    let sharing = placements.indices.filter { placements[$0].isShared }
    if !sharing.isEmpty {
      status.mainCore.sharedWith = sharing.map { "worker \($0)" }
      status.mainCore.note =
        "too few cores: the main thread and the publisher share a core with"
        + " \(sharing.count == 1 ? "a worker" : "workers")"
    }
    status.ports = ports.enumerated().map { Self.status($0.element, index: $0.offset) }
    let limits = sleepLimits.withLock { $0 }
    for (index, placement) in placements.enumerated() {
      var worker = WorkerStatus()
      worker.index = index
      worker.core = placement.core
      worker.lcore = index + 1
      worker.numaNode = placement.numaNode
      if placement.isShared {
        let others = placements.indices.filter {
          $0 != index && placements[$0].core == placement.core
        }
        worker.sharesCoreWith = others.isEmpty ? ["main"] : others.map { "worker \($0)" }
      }
      worker.queues = queueNames[index]
      if index < limits.count, limits[index] < .max {
        worker.sleepLimitMicroseconds = Double(limits[index]) / 1000
      }
      status.workers.append(worker)
    }
    status.sinks = sinks.map { sink in
      let counters = sink.counters
      var out = SinkStatus()
      out.name = sink.name
      out.format = sink.format.rawValue
      out.types = sink.types.map(\.rawValue).sorted()
      out.target = sink.target
      out.isHealthy = counters.isHealthy
      out.lastError = counters.lastError
      return out
    }
    return status
  }

  static func status(_ port: any CapturePort, index: Int) -> PortStatus {
    let description = port.description
    let link = port.link()
    var out = PortStatus()
    out.index = index
    out.name = description.name
    out.device = description.device
    out.driver = description.driver
    out.link.isUp = link.isUp
    out.link.speedMbps = UInt32(link.speedMbps)
    out.link.isFullDuplex = link.isFullDuplex
    out.numaNode = description.numaNode
    out.queues = description.queues
    out.rxDescriptors = description.descriptors
    out.promiscuous = description.isPromiscuous
    out.mtu = description.mtuBytes
    out.offloads = description.offloads.split(separator: " ").map(String.init)
    if description.hasHardwareRSS {
      out.rss.mode = .hardware
      out.rss.reason = "the port takes the symmetric key"
      out.rss.hashFunction = "toeplitz, key 0x6d5a"
      out.rss.hashTypes = description.rssTypes.split(separator: " ").map(String.init)
    } else {
      out.rss.mode = .software
      out.rss.reason = description.rssReason
    }
    return out
  }
}
