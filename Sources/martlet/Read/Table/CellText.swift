import Records

/// The text of one cell while it is made, in memory that its owner lends; checks nothing itself.
///
/// No cell is longer than ``capacity``: the longest are an end point of 47 bytes and a start of 31.
struct CellText {
  /// Bytes of memory a cell needs, with what its last part may write beyond its end.
  static let capacity = 128

  let start: UnsafeMutablePointer<UInt8>
  private var writer: ByteWriter
  /// Bytes that take no column of the terminal: what UTF-8 has beyond the first of a character.
  var invisible = 0

  init(_ start: UnsafeMutablePointer<UInt8>) {
    self.start = start
    writer = ByteWriter(start)
  }

  var count: Int { writer.cursor - start }
  var columns: Int { count - invisible }

  mutating func clear() {
    writer.cursor = start
    invisible = 0
  }

  /// Moves the text's beginning to the front, `from` bytes on; what was before it is gone.
  mutating func keep(_ range: Range<Int>) {
    start.update(from: start + range.lowerBound, count: range.count)
    writer.cursor = start + range.count
  }

  @inline(__always)
  mutating func byte(_ value: UInt8) {
    writer.cursor.pointee = value
    writer.cursor += 1
  }

  @inline(__always)
  mutating func literal(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    writer.cursor.update(from: text.utf8Start, count: count)
    writer.cursor += count
  }

  /// Text that is not known when compiling, of ASCII.
  @inline(__always)
  mutating func bytes(_ text: UnsafePointer<UInt8>, count: Int) {
    writer.cursor.update(from: text, count: count)
    writer.cursor += count
  }

  /// What Records writes itself: addresses, times, ids; all of it ASCII.
  @inline(__always)
  mutating func records(_ body: (inout ByteWriter) -> Void) { body(&writer) }

  // MARK: - Numbers

  /// Digits without leading zeros.
  mutating func decimal(_ value: UInt64) {
    if value >= 10 { decimal(value / 10) }
    byte(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value % 10))
  }

  private mutating func twoDigits(_ value: UInt64) {
    byte(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value / 10 % 10))
    byte(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value % 10))
  }

  /// Three significant digits with a decimal prefix, as ``Units/scaled(_:)`` has them: `999`,
  /// `1.25 k`. At the most six bytes.
  mutating func scaled(_ value: UInt64) {
    if value < 1000 { return decimal(value) }
    prefix(fraction(value))
  }

  /// The same in bytes: `999 B`, `1.25 kB`. At the most seven bytes.
  mutating func traffic(_ value: UInt64) {
    if value < 1000 {
      decimal(value)
      byte(UInt8(ascii: " "))
    } else {
      prefix(fraction(value))
    }
    byte(UInt8(ascii: "B"))
  }

  /// A time in nanoseconds, at the most seven columns: `213 µs`, `4.56 s`, `3m 05s`, `3d 04h`.
  mutating func duration(_ nanoseconds: UInt64) {
    if nanoseconds < 1000 {
      decimal(nanoseconds)
      return literal(" ns")
    }
    // Where minutes begin, in what would be rounded to 60.0 s.
    if nanoseconds < 59_950_000_000 {
      switch fraction(nanoseconds) {
      case 1:
        literal(" µs")
        invisible += 1
      case 2: literal(" ms")
      default: literal(" s")
      }
      return
    }
    let seconds = roundedQuotient(nanoseconds, 1_000_000_000)
    let parts: (UInt64, UInt8, UInt64, UInt8)
    if seconds < 3600 {
      parts = (seconds / 60, UInt8(ascii: "m"), seconds % 60, UInt8(ascii: "s"))
    } else if seconds < 86_400 {
      parts = (seconds / 3600, UInt8(ascii: "h"), seconds / 60 % 60, UInt8(ascii: "m"))
    } else {
      parts = (seconds / 86_400, UInt8(ascii: "d"), seconds / 3600 % 24, UInt8(ascii: "h"))
    }
    decimal(parts.0)
    byte(parts.1)
    // Beyond 99 days the hours do not matter, nor would they fit.
    if parts.0 >= 100 { return }
    byte(UInt8(ascii: " "))
    twoDigits(parts.2)
    byte(parts.3)
  }

  /// Writes the digits of a value of 1,000 or more in the largest unit that leaves a whole part.
  /// Returns how many times it went by 1,000.
  private mutating func fraction(_ value: UInt64) -> Int {
    var unit: UInt64 = 1000
    var prefix = 1
    // What would be rounded to 1,000 belongs to the next prefix. `unit` is 10^18 at the most, and a
    // 64-bit value below 18.45 of those.
    while prefix < 6 && value / unit >= 999 && roundedQuotient(value, unit) >= 1000 {
      unit *= 1000
      prefix += 1
    }
    let hundredths = roundedQuotient(value, unit / 100)
    if hundredths < 1000 {
      decimal(hundredths / 100)
      byte(UInt8(ascii: "."))
      twoDigits(hundredths % 100)
      return prefix
    }
    let tenths = roundedQuotient(value, unit / 10)
    if tenths < 1000 {
      decimal(tenths / 10)
      byte(UInt8(ascii: "."))
      byte(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: tenths % 10))
      return prefix
    }
    decimal(roundedQuotient(value, unit))
    return prefix
  }

  private func roundedQuotient(_ value: UInt64, _ unit: UInt64) -> UInt64 {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: unit)
    return rest >= unit - rest ? quotient + 1 : quotient
  }

  private mutating func prefix(_ prefix: Int) {
    byte(UInt8(ascii: " "))
    let prefixes: StaticString = "kMGTPE"
    // 1 … 6.
    byte(prefixes.utf8Start[prefix - 1])
  }
}
