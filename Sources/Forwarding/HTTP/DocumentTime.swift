internal import Sinks

/// When what a record says happened: its `@timestamp` or `timestamp`, and where it has neither that
/// can be read, the time at which its entry was published.
struct DocumentTime: Equatable {
  /// Since 1970, in UTC.
  var microseconds: Int64

  init(microseconds: Int64) { self.microseconds = microseconds }

  init(of record: ForwardRecord) {
    let text = record.document.text(Self.ecs) ?? record.document.text(Self.eve)
    // No sensor was there before 1970.
    if let time = text.flatMap({ DocumentTime($0) }), time.microseconds >= 0 {
      self = time
    } else {
      // Bounded, so that no entry's ID overflows.
      microseconds = Int64(min(record.entry.milliseconds, 253_402_300_799_999)) * 1000
    }
  }

  private static let ecs = EVEPath("@timestamp")
  private static let eve = EVEPath("timestamp")

  /// Reads `2026-11-21T05:36:00.123456+0000`, and the forms of RFC 3339 (`Z`, `+01:00`); nil where
  /// it is something else.
  init?(_ text: String) {
    var text = text
    let time = text.withUTF8 { Self.read($0) }
    guard let time else { return nil }
    microseconds = time
  }

  private static func read(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    func digit(_ index: Int) -> Int64? {
      guard index < text.count, (0x30...0x39).contains(text[index]) else { return nil }
      return Int64(text[index] - 0x30)
    }
    func number(_ start: Int, _ count: Int, _ range: ClosedRange<Int64>) -> Int64? {
      var value: Int64 = 0
      for index in start..<start + count {
        guard let digit = digit(index) else { return nil }
        value = value * 10 + digit
      }
      return range.contains(value) ? value : nil
    }
    guard text.count >= 20, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
      text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
      let year = number(0, 4, 1...9999), let month = number(5, 2, 1...12),
      let day = number(8, 2, 1...31), let hour = number(11, 2, 0...23),
      let minute = number(14, 2, 0...59), let second = number(17, 2, 0...60)
    else { return nil }
    var position = 19
    var fraction: Int64 = 0
    if text[position] == UInt8(ascii: ".") {
      position += 1
      guard digit(position) != nil else { return nil }
      var scale: Int64 = 100_000
      while let digit = digit(position) {
        // Digits beyond microseconds are cut off: the scale is 0 by then.
        fraction += digit * scale
        scale /= 10
        position += 1
      }
    }
    guard position < text.count else { return nil }
    var offsetMinutes: Int64 = 0
    let sign = text[position]
    if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
      let colon = position + 3 < text.count && text[position + 3] == UInt8(ascii: ":") ? 1 : 0
      guard text.count == position + 5 + colon, let hours = number(position + 1, 2, 0...18),
        let minutes = number(position + 3 + colon, 2, 0...59)
      else { return nil }
      offsetMinutes = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
    } else if sign != UInt8(ascii: "Z") || text.count != position + 1 {
      return nil
    }
    // Cannot overflow: at most 9999 years of seconds.
    let days = Self.days(year, month, day)
    let seconds = ((days * 24 + hour) * 60 + minute - offsetMinutes) * 60 + second
    return seconds * 1_000_000 + fraction
  }

  /// Days since 1970-01-01 of the proleptic Gregorian calendar.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    // Years begin in March, so that the leap day is a year's last.
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// Days since 1970-01-01.
  var dayNumber: Int64 {
    (microseconds - Self.remainder(microseconds, 86_400_000_000)) / 86_400_000_000
  }

  private var date: (year: Int64, month: Int64, day: Int64) {
    let shifted = dayNumber + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  /// The day in UTC as indices are named by it: `2026.11.21`.
  var day: String {
    var text: [UInt8] = []
    let date = date
    Self.append(date.year, 4, to: &text)
    text.append(UInt8(ascii: "."))
    Self.append(date.month, 2, to: &text)
    text.append(UInt8(ascii: "."))
    Self.append(date.day, 2, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// RFC 3339: `2026-11-21T05:36:00.123456Z`.
  var iso: String {
    var text: [UInt8] = []
    appendISO(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  func appendISO(to text: inout [UInt8]) {
    let date = date
    let inDay = Self.remainder(microseconds, 86_400_000_000)
    let seconds = inDay / 1_000_000
    Self.append(date.year, 4, to: &text)
    text.append(UInt8(ascii: "-"))
    Self.append(date.month, 2, to: &text)
    text.append(UInt8(ascii: "-"))
    Self.append(date.day, 2, to: &text)
    text.append(UInt8(ascii: "T"))
    Self.append(seconds / 3600, 2, to: &text)
    text.append(UInt8(ascii: ":"))
    Self.append(seconds / 60 % 60, 2, to: &text)
    text.append(UInt8(ascii: ":"))
    Self.append(seconds % 60, 2, to: &text)
    text.append(UInt8(ascii: "."))
    Self.append(inDay % 1_000_000, 6, to: &text)
    text.append(UInt8(ascii: "Z"))
  }

  /// Seconds since 1970 (and not before) with six places, never in the exponent's form:
  /// `1763703360.123456`.
  func appendEpoch(to text: inout [UInt8]) {
    let fraction = Self.remainder(microseconds, 1_000_000)
    Self.append((microseconds - fraction) / 1_000_000, 1, to: &text)
    text.append(UInt8(ascii: "."))
    Self.append(fraction, 6, to: &text)
  }

  /// Never negative, unlike `%`.
  private static func remainder(_ value: Int64, _ divisor: Int64) -> Int64 {
    let rest = value % divisor
    return rest < 0 ? rest + divisor : rest
  }

  /// A number that is not negative, in at least so many digits.
  private static func append(_ value: Int64, _ width: Int, to text: inout [UInt8]) {
    let start = text.count
    var rest = value
    repeat {
      text.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0 || text.count - start < width
    text[start...].reverse()
  }
}
