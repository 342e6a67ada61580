import CBurst
package import ControlAPI
import Foundation
import Ports
import Synchronization

extension Engine {
  package func portList() -> PortList {
    var list = PortList()
    let stopped = tuningPage[.stoppedPorts]
    for (index, port) in ports.enumerated() {
      var out = PortState()
      out.status = Self.status(port, index: index)
      out.isStarted = stopped & Self.portBit(index) == 0
      out.stats = Self.stats(of: port, port.statistics())
      list.ports.append(out)
    }
    return list
  }

  /// A bit of ``TuningPage/Word/stoppedPorts``.
  static func portBit(_ index: Int) -> UInt64 { index < 64 ? 1 << UInt64(index) : 0 }

  package func setPort(_ parameters: PortParameters, started: Bool) throws -> PortChange {
    guard let index = ports.firstIndex(where: { $0.name == parameters.port }) else {
      let names = ports.map(\.name)
      throw RPCError(
        .invalidParams,
        "there is no port \"\(parameters.port)\"; there are \(names.joined(separator: ", "))",
        data: ["parameter": "port", "allowed": .array(names.map { .string($0) })])
    }
    guard index < 64 else { throw RPCError(.wrongState, "only the first 64 ports can be stopped") }
    return try portChanges.withLock { _ in
      guard state.withLock({ $0 == .running }) else {
        throw RPCError(.wrongState, "ports stop and start while the engine runs; it does not now")
      }
      let port = ports[index]
      let bit = Self.portBit(index)
      let wasStarted = tuningPage[.stoppedPorts] & bit == 0
      var notes: [String] = []
      if started && !wasStarted {
        do {
          try port.start()
        } catch {
          throw RPCError(.internalError, "\(error)")
        }
        tuningPage[.stoppedPorts] &= ~bit
        if !port.link().isUp { notes.append("its link is down") }
      } else if !started && wasStarted {
        // Nobody may poll a port that stops: first every worker says that it does not.
        tuningPage[.stoppedPorts] |= bit
        guard workersGoBy(tuningPage[.stoppedPorts]) else {
          tuningPage[.stoppedPorts] &= ~bit
          throw RPCError(.internalError, "a worker has not left the port alone within two seconds")
        }
        port.stop()
        notes.append("its flows live on until their timeouts")
        if tuningPage[.stoppedPorts].nonzeroBitCount == ports.count {
          notes.append("no port receives any more")
        }
      }
      return PortChange(port: port.name, before: wasStarted, after: started, notes: notes)
    }
  }

  private func workersGoBy(_ stopped: UInt64) -> Bool {
    let deadline = EngineClock.monotonicNanoseconds + 2_000_000_000
    while !(0..<settings.workerCount).allSatisfy({ stoppedPorts(seenBy: $0) == stopped }) {
      if EngineClock.monotonicNanoseconds > deadline { return false }
      usleep(50)
    }
    return true
  }
}
