import FlowEngine
import Foundation
import Logging
import Ports
import Records
import Runtime

final class ReadRun {
  let options: Read
  init(_ options: Read) { self.options = options }

  func run() throws -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)
    let began = Date()
    let stream = CaptureStream(
      options.inputs.map { CaptureInput(path: $0) }, inOrder: options.inOrder)
    let workers = options.workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount - 1)
    let port = CaptureFilePort(stream: stream, workers: workers)
    let settings = EngineSettings(
      sensor: "martlet", version: "0", workerCount: workers, flowCapacity: options.flows / workers,
      timeouts: options.noTimeouts ? .never : FlowTimeouts(active: 0), recordRingSlots: 16384,
      statsIntervalSeconds: 0, napMicroseconds: 50, drainSeconds: 1e6, runsOnPacketTime: true)
    let context = RecordContext(
      sensorName: "martlet", startEpochNanoseconds: 0, portNames: [], includesSequence: false)
    var outputs: [any RecordOutput] = []
    if options.format != Read.Format.none {
      outputs.append(EVEOutput(context: context, flows: try OutputFile(path: options.output)))
    }
    let consumer = ReadConsumer(outputs, isEager: false)
    let engine = try Engine(
      settings: settings, ports: [port], host: ThreadHost(), sinks: [], consumers: [consumer],
      logger: Logger(label: "martlet"))
    let ready = Date()
    try engine.start()
    while !engine.playersAreFinished && !consumer.isBroken { usleep(1000) }
    engine.stop()
    consumer.finish()
    let p = port.readProgress
    let seconds = Date().timeIntervalSince(began)
    Output.writeError(
      "\(p.packets) packets \(p.bytesRead) bytes \(consumer.flowCount) flows \(seconds) s, ready \(ready.timeIntervalSince(began)) s \(Double(p.packets)/seconds/1e6) Mpps\n"
    )
    for problem in stream.problems { Output.writeError("\(problem)\n") }
    return .success
  }
}
