/// Suricata's form of a moment, in UTC: `2026-11-21T05:36:00.123456+0000`, 31 characters.
///
/// The part down to the seconds is kept from one call to the next, since records of one second
/// come together. Days are turned into dates by the proleptic Gregorian calendar; a leap second has
/// no place in seconds since 1970 and is written as the second before it.
package struct TimestampText {
  private var second: Int64
  private var day: Int64
  /// The 20 characters down to the point, at the front of 24 bytes.
  private var text: (UInt64, UInt64, UInt64)

  package init() {
    second = 0
    day = 0
    text = (0, 0, 0)
    render(isNewDay: true)
  }

  /// Characters that ``write(nanoseconds:to:)`` writes.
  package static let length = 31

  /// Writes a moment given in nanoseconds since 1970, cut off below the microsecond.
  @inline(__always)
  package mutating func write(nanoseconds: Int64, to writer: inout ByteWriter) {
    let (second, nanosecond) = Self.split(nanoseconds)
    write(second: second, nanosecond: nanosecond, to: &writer)
  }

  /// `second` lies within the years 0 to 9999.
  mutating func write(second: Int64, nanosecond: Int64, to writer: inout ByteWriter) {
    if second != self.second {
      self.second = second
      let day = second / 86_400 &- (second % 86_400 < 0 ? 1 : 0)
      let isNewDay = day != self.day
      self.day = day
      render(isNewDay: isNewDay)
    }
    withUnsafeBytes(of: text) { source in
      // 24 bytes go out and 20 count, within the writer's slack.
      UnsafeMutableRawPointer(writer.cursor).copyMemory(
        from: source.baseAddress.unsafelyUnwrapped, byteCount: 24)
    }
    writer.cursor += 20
    let microsecond = Int(truncatingIfNeeded: nanosecond / 1000)
    writer.twoDigits(microsecond / 10_000)
    writer.fourDigits(microsecond % 10_000)
    writer.literal("+0000")
  }

  /// Seconds since 1970 and nanoseconds 0 … 999,999,999 behind them, before 1970 too.
  @inline(__always)
  static func split(_ nanoseconds: Int64) -> (second: Int64, nanosecond: Int64) {
    var second = nanoseconds / 1_000_000_000
    var nanosecond = nanoseconds &- second &* 1_000_000_000
    if nanosecond < 0 {
      second &-= 1
      nanosecond &+= 1_000_000_000
    }
    return (second, nanosecond)
  }

  private mutating func render(isNewDay: Bool) {
    let day = day
    // 0 … 86,399, since the day is the one that the second falls into.
    let rest = Int(truncatingIfNeeded: second &- day &* 86_400)
    withUnsafeMutableBytes(of: &text) { bytes in
      let start = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      if isNewDay { Self.renderDate(day, at: start) }
      var writer = ByteWriter(start + 11)
      let minutes = rest / 60
      writer.twoDigits(minutes / 60)
      writer.literal(":")
      writer.twoDigits(minutes % 60)
      writer.literal(":")
      writer.twoDigits(rest % 60)
      writer.literal(".")
    }
  }

  @inline(never)
  private static func renderDate(_ day: Int64, at start: UnsafeMutablePointer<UInt8>) {
    let (year, month, dayOfMonth) = date(day)
    var writer = ByteWriter(start)
    writer.fourDigits(year)
    writer.literal("-")
    writer.twoDigits(month)
    writer.literal("-")
    writer.twoDigits(dayOfMonth)
    writer.literal("T")
  }

  /// The date of a day counted from 1970-01-01, by eras of 400 years that begin on 1 March.
  static func date(_ day: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = Int(day) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
