@testable import Configuration

/// docs/configuration.md: prose from ``ReferenceProse``, and a table of each section's keys from
/// ``SettingsKey``.
enum ReferenceWriter {
  static func markdown() -> String {
    var text = ReferenceProse.beforeTables
    text += "\n## Keys\n\n"
    text += "Keys in bold have to be there. A dash stands where there is no default.\n"
    text +=
      "Live ones hang on no memory, thread, port or socket: a running engine takes them, and `filters`,\n"
    text += "with `martlet reload`.\n\n"
    text += table("At the top", "")
    for key in SettingsKey.all where key.isSection {
      let path = key.kind == .sections ? key.path + "[]" : key.path
      text += "\n" + table("`\(path)`", path, key.meaning + ".")
    }
    return text + ReferenceProse.afterTables
  }

  private static func table(_ title: String, _ path: String, _ meaning: String = "") -> String {
    var text = "### \(title)\n\n"
    if !meaning.isEmpty { text += meaning + "\n\n" }
    text += "| Key | Type and range | Default | Unit | Live | Meaning |\n"
    text += "| --- | --- | --- | --- | --- | --- |\n"
    for key in SettingsKey.children(of: path) {
      let name = key.isRequired ? "**`\(key.name)`**" : "`\(key.name)`"
      let standard = key.standard.isEmpty ? "–" : "`\(key.standard)`"
      let range = key.isSection ? "\(key.range), below" : kind(key)
      let live = key.isLive ? "yes" : ""
      text += "| \(name) | \(range) | \(standard) | \(key.unit) | \(live) | \(key.meaning) |\n"
    }
    return text
  }

  private static func kind(_ key: SettingsKey) -> String {
    switch key.kind {
    case .integer: "whole number, \(key.range)"
    case .number: "number, \(key.range)"
    case .choice(let words): "one of " + words.map { "`\($0)`" }.joined(separator: ", ")
    case .choices(let words): "a list of " + words.map { "`\($0)`" }.joined(separator: ", ")
    default: key.range
    }
  }
}
