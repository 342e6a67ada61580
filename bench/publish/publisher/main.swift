// Publishes records of one size through Martlet's Redis sink, for bench/publish/run to time:
//
//     martlet-publish SOCKET eve|fields RECORDS BATCH
//
// Prints seconds from the start of the sink until Redis has acknowledged every record, and how much memory
// the sink says that it may take.

import Foundation
import Records
import Sinks

func fail(_ message: String, _ status: Int32) -> Never {
  FileHandle.standardError.write(Data("martlet-publish: \(message)\n".utf8))
  exit(status)
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 4, let format = RecordFormat(rawValue: CommandLine.arguments[2]),
  let records = Int(CommandLine.arguments[3]), let perTransaction = Int(CommandLine.arguments[4]),
  records > 0
else { fail("usage: martlet-publish SOCKET eve|fields RECORDS BATCH", 64) }

/// Records in a batch that is offered, as the encoder's threads do it.
let offered = 512
let batch = PublishBench.batch(of: offered, format)

do {
  let sink = try RedisSink(
    settings: RedisSinkSettings(
      url: "unix://\(CommandLine.arguments[1])", sensor: "bench", format: format,
      batchRecords: perTransaction))
  let clock = ContinuousClock()
  let begin = clock.now
  try sink.start()
  var left = records
  while left > 0 {
    guard sink.hasRoom else {
      usleep(200)
      continue
    }
    if left < offered {
      _ = sink.offer(PublishBench.batch(of: left, format))
      break
    }
    _ = sink.offer(batch)
    left -= offered
  }
  while sink.counters.backlog > 0 { usleep(200) }
  let seconds = (clock.now - begin) / .seconds(1)
  let counters = sink.counters
  sink.finish(withinSeconds: 5)
  guard counters.delivered == UInt64(records) else {
    fail(
      "\(counters.delivered) of \(records) records were delivered: "
        + (counters.lastError ?? "no error"), 70)
  }
  print("\(seconds) \(sink.maximumMemoryBytes)")
} catch {
  fail("\(error)", 69)
}
