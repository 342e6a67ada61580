internal import Glibc

/// What time it is, for message headers and for NetFlow v9's uptime.
///
/// NetFlow v9 tells a flow's times as milliseconds of the exporter's uptime, 32 bits, and the
/// header
/// says which uptime is which time, to the second. So the clock claims to have been up for 2^31
/// milliseconds (25 days) when it begins, flows from as long ago can be told, and header time is
/// always a full second, the next one: then a collector that subtracts gets exact milliseconds, and
/// no
/// flow ends after it. Before 32 bits run over the clock begins anew, as if the exporter had been
/// restarted.
struct ExportClock {
  /// Seconds since 1970 at uptime 0.
  private(set) var bootSeconds: Int64

  private static let claimedUptimeSeconds: Int64 = (1 << 31) / 1000
  private static let longestUptimeSeconds: Int64 = (1 << 32) / 1000 - 86_400

  init(nowNanoseconds: Int64) {
    bootSeconds = max(0, nowNanoseconds / 1_000_000_000 - Self.claimedUptimeSeconds)
  }

  /// To be called before a batch is encoded.
  mutating func renew(nowNanoseconds: Int64) {
    let uptime = nowNanoseconds / 1_000_000_000 - bootSeconds
    if uptime > Self.longestUptimeSeconds || uptime < 0 {
      self = ExportClock(nowNanoseconds: nowNanoseconds)
    }
  }

  /// Of the header: the next full second.
  static func headerSeconds(nowNanoseconds: Int64) -> Int64 {
    nowNanoseconds / 1_000_000_000 + 1
  }

  /// Milliseconds of uptime at the time of a header.
  func uptime(headerSeconds: Int64) -> UInt32 {
    UInt32(clamping: (headerSeconds - bootSeconds) * 1000)
  }

  /// Whether a flow's times can be told as uptimes.
  func reaches(start: Int64, end: Int64, nowNanoseconds: Int64) -> Bool {
    start >= bootSeconds * 1_000_000_000 && end <= nowNanoseconds
  }

  /// Milliseconds of uptime at a time that ``reaches(start:end:nowNanoseconds:)``.
  func uptime(nanoseconds: Int64) -> UInt32 {
    UInt32(clamping: nanoseconds / 1_000_000 - bootSeconds * 1000)
  }

  /// Nanoseconds since 1970.
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Nanoseconds of a clock that only goes on.
  static var monotonic: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
