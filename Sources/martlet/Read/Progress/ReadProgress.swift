import Foundation

/// How far reading has come.
struct ReadProgress: Equatable, Sendable {
  /// Of the input as it lies there: compressed bytes of a compressed file.
  var bytesRead: UInt64 = 0
  /// Nil where that cannot be known, as of a pipe.
  var bytesTotal: UInt64?
  var packets: UInt64 = 0
  /// Records so far.
  var flows: UInt64 = 0
  /// Flows in the tables just now.
  var liveFlows: UInt64 = 0
  var elapsedSeconds: Double = 0
  /// Name of the file that is being read.
  var currentFile: String?

  /// What there is to tell at the end: `12.3 M packets, 4.40 GB in 1.2 s (10.2 Mpps, 3.70 GB/s),
  /// 310 k flows`.
  var totals: String { "\(reading), \(Self.count(flows, "flow"))" }

  /// The same where no flows were made.
  var reading: String {
    let time = elapsedSeconds >= 0.05 ? Units.duration(elapsedSeconds) : "under 0.1 s"
    let rates =
      elapsedSeconds > 0
      ? " (\(Units.scaled(Double(packets) / elapsedSeconds, "pps"))"
        + ", \(Units.scaled(Double(bytesRead) / elapsedSeconds, "B/s")))" : ""
    return "\(Self.count(packets, "packet")), \(Units.traffic(bytesRead)) in \(time)\(rates)"
  }

  static func count(_ value: UInt64, _ word: String) -> String {
    "\(Units.scaled(Double(value))) \(word)\(value == 1 ? "" : "s")"
  }
}

/// Rates that do not flicker: averages that forget with a time constant of two seconds.
struct ReadRates: Equatable, Sendable {
  private(set) var bytesPerSecond: Double = 0
  private(set) var packetsPerSecond: Double = 0
  private var last: ReadProgress?
  static let memorySeconds = 2.0

  mutating func update(_ progress: ReadProgress) {
    let before = last ?? ReadProgress()
    let seconds = progress.elapsedSeconds - before.elapsedSeconds
    guard seconds > 0, progress.bytesRead >= before.bytesRead, progress.packets >= before.packets
    else { return }
    let bytes = Double(progress.bytesRead - before.bytesRead) / seconds
    let packets = Double(progress.packets - before.packets) / seconds
    let weight = last == nil ? 1 : 1 - exp(-seconds / Self.memorySeconds)
    bytesPerSecond += weight * (bytes - bytesPerSecond)
    packetsPerSecond += weight * (packets - packetsPerSecond)
    last = progress
  }

  /// Seconds until all is read at this rate; nil where the total is unknown or nothing moves.
  func secondsLeft(_ progress: ReadProgress) -> Double? {
    guard let total = progress.bytesTotal, bytesPerSecond > 0 else { return nil }
    return Double(total > progress.bytesRead ? total - progress.bytesRead : 0) / bytesPerSecond
  }
}
