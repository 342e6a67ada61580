/// A record's `timestamp`, read from EVE's form (`2026-11-21T05:36:00.123456+0000`) or RFC 3339's
/// (`2026-11-21T05:36:00.123456Z`, ECS).
package struct RecordTimestamp: Sendable, Equatable {
  /// Whole seconds since 1970 in UTC, leap seconds not counted.
  package let unixSeconds: Int64
  package let nanosecond: Int
  /// As RFC 5424 section 6.2.3 wants it: at most six digits of a second, the offset with a colon.
  package let rfc5424: String

  /// Nil where the text is no such time.
  package init?(_ text: String) {
    var scanner = Scanner(bytes: Array(text.utf8))
    guard
      let year = scanner.number(digits: 4, 1970...9999), scanner.take("-"),
      let month = scanner.number(digits: 2, 1...12), scanner.take("-"),
      let day = scanner.number(digits: 2, 1...Self.days(month: month, year: year)),
      scanner.take("T"),
      let hour = scanner.number(digits: 2, 0...23), scanner.take(":"),
      let minute = scanner.number(digits: 2, 0...59), scanner.take(":"),
      let second = scanner.number(digits: 2, 0...59)
    else { return nil }
    let date = scanner.read
    guard let fraction = scanner.fraction(), let offset = scanner.offset(), scanner.isAtEnd
    else { return nil }

    let local =
      Int64(Self.daysSince1970(year: year, month: month, day: day)) * 86_400
      + Int64(hour * 3_600 + minute * 60 + second)
    unixSeconds = local - Int64(offset.minutes) * 60
    nanosecond = fraction.nanosecond
    rfc5424 = date + fraction.microsecondText + offset.text
  }

  package var unixMilliseconds: Int64 { unixSeconds * 1_000 + Int64(nanosecond / 1_000_000) }

  private static func days(month: Int, year: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: isLeap ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Years are counted from March, so that the leap day is a year's last.
  private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let marchYear = month > 2 ? year : year - 1
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400
    return marchYear * 365 + leapDays + dayOfYear - 719_468
  }
}

extension RecordTimestamp {
  /// What has been read of the text, and what has not.
  private struct Scanner {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }
    var read: String { String(decoding: bytes[..<position], as: UTF8.self) }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
      guard position < bytes.count, bytes[position] == UInt8(ascii: scalar) else { return false }
      position += 1
      return true
    }

    private mutating func digit() -> Int? {
      guard position < bytes.count, case 0x30...0x39 = bytes[position] else { return nil }
      position += 1
      return Int(bytes[position - 1] - 0x30)
    }

    mutating func number(digits: Int, _ range: ClosedRange<Int>) -> Int? {
      var value = 0
      for _ in 0..<digits {
        guard let digit = digit() else { return nil }
        value = value * 10 + digit
      }
      return range.contains(value) ? value : nil
    }

    /// `.123456`, or nothing.
    mutating func fraction() -> (nanosecond: Int, microsecondText: String)? {
      guard take(".") else { return (0, "") }
      let start = position
      var nanosecond = 0
      var scale = 100_000_000
      while let digit = digit() {
        nanosecond += digit * scale
        scale /= 10
      }
      guard position > start else { return nil }
      let kept = bytes[start..<min(position, start + 6)]
      return (nanosecond, "." + String(decoding: kept, as: UTF8.self))
    }

    /// `Z`, `+0000` or `+00:00`.
    mutating func offset() -> (minutes: Int, text: String)? {
      if take("Z") { return (0, "Z") }
      let isEast = take("+")
      guard isEast || take("-"), let hours = number(digits: 2, 0...23) else { return nil }
      _ = take(":")
      guard let minutes = number(digits: 2, 0...59) else { return nil }
      let total = hours * 60 + minutes
      let text = String(decoding: bytes[(position - 2)...], as: UTF8.self)
      let hourText = (hours < 10 ? "0" : "") + String(hours)
      return (isEast ? total : -total, (isEast ? "+" : "-") + hourText + ":" + text.prefix(2))
    }
  }
}
