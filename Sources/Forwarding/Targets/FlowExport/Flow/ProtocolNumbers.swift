internal import Records

/// The numbers of EVE's `proto`.
enum ProtocolNumbers {
  private static let numbers: [String: UInt8] = {
    var numbers: [String: UInt8] = [:]
    for number in (UInt8.min...UInt8.max).reversed() {
      if let name = FlowWords.proto(number) { numbers["\(name)".uppercased()] = number }
    }
    return numbers
  }()

  /// Of a name such as `TCP`, or of digits; nil where it is neither.
  static func number(_ text: String) -> UInt8? {
    switch text {
    case "TCP": 6
    case "UDP": 17
    default: numbers[text.uppercased()] ?? UInt8(text)
    }
  }
}
