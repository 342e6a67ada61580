/// Writing commands down as Redis reads them: an array of bulk strings.
///
///     *2\r\n $3\r\nGET\r\n $1\r\nk\r\n
extension [UInt8] {
  mutating func appendRESP(arrayOf count: Int) {
    append(UInt8(ascii: "*"))
    appendDecimal(UInt64(count))
    appendLineEnd()
  }

  mutating func appendRESP(_ text: String) {
    append(UInt8(ascii: "$"))
    appendDecimal(UInt64(text.utf8.count))
    appendLineEnd()
    append(contentsOf: text.utf8)
    appendLineEnd()
  }

  mutating func appendRESP(_ bytes: ArraySlice<UInt8>) {
    append(UInt8(ascii: "$"))
    appendDecimal(UInt64(bytes.count))
    appendLineEnd()
    append(contentsOf: bytes)
    appendLineEnd()
  }

  mutating func appendRESP(command arguments: [String]) {
    appendRESP(arrayOf: arguments.count)
    for argument in arguments { appendRESP(argument) }
  }

  mutating func appendLineEnd() {
    append(UInt8(ascii: "\r"))
    append(UInt8(ascii: "\n"))
  }

  /// No String is made: this stands in the way of every record.
  mutating func appendDecimal(_ value: UInt64) {
    if value >= 10 { appendDecimal(value / 10) }
    append(UInt8(ascii: "0") + UInt8(value % 10))
  }
}

/// How many decimal digits a number has; 1 for 0.
func decimalDigits(_ value: UInt64) -> Int {
  var digits = 1
  var rest = value / 10
  while rest > 0 {
    digits += 1
    rest /= 10
  }
  return digits
}
