internal import Records

/// Times as EVE has them: `2026-11-21T05:36:00.123456+0000`.
enum WhereTime {
  private static let start = EVEPath("flow.start")
  private static let end = EVEPath("flow.end")
  private static let startNanosecond = EVEPath("flow.start_nsec")
  private static let endNanosecond = EVEPath("flow.end_nsec")

  /// Microseconds since 1970; nil of what is no time.
  static func microseconds(_ text: ArraySlice<UInt8>) -> Int128? {
    TimeLiteral.microseconds(String(decoding: text, as: UTF8.self))
  }

  /// How long the record's flow has been, in nanoseconds: to the microsecond, and where the record
  /// has the nanoseconds to the nanosecond. Nil of a record without a flow.
  static func duration(of document: EVEDocument) -> Int128? {
    guard let start = nanoseconds(document, start, startNanosecond),
      let end = nanoseconds(document, end, endNanosecond)
    else { return nil }
    return max(end - start, 0)
  }

  private static func nanoseconds(
    _ document: EVEDocument, _ path: EVEPath, _ fraction: EVEPath
  ) -> Int128? {
    guard let text = document.element(path)?.stringBytes, let micro = microseconds(text) else {
      return nil
    }
    guard let nano = document.unsigned(fraction) else { return micro * 1000 }
    // Whole seconds, also before 1970.
    let second = micro >= 0 ? micro / 1_000_000 : (micro - 999_999) / 1_000_000
    return second * 1_000_000_000 + Int128(nano)
  }
}
