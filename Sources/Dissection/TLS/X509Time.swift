/// Times of certificates: UTCTime and GeneralizedTime (RFC 5280, section 4.1.2.5).
enum X509Time {
  /// Seconds since 1970; nil where it is no time.
  static func seconds(_ value: BERElement) -> Int64? {
    switch value.tag {
    case 0x17: seconds(value.content, yearDigits: 2)
    case 0x18: seconds(value.content, yearDigits: 4)
    default: nil
    }
  }

  private static func seconds(_ text: Bytes, yearDigits: Int) -> Int64? {
    guard var year = number(text, 0, yearDigits) else { return nil }
    if yearDigits == 2 { year += year < 50 ? 2000 : 1900 }
    guard let month = number(text, yearDigits, 2), let day = number(text, yearDigits + 2, 2),
      let hour = number(text, yearDigits + 4, 2), let minute = number(text, yearDigits + 6, 2),
      1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60
    else { return nil }
    // Seconds may be left out by the letter of X.680, and fractions may follow.
    var place = yearDigits + 8
    var second = 0
    if let value = number(text, place, 2) {
      guard value <= 60 else { return nil }
      second = value
      place += 2
    }
    if text.u8(place) == 0x2e {
      place += 1
      while let digit = text.u8(place), digit &- 0x30 < 10 { place += 1 }
    }
    // All are below 10^4: nothing overflows here.
    var sum = days(year, month, day) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    if let sign = text.u8(place), sign == 0x2b || sign == 0x2d,
      let hours = number(text, place + 1, 2), let minutes = number(text, place + 3, 2)
    {
      let ahead = Int64(hours * 3600 + minutes * 60)
      sum += sign == 0x2b ? -ahead : ahead
    }
    return sum
  }

  /// `count` digits, at the most four.
  private static func number(_ text: Bytes, _ offset: Int, _ count: Int) -> Int? {
    text.slice(offset, count)?.decimal.map { Int($0) }
  }

  /// Days since 1970 of the Gregorian calendar, also before its time.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
    // Years begin in March, so that the leap day is the last.
    let year = month > 2 ? year : year - 1
    let era = (year >= 0 ? year : year - 399) / 400
    let ofEra = year - era * 400
    let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return Int64(era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468)
  }
}
