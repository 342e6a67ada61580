/// Numbers with units, durations and times, and ranges of them.
extension ExpressionParser {
  /// What a literal means for a field: as numbers are, in nanoseconds for durations, in
  /// microseconds since 1970 for times. One value is a range of one.
  func numberRange(_ value: Literal, _ field: ExpressionField)
    throws(RecordExpressionError) -> ClosedRange<Int128>
  {
    guard let ends = Self.ends(value.text, separatedByDash: field.kind != .time) else {
      let number = try number(value.text, value, field)
      return number...number
    }
    let first = try number(ends.0, value, field)
    let last = try number(ends.1, value, field)
    guard first <= last else { throw error("this range runs backwards", at: value.place) }
    return first...last
  }

  /// The two ends of `a..b`, and of `a-b` where a dash is not part of the values.
  static func ends(_ text: String, separatedByDash: Bool) -> (String, String)? {
    if let dots = text.firstRange(of: "..") {
      return (String(text[..<dots.lowerBound]), String(text[dots.upperBound...]))
    }
    guard separatedByDash, let dash = text.firstIndex(of: "-"), dash > text.startIndex else {
      return nil
    }
    return (String(text[..<dash]), String(text[text.index(after: dash)...]))
  }

  private func number(_ text: String, _ value: Literal, _ field: ExpressionField)
    throws(RecordExpressionError) -> Int128
  {
    let name = field.names[0]
    if field.kind == .time {
      guard let time = TimeLiteral.microseconds(text) else {
        throw error(
          "\(name) is a time, and \"\(text)\" is none such as 2026-11-21T05:36:00Z, to the "
            + "microsecond at the most", at: value.place)
      }
      return time
    }
    guard let decimal = DecimalLiteral(text) else {
      throw error(
        "\(name) is \(Self.description(of: field.kind)), and \"\(text)\" is none", at: value.place)
    }
    let isDuration = field.kind == .duration
    guard
      let multiplier = isDuration
        ? DecimalLiteral.nanoseconds(decimal.unit, plain: field.unit)
        : DecimalLiteral.multiplier(decimal.unit, unit: field.unit)
    else {
      let units = isDuration ? "ns, us, ms, s, m, h, d" : "k, M, G, T, Ki, Mi, Gi, Ti"
      throw error(
        "\(name) has no unit \"\(decimal.unit)\"; there are \(units)", at: value.place)
    }
    switch decimal.times(multiplier) {
    case .whole(let number): return number
    case .broken:
      throw error(
        isDuration
          ? "\(name) is compared in nanoseconds, and \"\(text)\" is finer"
          : "\(name) is a whole number, and \"\(text)\" is none", at: value.place)
    case .tooLarge: throw error("\"\(text)\" is too large", at: value.place)
    }
  }
}

/// `1500`, `1.5M`, `1e6`, `0x1f`, `200ms`: a number without rounding, and what stands behind it.
struct DecimalLiteral {
  /// The digits, those behind the point included, and the zeros that an exponent stands for.
  private let digits: Int128
  /// How many of them are behind the point.
  private let decimals: Int
  let unit: String

  enum Product: Equatable {
    case whole(Int128)
    /// There is something left behind the point.
    case broken
    case tooLarge
  }

  init?(_ text: String) {
    if text.lowercased().hasPrefix("0x") {
      guard let value = UInt64(text.dropFirst(2), radix: 16) else { return nil }
      (digits, decimals, unit) = (Int128(value), 0, "")
      return
    }
    let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    // 30 digits are below 2^100.
    guard (1...2).contains(parts.count), !parts.contains(""), number.count <= 30,
      let value = Int128(parts.joined())
    else { return nil }
    let rest = text.dropFirst(number.count)
    let (exponent, length) = Self.exponent(rest)
    // 30 digits and 24 zeros would be beyond 128 bits: then it is no number.
    var zeros: Int128 = 1
    for _ in 0..<exponent { zeros *= 10 }
    let (product, overflow) = value.multipliedReportingOverflow(by: zeros)
    guard !overflow else { return nil }
    digits = product
    decimals = parts.count == 2 ? parts[1].count : 0
    unit = String(rest.dropFirst(length))
  }

  /// The power of ten at the front (`e6`, `E+6`; 24 at the most), and how long it is; none where
  /// there is none.
  private static func exponent(_ text: Substring) -> (exponent: Int, length: Int) {
    guard text.first == "e" || text.first == "E" else { return (0, 0) }
    let sign = text.dropFirst().first == "+" ? 1 : 0
    let digits = text.dropFirst(1 + sign).prefix { $0.isASCII && $0.isNumber }
    guard let exponent = Int(digits), exponent <= 24 else { return (0, 0) }
    return (exponent, 1 + sign + digits.count)
  }

  /// The number times what its unit stands for.
  func times(_ multiplier: Int128) -> Product {
    let (product, overflow) = digits.multipliedReportingOverflow(by: multiplier)
    guard !overflow, product < Int128(1) << 120 else { return .tooLarge }
    var divisor: Int128 = 1
    for _ in 0..<decimals { divisor *= 10 }
    let (quotient, remainder) = product.quotientAndRemainder(dividingBy: divisor)
    return remainder == 0 ? .whole(quotient) : .broken
  }

  /// Decimal and binary multiples, for bytes with a B behind them as well.
  static func multiplier(_ text: String, unit: String) -> Int128? {
    let plain = unit == "bytes" && text.hasSuffix("B") ? String(text.dropLast()) : text
    switch plain {
    case "": return 1
    case "k", "K": return 1000
    case "M": return 1_000_000
    case "G": return 1_000_000_000
    case "T": return 1_000_000_000_000
    case "Ki": return 1 << 10
    case "Mi": return 1 << 20
    case "Gi": return 1 << 30
    case "Ti": return 1 << 40
    default: return nil
    }
  }

  /// Nanoseconds in a unit; without one it is the field's own.
  static func nanoseconds(_ text: String, plain: String) -> Int128? {
    switch text.isEmpty ? plain : text {
    case "ns": 1
    case "us": 1000
    case "ms": 1_000_000
    case "s", "sec": 1_000_000_000
    case "m", "min": 60_000_000_000
    case "h": 3_600_000_000_000
    case "d": 86_400_000_000_000
    default: nil
    }
  }
}

/// A moment in the forms of ISO 8601 that RFC 3339 and EVE use, in UTC where it says nothing else:
/// `2026-11-21`, `2026-11-21T05:36`, `2026-11-21 05:36:00.123456+0000`.
package enum TimeLiteral {
  /// Microseconds since 1970; nil for anything else.
  package static func microseconds(_ text: String) -> Int128? {
    var rest = Array(text.utf8)[...]
    guard let year = digits(4, &rest), take("-", &rest), let month = digits(2, &rest),
      take("-", &rest), let day = digits(2, &rest), (1...12).contains(month),
      (1...days(in: month, of: year)).contains(day)
    else { return nil }
    var seconds = Int128(daysSince1970(year, month, day)) * 86_400
    var micro: Int128 = 0
    if !rest.isEmpty {
      guard take("T", &rest) || take("t", &rest) || take(" ", &rest),
        let hour = digits(2, &rest), take(":", &rest), let minute = digits(2, &rest), hour < 24,
        minute < 60
      else { return nil }
      seconds += Int128(hour * 3600 + minute * 60)
      if take(":", &rest) {
        guard let second = digits(2, &rest), second < 60 else { return nil }
        seconds += Int128(second)
        if take(".", &rest) {
          guard let fraction = fraction(&rest) else { return nil }
          micro = Int128(fraction)
        }
      }
      guard let offset = offset(&rest) else { return nil }
      seconds -= Int128(offset)
    }
    return rest.isEmpty ? seconds * 1_000_000 + micro : nil
  }

  /// Seconds east of Greenwich: `Z`, `+01`, `+0100`, `+01:00`, or nothing.
  private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int? {
    if rest.isEmpty || take("Z", &rest) || take("z", &rest) { return 0 }
    let isWest = rest.first == UInt8(ascii: "-")
    guard take("+", &rest) || take("-", &rest), let hours = digits(2, &rest), hours < 24 else {
      return nil
    }
    var seconds = hours * 3600
    if !rest.isEmpty {
      _ = take(":", &rest)
      guard let minutes = digits(2, &rest), minutes < 60 else { return nil }
      seconds += minutes * 60
    }
    return isWest ? -seconds : seconds
  }

  /// One to six digits behind the point, in microseconds.
  private static func fraction(_ rest: inout ArraySlice<UInt8>) -> Int? {
    let count = rest.prefix { isDigit($0) }.count
    guard (1...6).contains(count), var value = digits(count, &rest) else { return nil }
    for _ in count..<6 { value *= 10 }
    return value
  }

  private static func digits(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> Int? {
    let digits = rest.prefix(count)
    guard digits.count == count, digits.allSatisfy(isDigit) else { return nil }
    rest = rest.dropFirst(count)
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
  }

  private static func take(_ character: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days of the proleptic Gregorian calendar, counted in years that begin on 1 March.
  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shiftedYear = month > 2 ? year : year - 1
    let shiftedMonth = month > 2 ? month - 3 : month + 9
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}
