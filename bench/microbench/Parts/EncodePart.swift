import CMemoryPort
import Dissection
import FlowEngine
import Foundation
import Records

/// What writing records down costs: CPU time of the encoder's thread a record, in both formats.
struct EncodePart {
  let options: Options
  let report: Report

  /// As many records as a batch has by default.
  static let batch = 512
  private static let warmUp = 20_000

  func run() {
    let mix = RecordMix(count: options.isQuick ? 2_048 : 8_192)
    let times = options.isQuick ? 10 : 60
    report.heading("Encoding")
    report.note(
      "\(mix.records.count.grouped) different records of flows (TCP, UDP, ICMP, a fifth IPv6, updates, "
        + "tunnels, VLANs), in batches of \(Self.batch); CPU time of the thread.")
    report.table(
      ["format", "bytes a record", "µs a record, median (lowest … highest)"],
      RecordFormat.allCases.filter { options.wants($0.rawValue) }.map { format in
        var bed = EncodeBed(format: format)
        bed.encode(mix, records: Self.warmUp)
        let figures = Rounds(max(options.rounds, 5)) {
          let begin = Self.threadNanoseconds()
          bed.encode(mix, records: mix.records.count * times)
          return (Self.threadNanoseconds() - begin) / Double(mix.records.count * times) / 1_000
        }
        return [
          format.rawValue, (Double(bed.bytes) / Double(bed.records)).text(),
          String(
            format: "%.3f (%.3f … %.3f)", figures.median, figures.lowest, figures.highest),
        ]
      })
    let events = EventMix()
    report.note("Protocol records: \(events.messages.count) of them (DNS with answers, HTTP).")
    report.table(
      ["format", "bytes a record", "µs a record, median (lowest … highest)"],
      RecordFormat.allCases.filter { options.wants($0.rawValue) }.map { format in
        var bed = EncodeBed(format: format)
        bed.encode(events, records: Self.warmUp)
        let count = mix.records.count * times
        let figures = Rounds(max(options.rounds, 5)) {
          let begin = Self.threadNanoseconds()
          bed.encode(events, records: count)
          return (Self.threadNanoseconds() - begin) / Double(count) / 1_000
        }
        return [
          format.rawValue, (Double(bed.bytes) / Double(bed.records)).text(),
          String(
            format: "%.3f (%.3f … %.3f)", figures.median, figures.lowest, figures.highest),
        ]
      })
  }

  private static func threadNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}

/// An encoder and the batch that it fills again and again.
struct EncodeBed: ~Copyable {
  private var encoder: RecordEncoder
  private var batch: RecordBatch
  private(set) var bytes = 0
  private(set) var records = 0

  init(format: RecordFormat) {
    var context = RecordContext(
      sensorName: "edge1", startEpochNanoseconds: BenchSettings.begin,
      portNames: ["0000:03:00.0"])
    context.events = Dissection.schema
    encoder = RecordEncoder(context: context, format: format)
    batch = RecordBatch(format: format)
  }

  /// Encodes `count` records of a mix, from its front and round.
  mutating func encode(_ mix: RecordMix, records count: Int) {
    mix.records.withUnsafeBufferPointer { source in
      var next = 0
      for _ in 0..<count {
        if batch.entries.count == EncodePart.batch { empty() }
        encoder.encode(source.baseAddress! + next, into: &batch)
        next = next + 1 == source.count ? 0 : next + 1
      }
    }
    empty()
  }

  /// The same of protocol records.
  mutating func encode(_ mix: EventMix, records count: Int) {
    var next = 0
    for _ in 0..<count {
      if batch.entries.count == EncodePart.batch { empty() }
      mix.messages[next].withUnsafeBytes { message in
        if let record = EventRecord(message) { encoder.encode(record, into: &batch) }
      }
      next = next + 1 == mix.messages.count ? 0 : next + 1
    }
    empty()
  }

  private mutating func empty() {
    bytes += batch.bytes.count
    records += batch.entries.count
    batch.bytes.removeAll(keepingCapacity: true)
    batch.entries.removeAll(keepingCapacity: true)
  }
}
