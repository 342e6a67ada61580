import Records

/// Moments in UTC as people read them.
enum Moment {
  /// How much of a moment is shown.
  enum Precision { case date, minute, second, millisecond, microsecond }

  /// `2026-11-21 05:36:00.123`, given in nanoseconds since 1970, cut off below `precision`.
  static func text(_ nanoseconds: Int64, _ precision: Precision) -> String {
    let whole = record(nanoseconds)
    let length =
      switch precision {
      case .date: 10
      case .minute: 16
      case .second: 19
      case .millisecond: 23
      case .microsecond: 26
      }
    return whole.prefix(10) + (length > 10 ? " " + whole.dropFirst(11).prefix(length - 11) : "")
  }

  /// The same without the date.
  static func timeOfDay(_ nanoseconds: Int64, _ precision: Precision) -> String {
    String(text(nanoseconds, precision).dropFirst(11))
  }

  /// As records have it: `2026-11-21T05:36:00.123456+0000`.
  static func record(_ nanoseconds: Int64) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { memory in
      var writer = ByteWriter(memory.baseAddress.unsafelyUnwrapped)
      var time = TimestampText()
      time.write(nanoseconds: nanoseconds, to: &writer)
      return String(decoding: memory[..<TimestampText.length], as: UTF8.self)
    }
  }
}
