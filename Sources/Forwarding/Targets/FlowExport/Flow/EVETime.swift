internal import ControlAPI

/// Times as EVE has them: `2026-11-21T05:36:00.123456+0000`.
enum EVETime {
  /// Of a member, and of the member of the same name with `_nsec` where there is one, which tells
  /// the nanoseconds within the second. In nanoseconds since 1970, never before.
  static func nanoseconds(_ object: JSONValue, _ name: String) throws(FlowReadError) -> Int64 {
    guard case .string(let text)? = object[name] else {
      throw FlowReadError("flow.\(name): a time such as 2026-11-21T05:36:00.123456+0000 is due")
    }
    guard let time = parse(Array(text.utf8)) else {
      throw FlowReadError(
        "flow.\(name) is \(FlowReadError.quoted(text)): a time such as 2026-11-21T05:36:00.123456+0000 is due"
      )
    }
    var nanoseconds = time.nanoseconds
    if case .number(let digits)? = object["\(name)_nsec"], let exact = Int64(digits),
      (0..<1_000_000_000).contains(exact)
    {
      nanoseconds = exact
    }
    // 2262 is the last year that 64 bits of nanoseconds hold.
    let (whole, overflow) = time.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard time.seconds >= 0, !overflow, whole <= .max - nanoseconds else {
      throw FlowReadError(
        "flow.\(name) is \(FlowReadError.quoted(text)): years from 1970 to 2261 are due")
    }
    return whole + nanoseconds
  }

  /// Seconds since 1970, and nanoseconds.
  private static func parse(_ text: [UInt8]) -> (seconds: Int64, nanoseconds: Int64)? {
    guard text.count >= 19, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
      text[10] == UInt8(ascii: "T") || text[10] == UInt8(ascii: " "),
      text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
      let year = number(text, 0, 4), let month = number(text, 5, 2), (1...12).contains(month),
      let day = number(text, 8, 2), (1...31).contains(day),
      let hour = number(text, 11, 2), hour < 24, let minute = number(text, 14, 2), minute < 60,
      let second = number(text, 17, 2), second <= 60
    else { return nil }
    var at = 19
    var nanoseconds: Int64 = 0
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      var unit: Int64 = 100_000_000
      while at < text.count, let digit = number(text, at, 1) {
        nanoseconds += digit * unit
        unit /= 10
        at += 1
      }
    }
    guard let offset = offset(Array(text[at...])) else { return nil }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    return (seconds, nanoseconds)
  }

  /// `Z`, `+0000`, `-05:30`, or nothing: in seconds east of Greenwich.
  private static func offset(_ text: [UInt8]) -> Int64? {
    if text.isEmpty || text == [UInt8(ascii: "Z")] { return 0 }
    let digits = text.dropFirst().filter { $0 != UInt8(ascii: ":") }
    guard text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-"), digits.count == 4,
      let hours = number(digits, 0, 2), let minutes = number(digits, 2, 2)
    else { return nil }
    return (hours * 3600 + minutes * 60) * (text[0] == UInt8(ascii: "-") ? -1 : 1)
  }

  private static func number(_ text: [UInt8], _ start: Int, _ count: Int) -> Int64? {
    var value: Int64 = 0
    for byte in text[start..<start + count] {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return value
  }

  /// Days from 1970 of a date of the Gregorian calendar. The year begins with March, so that the
  /// leap day is its last.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
  }
}
