/// What Zeek's tab-separated logs have in common: the lines in front of the records and behind them.
enum ZeekLog {
  static func header(
    path: String, _ openedNanoseconds: Int64, _ fields: [(name: String, type: String)]
  ) -> [UInt8] {
    Array(
      """
      #separator \\x09
      #set_separator\t,
      #empty_field\t(empty)
      #unset_field\t-
      #path\t\(path)
      #open\t\(moment(openedNanoseconds))
      #fields\t\(fields.map(\.name).joined(separator: "\t"))
      #types\t\(fields.map(\.type).joined(separator: "\t"))

      """.utf8)
  }

  static func footer(_ closedNanoseconds: Int64) -> [UInt8] {
    Array("#close\t\(moment(closedNanoseconds))\n".utf8)
  }

  /// `2026-11-21-05-36-00`, UTC.
  private static func moment(_ nanoseconds: Int64) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      var writer = ByteWriter(buffer.baseAddress.unsafelyUnwrapped)
      var text = TimestampText()
      text.write(nanoseconds: nanoseconds, to: &writer)
      for index in [10, 13, 16] { buffer[index] = UInt8(ascii: "-") }
      return String(decoding: buffer[..<19], as: UTF8.self)
    }
  }
}
