import Foundation

/// Numbers as people read them.
enum Units {
  /// `1,234,567`
  static func grouped(_ value: UInt64) -> String {
    let digits = Array(String(value))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// Three significant digits with a decimal prefix: `0`, `9.5`, `999`, `1.25 M`, `83.1 k`.
  static func scaled(_ value: Double) -> String {
    let (digits, prefix) = split(value)
    return prefix.isEmpty ? digits : "\(digits) \(prefix)"
  }

  /// The same with a unit behind the prefix: `4.12 Gb/s`, `0 b/s`.
  static func scaled(_ value: Double, _ unit: String) -> String {
    let (digits, prefix) = split(value)
    return "\(digits) \(prefix)\(unit)"
  }

  /// Traffic, in decimal bytes: `1.23 GB`.
  static func traffic(_ bytes: UInt64) -> String { scaled(Double(bytes), "B") }

  /// Memory, in binary bytes: `256 MiB`.
  static func memory(_ bytes: UInt64) -> String {
    var value = Double(bytes)
    for prefix in ["", "Ki", "Mi", "Gi", "Ti"] {
      if value < 1023.95 || prefix == "Ti" {
        return "\(prefix.isEmpty ? String(bytes) : oneDecimal(value)) \(prefix)B"
      }
      value /= 1024
    }
    return ""
  }

  /// The two largest parts: `20 ms`, `0.4 s`, `12 s`, `3m 05s`, `1h 02m`, `3d 04h`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "-" }
    if seconds > 0 && seconds < 0.0995 { return "\(Int((seconds * 1000).rounded(.up))) ms" }
    if seconds < 9.95 { return "\(oneDecimal(seconds)) s" }
    // Beyond this it does not fit an Int, and nobody has been up that long.
    let whole = Int(min(seconds, 1e15).rounded())
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(minutes)m \(twoDigits(whole % 60))s" }
    if whole < 86_400 { return "\(hours)h \(twoDigits(minutes))m" }
    return "\(days)d \(twoDigits(hours))h"
  }

  /// A span of time over which rates are taken: `1 s`, `10 s`, `1 min`.
  static func window(_ seconds: Int) -> String {
    seconds >= 60 && seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
  }

  /// A share of 0 … 1: `83 %`.
  static func percent(_ share: Double) -> String {
    share.isFinite ? "\(Int((min(max(share, 0), 1) * 100).rounded())) %" : "-"
  }

  /// A small share to a tenth, so that it is not nought: `0.3 %`, `12.5 %`, `<0.1 %`.
  static func share(_ share: Double) -> String {
    guard share.isFinite, share > 0 else { return "0 %" }
    let percent = min(share, 1) * 100
    return percent < 0.05 ? "<0.1 %" : percent >= 99.95 ? "100 %" : "\(oneDecimal(percent)) %"
  }

  /// `10 Gb/s`, `2.5 Gb/s`, `100 Mb/s`: as it is printed on the box.
  static func linkSpeed(_ megabits: UInt32) -> String {
    if megabits < 1000 { return "\(megabits) Mb/s" }
    return megabits % 1000 == 0 ? "\(megabits / 1000) Gb/s" : "\(Double(megabits) / 1000) Gb/s"
  }

  private static func split(_ value: Double) -> (String, String) {
    guard value.isFinite, value > 0 else { return (value.isFinite ? "0" : "-", "") }
    var scaled = value
    let prefixes = ["", "k", "M", "G", "T", "P", "E"]
    for prefix in prefixes {
      // What would be rounded to 1000 belongs to the next prefix.
      if scaled < 999.5 || prefix == "E" {
        if prefix.isEmpty && scaled == scaled.rounded() { return (String(Int(scaled)), "") }
        let places = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0
        return (String(format: "%.\(places)f", scaled), prefix)
      }
      scaled /= 1000
    }
    return ("-", "")
  }

  static func oneDecimal(_ value: Double) -> String {
    let rounded = (value * 10).rounded() / 10
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(format: "%.1f", rounded)
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
