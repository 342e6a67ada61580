import ArgumentParser
import Filters
import FlowEngine
import Foundation
import Logging
import Ports
import Records
import Runtime
import Sinks
import Synchronization

/// One run of `martlet read`: inputs, engine and outputs put together, and watched until the end.
final class ReadRun {
  private let options: Read
  private let inputs: CaptureInputs
  private let isTerminal = Output.isTerminal
  /// Told once each, as they come.
  private var toldProblems = 0
  private var isDamaged = false
  private let filter: PacketFilterSet?
  private let filterHolder = PacketFilterHolder()
  /// What the dispatcher found wrong with the filter.
  private let filterProblems = Mutex<[String]>([])

  /// Throws where the filter is no expression.
  init(_ options: Read) throws {
    self.options = options
    do throws(FilterError) {
      filter = try options.filter.map { expression throws(FilterError) in
        try PacketFilterSet(expression)
      }
    } catch {
      throw ValidationError("\(error)")
    }
    inputs = CaptureInputs(options.inputs, follows: options.follow)
  }

  func run() throws -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)
    for problem in inputs.problems { tell(problem) }
    guard !inputs.inputs.isEmpty else { return .noInput }
    let stream = CaptureStream(inputs.inputs, inOrder: options.inOrder)
    let workers = options.workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount - 1)
    let port = CaptureFilePort(
      stream: stream, workers: workers, decapsulation: options.decapsulate.depth
    ) { [self] linkType in use(filter, on: linkType) }
    let consumer: ReadConsumer
    do {
      consumer = try ReadOutputs(options, context: context).make()
    } catch let error as OutputError {
      Output.writeError("martlet: \(printable("\(error)"))\n")
      return .ioError
    }
    let engine = try Engine(
      settings: settings(workers), ports: [port], host: ThreadHost(), sinks: try sinks(),
      consumers: [consumer], logger: Logger(label: "martlet") { _ in SwiftLogNoOpLogHandler() })
    let began = EngineClock.monotonicNanoseconds
    do {
      try engine.start()
    } catch let error as SinkError {
      Output.writeError("martlet: \(printable("\(error)"))\n")
      return .unavailable
    }
    let interrupt = InterruptFlag()
    while !engine.playersAreFinished && !consumer.isBroken && !interrupt.isSet {
      usleep(2000)
    }
    engine.stop()
    consumer.finish()
    let seconds = Double(EngineClock.monotonicNanoseconds - began) / 1e9
    for problem in stream.problems where inputs.concerns(problem) { tell(problem) }
    for problem in filterProblems.withLock({ $0 }) { tell(problem) }
    if !options.quiet { close(port, consumer, engine, seconds) }
    if let error = consumer.error {
      Output.writeError("martlet: \(printable("\(error)"))\n")
      return .ioError
    }
    if interrupt.isSet { return .interrupted }
    if stream.filesRead == 0 && isDamaged { return .noInput }
    return isDamaged ? .badData : .success
  }

  /// Before the first packet of a link type goes to a worker, on the dispatcher's thread.
  private func use(_ filter: PacketFilterSet?, on linkType: UInt32) {
    guard let filter else { return }
    do throws(FilterError) {
      filterHolder.set(try filter.extend(to: linkType))
    } catch {
      let text = "\(error); no packet of it passes"
      filterProblems.withLock { $0.append(text) }
    }
  }

  // MARK: Settings

  private var sensor: String { options.sensor ?? "martlet" }

  private var context: RecordContext {
    RecordContext(
      sensorName: sensor, startEpochNanoseconds: 0, portNames: [], includesSequence: false,
      communityIDSeed: options.communityIDSeed)
  }

  private func settings(_ workers: Int) -> EngineSettings {
    var timeouts =
      options.noTimeouts ? FlowTimeouts.never : FlowTimeouts(active: options.activeTimeout)
    timeouts.active = Int64(options.activeTimeout * 1e9)
    return EngineSettings(
      sensor: sensor, version: Martlet.version, workerCount: workers,
      flowCapacity: max(1024, options.flows / workers), timeouts: timeouts,
      vlanInKey: !options.ignoreVLAN, decapsulation: options.decapsulate.depth, recordRingSlots: 16_384,
      statsIntervalSeconds: options.publish == nil ? 0 : 10, napMicroseconds: 50,
      communityIDSeed: options.communityIDSeed,
      // The end is waited for: nothing but Ctrl-C gives records up.
      drainSeconds: 1e6, runsOnPacketTime: true,
      packetFilter: filter == nil ? nil : filterHolder.slot)
  }

  private func sinks() throws -> [any RecordSink] {
    guard let publish = options.publish else { return [] }
    return [
      try RedisSink(settings: RedisSinkSettings(url: publish, sensor: sensor, requireAtStart: true))
    ]
  }

  // MARK: What is said

  private func tell(_ problem: CaptureProblem) {
    if problem.kind != .missing { isDamaged = true }
    Output.writeError("martlet: \(printable("\(problem)"))\n")
  }

  private func tell(_ problem: String) {
    isDamaged = true
    Output.writeError("martlet: \(printable(problem))\n")
  }

  private func close(
    _ port: CaptureFilePort, _ consumer: ReadConsumer, _ engine: Engine, _ seconds: Double
  ) {
    let progress = port.readProgress
    Output.writeError(
      "\(progress.packets) packets, \(progress.bytesRead) bytes, \(consumer.flowCount) flows, \(seconds) s\n")
  }
}

/// Set by the first Ctrl-C (or SIGTERM); the second one ends the process at once.
final class InterruptFlag {
  private nonisolated(unsafe) static var isRaised: sig_atomic_t = 0

  init() {
    Self.isRaised = 0
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        InterruptFlag.isRaised = 1
        signal(number, SIG_DFL)
      }
    }
  }

  var isSet: Bool { Self.isRaised != 0 }
}
