import ArgumentParser
import CBurst
import ControlAPI
import Dissection
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
  private let outputs: ReadOutputs
  private var isDamaged = false
  private let filter: PacketFilterSet?
  private let filterHolder = PacketFilterHolder()
  /// What the dispatcher found wrong with the filter.
  private let filterProblems = Mutex<[String]>([])
  private var progressLine: ProgressLine?
  private let interrupt = InterruptFlag()
  /// Why there is no room for what is noted of each packet.
  private let reservation = Mutex<OutputError?>(nil)
  private let began = EngineClock.monotonicNanoseconds

  init(_ options: Read) throws {
    self.options = options
    if let publish = options.publish {
      do { _ = try RedisURL(publish) } catch { throw ValidationError("--publish: \(error)") }
    }
    filter = try options.filter.map { try PacketFilterSet($0) }
    if let filter { filterHolder.set(filter.filter) }
    outputs = ReadOutputs(options, context: options.context)
    inputs = CaptureInputs(options.inputs, follows: options.follow)
    // Rows that scroll by are progress enough.
    if !options.quiet && !outputs.isOnTerminal { progressLine = .onStandardError() }
  }

  func run() throws -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)
    // Beyond a limit on file sizes the writing fails, and says so.
    signal(SIGXFSZ, SIG_IGN)
    for problem in inputs.problems { tell(problem) }
    guard !inputs.inputs.isEmpty else { return .noInput }
    if let overwritten = overwrittenInput() {
      say("\(overwritten) is an input and would be overwritten")
      return .usage
    }
    if options.count {
      return count(CaptureStream(inputs.inputs, inOrder: options.inOrder))
    }
    do {
      try outputs.check()
      guard options.wantsPackets else {
        return try read(CaptureStream(inputs.inputs, inOrder: options.inOrder), nil)
      }
      let files = try inputs.inputs.map { try SecondReading.spool($0) { self.interrupt.isSet } }
      let second = try SecondReading(options)
      let stream = CaptureStream(try SecondReading.copies(files), inOrder: options.inOrder)
      return try read(stream, second) { [self] port in
        try writePackets(second, files, stream, port)
      }
    } catch let error as OutputError {
      tell("\(error)")
      return .ioError
    } catch let error as SinkError {
      tell("\(error)")
      return .unavailable
    }
  }

  /// Whether an output is one of the inputs under whatever name.
  private func overwrittenInput() -> String? {
    let read = Set(inputs.inputs.compactMap { FileIdentity($0.path, $0.descriptor) })
    return (outputs.paths + [options.writePcap, options.index].compactMap { $0 })
      .filter { $0 != "-" }.first { path in FileIdentity(path).map(read.contains) ?? false }
  }

  /// `afterwards` follows the reading.
  private func read(
    _ stream: CaptureStream, _ second: SecondReading?,
    afterwards: (CaptureFilePort) throws -> Void = { _ in }
  ) throws -> ExitStatus {
    let workers = options.workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount - 1)
    let port = CaptureFilePort(
      stream: stream, workers: workers, decapsulation: options.decapsulate.depth,
      beforePackets: second.map { second in { self.reserve(second, $0) } },
      onLinkType: { [self] linkType in useFilter(on: linkType) })
    let extractor = options.wantsPayloads ? try Extractor(options) : nil
    let more: [(any RecordOutput)?] = [second?.selection, extractor]
    let consumer = try outputs.make(more.compactMap { $0 })
    let engine = try Engine(
      settings: settings(workers, second?.map), ports: [port], host: ThreadHost(),
      sinks: try sinks(),
      consumers: [consumer], recordFilter: try recordFilter(),
      logger: Logger(label: "martlet") { _ in SwiftLogNoOpLogHandler() })
    // Last of all: folders are made for a run that will begin.
    try extractor?.start(engine.payloadRings)
    do {
      try engine.start()
    } catch {
      extractor?.abandon()
      throw error
    }
    while !engine.playersAreFinished && !consumer.isBroken && !interrupt.isSet {
      usleep(2000)
      show(progress(port, consumer, engine, stream))
    }
    // The dispatcher first, while the workers still take what it has begun to hand out.
    port.stop()
    port.join()
    if interrupt.isSet && !engine.sinks.isEmpty {
      // Redis may be away: what was found is written here all the same.
      DispatchQueue.global().asyncAfter(deadline: .now() + Self.patienceSeconds) {
        engine.abandon()
      }
    }
    engine.stop()
    consumer.finish()
    clearProgress()
    for problem in stream.problems where inputs.concerns(problem) { tell(problem) }
    for problem in filterProblems.withLock({ $0 }) { tell(problem) }
    for warning in warnings(port, engine, stream) { say(warning) }
    let cut = extractor?.problems ?? []
    for problem in cut { tell(problem) }
    if let error = reservation.withLock({ $0 }) ?? second?.selection.error { throw error }
    // A file that is followed has no other end.
    if interrupt.isSet && !options.follow { say("stopped before the end") }
    try afterwards(port)
    let outcome = progress(port, consumer, engine, stream)
    if let summary = outputs.summary?.summary { print(summary, port, engine, stream) }
    if !options.quiet {
      for line in extractor?.outcome() ?? [] { say(line) }
      Output.writeError("\(outcome.totals)\n")
    }
    if let error = consumer.error {
      tell("\(error)")
      return .ioError
    }
    if interrupt.isSet { return .interrupted }
    return cut.isEmpty ? status(stream) : .ioError
  }

  private func status(_ stream: CaptureStream) -> ExitStatus {
    if !isDamaged { return .success }
    return stream.filesRead == 0 ? .noInput : .badData
  }

  /// `--count`: the reading alone.
  private func count(_ stream: CaptureStream) -> ExitStatus {
    let batch = 256
    let packets = UnsafeMutablePointer<martlet_packet>.allocate(capacity: batch)
    defer { packets.deallocate() }
    var progress = ReadProgress(bytesTotal: stream.totalBytes)
    var captured: UInt64 = 0
    reading: while !interrupt.isSet {
      switch stream.fill(packets, capacity: batch) {
      case .packets(let count):
        progress.packets &+= UInt64(count)
        for i in 0..<count { captured &+= UInt64(packets[i].captured_length) }
        stream.forgetSpent()
      case .idle: stream.forgetSpent()
      case .end: break reading
      }
    }
    progress.bytesRead = stream.bytesRead
    progress.elapsedSeconds = elapsedSeconds
    for problem in stream.problems where inputs.concerns(problem) { tell(problem) }
    Output.write(
      "\(Units.grouped(progress.packets)) packets, \(Units.grouped(captured)) bytes captured\n")
    if !options.quiet { Output.writeError("\(progress.reading)\n") }
    return interrupt.isSet ? .interrupted : status(stream)
  }

  /// Room for what is noted of packets up to `ordinal`; false where there is none. On the dispatcher's
  /// thread.
  private func reserve(_ second: SecondReading, _ ordinal: UInt64) -> Bool {
    do throws(OutputError) {
      try second.reserve(ordinal: ordinal)
      return true
    } catch {
      reservation.withLock { $0 = error }
      return false
    }
  }

  private func writePackets(
    _ second: SecondReading, _ files: [CaptureInput], _ stream: CaptureStream,
    _ port: CaptureFilePort
  ) throws {
    // What was read until a first Ctrl-C is written; a second one ends everything.
    let wasInterrupted = interrupt.isSet
    let isWhole = try second.run(
      files, packets: port.readProgress.packets, nanoseconds: stream.hasNanoseconds,
      linkType: port.linkTypes.first?.type ?? 1
    ) { [self] _ in wasInterrupted || !interrupt.isSet }
    if !isWhole { say("stopped before all packets were written") }
    guard !options.quiet else { return }
    if let path = options.writePcap {
      say("\(Units.grouped(second.packetsWritten)) packets written to \(path)")
    }
    if let folder = options.splitInto {
      say("\(Units.grouped(UInt64(second.filesWritten))) files written to \(folder)")
    }
    if let path = options.index {
      say("\(Units.grouped(UInt64(second.selection.count))) flows indexed in \(path)")
    }
  }

  /// How long a sink without room is waited for after Ctrl-C.
  private static let patienceSeconds = 3.0

  // MARK: Settings

  private func settings(_ workers: Int, _ map: PacketMap?) -> EngineSettings {
    var timeouts = options.noTimeouts ? FlowTimeouts.never : FlowTimeouts()
    timeouts.active = Int64(options.activeTimeout * 1e9)
    var made = EngineSettings(
      sensor: options.context.sensorName, version: Martlet.version, workerCount: workers,
      flowCapacity: options.flows, timeouts: timeouts,
      vlanInKey: !options.ignoreVLAN, decapsulation: options.decapsulate.depth,
      recordRingSlots: 16_384, statsIntervalSeconds: options.publish == nil ? 0 : 10,
      pollMode: .adaptive, communityIDSeed: options.communityIDSeed,
      // The end is waited for: nothing but a second Ctrl-C gives records up.
      drainSeconds: 1e6, runsOnPacketTime: true,
      packetMap: map, packetFilter: filter == nil ? nil : filterHolder.slot)
    made.checksums = options.checksums
    made.dissection = options.dissection
    // Untouched memory costs nothing here.
    made.detailCapacity = max(1024, options.flows / 4)
    return made
  }

  private func sinks() throws -> [any RecordSink] {
    guard let publish = options.publish else { return [] }
    return [
      try RedisSink(
        settings: RedisSinkSettings(
          url: publish, sensor: options.context.sensorName, requireAtStart: true))
    ]
  }

  private func recordFilter() throws -> RecordFilter? {
    guard let condition = options.where else { return nil }
    let expression = try RecordExpression(parsing: condition, context: options.context)
    return RecordFilter { expression.matches($0) }
  }

  /// Before the first packet of a link type goes to a worker, on the dispatcher's thread.
  private func useFilter(on linkType: UInt32) {
    guard let filter else { return }
    do throws(FilterError) {
      filterHolder.set(try filter.extend(to: linkType))
    } catch {
      let text = "\(error); no packet of that link type passes"
      filterProblems.withLock { $0.append(text) }
    }
  }

  // MARK: What is said

  private func say(_ text: String) { Output.writeError("martlet: \(printable(text))\n") }

  private func tell(_ problem: String) {
    clearProgress()
    isDamaged = true
    say(problem)
  }

  private func tell(_ problem: CaptureProblem) {
    if problem.kind == .missing { say("\(problem)") } else { tell("\(problem)") }
  }

  private var elapsedSeconds: Double {
    Double(EngineClock.monotonicNanoseconds - began) / 1e9
  }

  private func progress(
    _ port: CaptureFilePort, _ consumer: ReadConsumer, _ engine: Engine, _ stream: CaptureStream
  ) -> ReadProgress {
    let read = port.readProgress
    return ReadProgress(
      bytesRead: read.bytesRead, bytesTotal: stream.totalBytes, packets: read.packets,
      flows: consumer.flowCount,
      liveFlows: engine.snapshots().reduce(0) { $0 + $1[.flowsLive] },
      elapsedSeconds: elapsedSeconds, currentFile: read.currentName)
  }

  private func show(_ progress: @autoclosure () -> ReadProgress) {
    guard progressLine != nil else { return }
    if let text = progressLine?.update(progress(), width: ProgressLine.width()) {
      Output.writeError(text)
    }
  }

  private func clearProgress() {
    if let text = progressLine?.clear(), !text.isEmpty { Output.writeError(text) }
  }

  /// What the counters say that somebody should know.
  private func warnings(
    _ port: CaptureFilePort, _ engine: Engine, _ stream: CaptureStream
  ) -> [String] {
    var warnings: [String] = []
    let counters = engine.snapshots().reduce(CounterSnapshot(), +)
    if counters[.unknownLinkType] > 0 {
      warnings.append(Self.unreadLinkTypes(port.linkTypes, counters[.unknownLinkType]))
    }
    warnings += Self.losses(
      counters, flows: options.flows, dissected: options.dissection?.flowCapacity ?? 0)
    if stream.reportedDrops > 0 {
      warnings.append(
        "the capturing program says that it lost \(Units.grouped(stream.reportedDrops)) packets")
    }
    return warnings
  }

  /// Where a table was full: `flows` of each worker, of them `dissected` at a time.
  static func losses(_ counters: CounterSnapshot, flows: Int, dissected: Int) -> [String] {
    var losses: [String] = []
    if counters[.evicted] > 0 {
      losses.append(
        "\(Units.grouped(counters[.evicted])) flows ended early because \(flows) were alive in one"
          + " worker; raise --flows")
    }
    if counters[.detailsNotKept] > 0 {
      losses.append(
        "\(Units.grouped(counters[.detailsNotKept])) times there was no room to note what went wrong"
          + " with a flow: anomalies and details of TCP are missing from records")
    }
    if counters[.tunnelsNotKept] > 0 {
      losses.append(
        "\(Units.grouped(counters[.tunnelsNotKept])) flows are without the tunnel that they were in:"
          + " there were more tunnels than one worker has room for")
    }
    if counters[.dissectionNoState] > 0 {
      losses.append(
        "\(Units.grouped(counters[.dissectionNoState])) flows were not looked into because"
          + " \(dissected) were in dissection in one worker: their protocol records are missing")
    }
    if counters[.dissectionNoMemory] > 0 {
      losses.append(
        "\(Units.grouped(counters[.dissectionNoMemory])) times dissection had no memory left for"
          + " what had to wait: protocol records lack something, or are missing")
    }
    if counters[.protocolRecordsDropped] > 0 {
      losses.append(
        "\(Units.grouped(counters[.protocolRecordsDropped])) protocol records are missing: they"
          + " are too long")
    }
    return losses
  }

  /// `packets` of link types that the engine does not look into, by name.
  private static func unreadLinkTypes(
    _ met: [(type: UInt32, packets: UInt64)], _ packets: UInt64
  ) -> String {
    let types = met.filter { !PacketParser.reads(linkType: $0.type) }.map {
      "\(LinkTypeNames.text($0.type)), \(Units.grouped($0.packets)) packets"
    }
    // PPI and PKTAP say within each packet what follows.
    let rest = types.isEmpty ? "named within packets" : types.joined(separator: "; ")
    return "\(Units.grouped(packets)) packets are of link types that are not read: \(rest)"
  }

  private func print(
    _ summary: ReadSummary, _ port: CaptureFilePort, _ engine: Engine, _ stream: CaptureStream
  ) {
    var summary = summary
    summary.input.files = inputs.inputs.map(\.path)
    summary.input.inputBytes = stream.totalBytes
    summary.input.counters = engine.snapshots().reduce(CounterSnapshot(), +)
    // Where records have standard output, the summary stands beside them.
    let isBeside = outputs.format != .none && options.output == "-"
    if options.json {
      let value = summary.json()
      if isBeside { Output.writeError(value.text + "\n") } else { Output.write(value) }
      return
    }
    let lines = summary.lines(width: Output.width(), style: Style.ofStandardOutput())
    let text = lines.joined(separator: "\n") + "\n"
    if isBeside { Output.writeError(text) } else { Output.write(text) }
  }
}

/// Set by the first Ctrl-C (or SIGTERM); the second one ends the process at once.
final class InterruptFlag {
  private nonisolated(unsafe) static var isRaised: sig_atomic_t = 0

  init() {
    Self.isRaised = 0
    for number in [SIGINT, SIGTERM] {
      // Not signal(3): its handlers let a blocked read go on waiting.
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        InterruptFlag.isRaised = 1
        signal(number, SIG_DFL)
      }
      sigaction(number, &action, nil)
    }
  }

  var isSet: Bool { Self.isRaised != 0 }
}
