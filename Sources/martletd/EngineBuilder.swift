import CBurst
import Configuration
import ControlServer
import DPDKPorts
import Dissection
import FlowEngine
import Foundation
import Logging
import Ports
import Records
import Runtime
import Sinks

/// From settings to an engine that is ready to start: cores, DPDK, ports, sinks, in this order. Where
/// one fails, those before it are taken down again.
struct EngineBuilder {
  let settings: Settings
  let logger: Logger

  static func assignCores(_ settings: Settings) throws(CoreAssignmentError) -> CoreAssignment {
    let nodes = Set(
      settings.ports.compactMap(\.device).filter(DPDKPort.isPCIAddress)
        .compactMap(Machine.numaNode(ofPCI:)))
    return try CoreAssignment(
      workerCount: settings.engine.workers, configured: settings.engine.cores,
      main: settings.engine.mainCore, available: Machine.availableCores, portNodes: nodes,
      mayShare: settings.engine.shareCores)
  }

  func build() throws -> Daemon {
    let cores = try Self.assignCores(settings)
    for note in cores.notes { logger.warning("\(note)") }
    let sinks: [any RecordSink]
    do {
      sinks = try settings.sinks.map(makeSink)
    } catch let error as SinkError {
      throw ConfigurationError("sinks: \(error)")
    }
    if let problem = FilterCheck.problem(
      settings.filterRules, portNames: settings.ports.map(\.name))
    {
      throw ConfigurationError(problem)
    }
    let environment = try startDPDK(cores)
    var ports: [DPDKPort] = []
    do {
      let numbers = try settings.ports.map { port in
        port.device == nil ? nil : try DPDKPort.probe(portOptions(port, index: 0))
      }
      let ownerTableSize = Self.ownerTableSize(numbers.compactMap { $0 })
      for (index, port) in settings.ports.enumerated() {
        let made = try makePort(
          port, number: numbers[index], index: index, ownerTableSize: ownerTableSize)
        ports.append(made)
        describe(made)
        try check(made, port)
      }
      let engine = try Engine(
        settings: engineSettings(ownerTableSize: ownerTableSize), ports: ports, host: environment,
        sinks: sinks, logger: logger)
      describe(engine)
      return Daemon(
        settings: settings, engine: engine, ports: ports, environment: environment,
        logger: logger)
    } catch {
      for port in ports { port.close() }
      environment.shutDown()
      throw error
    }
  }

  // MARK: DPDK

  /// Packet memory that the ports' buffers need, with the room DPDK takes for itself.
  private var packetMemoryMegabytes: Int {
    let bytes = settings.ports.reduce(0) { sum, port in
      let options = portOptions(port, index: 0)
      // A buffer's room, its headroom and descriptor, and the pool's bookkeeping.
      return sum + options.effectiveMbufCount * (port.mbufSizeBytes + 128 + 128 + 64)
    }
    return max(64, (bytes / 4 * 5) >> 20) + 64
  }

  private func startDPDK(_ cores: CoreAssignment) throws -> DPDKEnvironment {
    let engine = settings.engine
    let needed = engine.memoryMegabytes ?? packetMemoryMegabytes
    if !engine.noHugepages && Machine.freeHugepageBytes < needed << 20 {
      let pages = (needed + 1) / 2 * 5 / 4
      throw EngineError(
        "too few hugepages: \(needed) MiB are needed for packets,"
          + " \(Machine.freeHugepageBytes >> 20) MiB are free; reserve them with"
          + " `echo \(pages) > /proc/sys/vm/nr_hugepages`, or set engine.noHugepages: true")
    }
    let logger = logger
    let options = DPDKEnvironmentOptions(
      workerCores: cores.workers, mainCore: cores.main, availableCores: Machine.availableCores,
      noHugepages: engine.noHugepages,
      memoryMegabytes: engine.noHugepages ? needed : engine.memoryMegabytes,
      filePrefix: engine.filePrefix,
      pciDevices: settings.ports.compactMap(\.device).filter(DPDKPort.isPCIAddress),
      extraArguments: engine.ealArguments)
    return try DPDKEnvironment(options) { level, line in
      // DPDK's levels are syslog's plus one: 4 error, 5 warning, 6 notice.
      switch level {
      case ...4: logger.error("DPDK: \(line)")
      case 5: logger.warning("DPDK: \(line)")
      case 6: logger.info("DPDK: \(line)")
      default: logger.debug("DPDK: \(line)")
      }
    }
  }

  private func portOptions(_ port: Settings.Port, index: Int) -> DPDKPortOptions {
    let handoffs =
      settings.engine.workers > 1
      ? settings.engine.workers * (settings.engine.workers - 1) * settings.handoff.ringSlots : 0
    return DPDKPortOptions(
      name: port.name, device: port.device ?? "", index: index, queues: port.queues,
      descriptors: port.rxDescriptors, mbufCount: port.mbufCount,
      heldPackets: settings.engine.workers * settings.fragments.heldPackets + handoffs,
      mbufRoomBytes: port.mbufSizeBytes, mtuBytes: port.mtuBytes,
      isPromiscuous: port.promiscuous, wantsHardwareRSS: port.rss != .software,
      wantsChecksums: port.checksumOffload)
  }

  /// The owner of a hash is the same on every port only where every redirection table repeats one
  /// pattern: as long as the smallest of them, and at most 128.
  private static func ownerTableSize(_ numbers: [UInt16]) -> Int {
    let sizes = numbers.map(DPDKPort.redirectionTableSize(of:)).filter {
      $0 > 0 && $0 & ($0 - 1) == 0
    }
    return min(sizes.min() ?? 128, 128)
  }

  private func makePort(
    _ port: Settings.Port, number: UInt16?, index: Int, ownerTableSize: Int
  ) throws -> DPDKPort {
    var options = portOptions(port, index: index)
    options.ownerTableSize = ownerTableSize
    if let number { return try DPDKPort(options, number: number) }
    guard let player = port.player else {
      preconditionFailure("a port without a device has a player: the configuration is checked")
    }
    let spread: PlayerOptions.Spread =
      switch player.spread {
      case .symmetricRss: .symmetricRSS
      case .misdirected: .misdirected
      case .roundRobin: .roundRobin
      }
    return try PlayerPort(
      options,
      player: PlayerOptions(capture: player.capture, spread: spread, paces: player.passes))
  }

  /// What the configuration insists on.
  private func check(_ made: DPDKPort, _ port: Settings.Port) throws(PortError) {
    if port.rss == .hardware && !made.description.hasHardwareRSS {
      throw PortError(
        "port \(port.name): it does not spread packets itself (\(made.description.rssReason)); set"
          + " rss: auto", isConfiguration: true)
    }
  }

  private func describe(_ port: DPDKPort) {
    let d = port.description
    let spreading =
      d.hasHardwareRSS
      ? "spread by the port: Toeplitz, key 0x6d5a, \(d.rssTypes)"
      : "spread by software (\(d.rssReason))"
    logger.info(
      "port \(d.name): \(d.driver), \(d.queues) queues of \(d.descriptors), MTU \(d.mtuBytes), \(spreading)"
    )
  }

  private func describe(_ engine: Engine) {
    let total = engine.memoryLines.reduce(0) { $0 + $1.bytes }
    let lines = engine.memoryLines.filter { $0.bytes >= 1 << 20 }
      .map { "\($0.name) \($0.bytes >> 20) MiB" }.joined(separator: ", ")
    logger.info(
      "memory: \((total + (1 << 20) - 1) >> 20) MiB in \(engine.memoryPages.rawValue) (\(lines))")
    for sink in engine.sinks where sink.maximumMemoryBytes > 0 {
      logger.info("sink \(sink.name): at most \(sink.maximumMemoryBytes >> 20) MiB for records")
    }
  }

  // MARK: Engine and sinks

  private func engineSettings(ownerTableSize: Int) -> EngineSettings {
    let timeouts = settings.flows.timeouts
    var made = EngineSettings(
      sensor: settings.sensor, version: Martletd.version, workerCount: settings.engine.workers,
      flowCapacity: settings.flows.capacity,
      timeouts: FlowTimeouts(
        active: timeouts.activeSeconds, tcp: timeouts.tcpSeconds, udp: timeouts.udpSeconds,
        icmp: timeouts.icmpSeconds, other: timeouts.otherSeconds,
        halfOpen: timeouts.halfOpenSeconds, closed: timeouts.closedSeconds),
      vlanInKey: settings.flows.vlanInKey,
      decapsulation: UInt8(settings.flows.tunnelDepth),
      fragmentCapacity: settings.fragments.capacity,
      heldFragments: settings.fragments.heldPackets,
      fragmentTimeoutSeconds: settings.fragments.timeoutSeconds,
      handoffSlots: settings.handoff.ringSlots, recordRingSlots: settings.records.ringSlots,
      statsIntervalSeconds: settings.records.statsIntervalSeconds,
      pollMode: settings.engine.polling == .adaptive ? .adaptive : .busy,
      maximumSleepMicroseconds: settings.engine.maximumSleepMicroseconds,
      noHugepages: settings.engine.noHugepages, ownerTableSize: ownerTableSize,
      communityIDSeed: UInt16(settings.records.communityIdSeed),
      drainSeconds: settings.drainSeconds)
    made.checksums = ChecksumPolicy(rawValue: settings.flows.checksums.rawValue) ?? .ignore
    made.sampling.isOn = settings.overload.sampling == .auto
    made.sampling.minimumInterval = settings.overload.minimumInterval
    made.sampling.maximumInterval = settings.overload.maximumInterval
    made.sampling.fullBursts = settings.overload.fullBursts
    made.sampling.calmSeconds = settings.overload.calmSeconds
    made.burstPackets = settings.engine.burstPackets
    made.prefetchDistance = settings.engine.prefetchDistance
    made.traceInterval = settings.engine.traceInterval
    made.filters = settings.filterRules
    made.anomaliesPerSecond = settings.records.anomaliesPerSecond
    made.dissection = dissectionSettings()
    return made
  }

  private func dissectionSettings() -> DissectionSettings? {
    let wanted = settings.dissection
    guard wanted.enabled else { return nil }
    var made = DissectionSettings()
    if !wanted.protocols.isEmpty {
      made.protocols = wanted.protocols.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }
    made.flowCapacity = wanted.flowCapacity
    made.bufferBytes = wanted.bufferMegabytes << 20
    made.heldBytesPerDirection = wanted.heldKilobytes << 10
    made.ringBytes = wanted.ringMegabytes << 20
    made.overlapPolicy = OverlapPolicy(rawValue: wanted.overlap.rawValue) ?? .first
    made.takesMidstream = wanted.midstream
    made.depthBytes = UInt64(wanted.depthKilobytes) << 10
    made.depths = wanted.depths.map { depth in
      DissectionDepth(
        proto: depth.proto,
        toServer: UInt64(depth.toServerKilobytes) << 10,
        toClient: UInt64(depth.toClientKilobytes) << 10)
    }
    made.isHeaderOnly = wanted.headersOnly
    made.hashesFiles = wanted.hashFiles
    made.redactedNames += wanted.redact.map { $0.lowercased() }
    return made
  }

  private func makeSink(_ sink: Settings.Sink) throws -> any RecordSink {
    let queueBytes = sink.queueMegabytes << 20
    switch sink.type {
    case .redis:
      var made = RedisSinkSettings(
        url: sink.url, username: sink.username, password: sink.password,
        sensor: settings.sensor, format: sink.format, types: sink.types,
        maxStreamLength: sink.maxStreamLength, queueBytes: queueBytes,
        batchRecords: sink.batchRecords, lingerMilliseconds: sink.lingerMilliseconds,
        connectTimeoutSeconds: sink.connectTimeoutSeconds,
        retransmitBytes: sink.retransmitMegabytes << 20, spoolDirectory: sink.spoolDirectory,
        spoolBytes: sink.spoolMegabytes << 20, spoolFsync: sink.spoolFsync,
        requireAtStart: sink.requireAtStart)
      made.tls = RedisTLS(
        caFile: sink.caFile, certificateFile: sink.certificateFile, keyFile: sink.keyFile)
      if let file = sink.passwordFile {
        // Read again at each connection: it may have been changed in Redis meanwhile.
        made.currentPassword = {
          (try? String(contentsOfFile: file, encoding: .utf8))?
            .split(whereSeparator: \.isNewline).first.map(String.init)
        }
      }
      return try RedisSink(settings: made)
    case .file:
      var made = FileSinkSettings(
        path: sink.path, types: sink.types, rotateBytes: sink.rotateMegabytes.map { $0 << 20 },
        rotateSeconds: sink.rotateSeconds.map { Int($0.rounded(.up)) },
        keepFiles: sink.keepFiles, queueBytes: queueBytes)
      made.opensWithFirstRecord = sink.isOneOfMany
      return FileSink(settings: made)
    case .stdout:
      return StdoutSink(
        settings: StdoutSinkSettings(types: sink.types, queueBytes: queueBytes))
    case .null:
      return NullSink(format: sink.format, types: sink.types, queueBytes: queueBytes)
    }
  }
}
