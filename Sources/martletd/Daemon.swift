import Configuration
import ControlAPI
import DPDKPorts
import Foundation
import Logging
import Ports
import Runtime

/// The daemon from start to end: engine, control socket, and a main thread that watches.
struct Daemon {
  let settings: Settings
  let engine: Engine
  let ports: [DPDKPort]
  let environment: DPDKEnvironment
  let logger: Logger

  func run(_ signals: inout Signals, untilPlayersFinish: Bool) throws {
    let control: ControlPlane
    do {
      control = try ControlPlane(settings, engine: engine, logger: logger)
      try control.start()
    } catch {
      closeAll()
      Output.error("martletd: \(error)")
      throw Exit.failure
    }
    do {
      try engine.start()
    } catch {
      control.stop()
      closeAll()
      Output.error("martletd: \(error)")
      throw Exit.failure
    }
    if let port = downPort {
      engine.stop()
      control.stop()
      closeAll()
      Output.error(
        "martletd: port \(port): the link is down; mend it, or set linkDownIsError: false")
      throw Exit.failure
    }
    logger.info("running: control socket \(settings.control.socket)")
    ServiceManager.notify("READY=1")
    watch(&signals, untilPlayersFinish: untilPlayersFinish)
    ServiceManager.notify("STOPPING=1")
    signals.forceOnNext()
    let inTime = engine.stop()
    control.stop()
    FileHandle.standardOutput.write(Data(Summary(engine).text.utf8))
    closeAll()
    if !inTime {
      Output.error("martletd: not everything came to its end within drainSeconds")
      throw Exit.failure
    }
  }

  /// The first port without a link that may not be without.
  private var downPort: String? {
    zip(settings.ports, ports).first { $0.linkDownIsError && !$1.link().isUp }?.0.name
  }

  private func closeAll() {
    for port in ports { port.close() }
    environment.shutDown()
  }

  /// Says which workers keep fewer flows than a second ago, or more. What they keep now.
  private func noteSampling(_ before: [UInt64]) -> [UInt64] {
    let now = engine.samplingIntervals
    for (worker, (old, new)) in zip(before, now).enumerated() where old != new {
      if new == 1 {
        logger.notice("worker \(worker): every flow is kept again")
      } else {
        logger.log(
          level: new > old ? .warning : .notice,
          "worker \(worker): one flow in \(new) is kept, the others are not counted")
      }
    }
    return now
  }

  /// As `engine.reload`, for whoever sends SIGHUP.
  private func reload() {
    do {
      let answer = try engine.reload(ReloadParameters())
      for warning in answer.warnings { logger.warning("\(warning)") }
      for item in answer.applied {
        logger.notice("reloaded: \(item.key): \(item.before) → \(item.after)")
      }
      for item in answer.needsRestart {
        logger.warning("needs a restart: \(item.key): \(item.before) → \(item.after)")
      }
      if answer.applied.isEmpty && answer.needsRestart.isEmpty {
        logger.notice("reloaded: nothing has changed")
      }
    } catch {
      logger.error("not reloaded: \(error)")
    }
  }

  /// The main thread's work until something ends the engine: clock, links, signals.
  private func watch(_ signals: inout Signals, untilPlayersFinish: Bool) {
    var links = Dictionary(uniqueKeysWithValues: ports.map { ($0.name, $0.link()) })
    var turns = 0
    var sampling = engine.samplingIntervals
    var sinks = SinkWatch()
    while true {
      if let number = signals.wait(milliseconds: 100) {
        if number == SIGHUP {
          reload()
          continue
        }
        logger.info("signal \(number): ending; once more to end at once")
        return
      }
      engine.clock.synchronize()
      if engine.isShutdownRequested {
        logger.info("shutdown asked for over the control socket")
        return
      }
      if untilPlayersFinish && engine.playersAreFinished {
        logger.info("every player has played its capture")
        return
      }
      // Some drivers ask the other side about the link: once a second is enough.
      turns += 1
      guard turns % 10 == 0 else { continue }
      sampling = noteSampling(sampling)
      for line in sinks.look(at: engine.sinkStats(), seconds: Double(turns) / 10) {
        logger.log(level: line.level, "\(line.text)")
      }
      for port in ports {
        let link = port.link()
        if link != links[port.name] {
          let speed = link.speedMbps > 0 ? " at \(link.speedMbps) Mbit/s" : ""
          logger.notice("port \(port.name): link \(link.isUp ? "up\(speed)" : "down")")
          links[port.name] = link
        }
      }
    }
  }
}
