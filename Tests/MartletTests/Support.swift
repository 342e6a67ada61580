import FlowEngine

@testable import martlet

let noStyle = Style(isOn: false)
let colours = Style(isOn: true)

/// Head and rows of a table, without the newline at its end.
func table(_ flows: [FlowRecord], width: Int?, style: Style = noStyle) -> [String] {
  var printer = FlowRowPrinter(width: width, style: style)
  var bytes: [UInt8] = []
  printer.writeHead(into: &bytes)
  for flow in flows { withUnsafePointer(to: flow) { printer.write($0, into: &bytes) } }
  return String(decoding: bytes, as: UTF8.self).split(
    separator: "\n", omittingEmptySubsequences: false
  )
  .dropLast().map(String.init)
}

func summary(_ flows: [FlowRecord], hostLimit: Int = 65_536) -> ReadSummary {
  var summary = ReadSummary(hostLimit: hostLimit)
  for flow in flows { withUnsafePointer(to: flow) { summary.add($0) } }
  return summary
}

/// `text` without escape sequences that set looks.
func withoutLooks(_ text: String) -> String {
  text.replacing(/\u{1b}\[[0-9;]*m/, with: "")
}

/// Whether anything in it but newlines could steer a terminal.
func hasControlCharacters(_ text: String) -> Bool {
  text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" }
}
