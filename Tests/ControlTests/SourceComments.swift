import Foundation

/// The comments in front of the API's types and their members: what the OpenRPC document and the reference
/// say of them.
enum SourceComments {
  /// `Type` and `Type.member` with their comments, from the source files in these folders.
  static func collect(in folders: [String]) throws -> [String: String] {
    var all: [String: String] = [:]
    for folder in folders {
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(Reference.root)/\(folder)")
      for name in names.sorted() where name.hasSuffix(".swift") {
        read(try Reference.text("\(folder)/\(name)"), into: &all)
      }
    }
    return all
  }

  private static func read(_ text: String, into all: inout [String: String]) {
    var comment: [String] = []
    var type = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.drop { $0 == " " }
      if words.hasPrefix("///") {
        comment.append(words.dropFirst(3).trimmingCharacters(in: .whitespaces))
        continue
      }
      defer { comment = [] }
      let indent = line.count - words.count
      if indent == 0, let name = name(behind: ["package struct ", "package enum "], in: words) {
        type = name
        note(name, comment, &all)
      } else if indent == 2, let name = name(behind: ["package var "], in: words) {
        note("\(type).\(name)", comment, &all)
      }
    }
  }

  private static func name(behind words: [String], in line: Substring) -> String? {
    for word in words where line.hasPrefix(word) {
      return String(line.dropFirst(word.count).prefix { $0.isLetter || $0.isNumber || $0 == "`" })
        .filter { $0 != "`" }
    }
    return nil
  }

  private static func note(_ name: String, _ comment: [String], _ all: inout [String: String]) {
    // Of a longer comment the first paragraph.
    let words = comment.prefix { !$0.isEmpty && !$0.hasPrefix("- ") }.joined(separator: " ")
    if !words.isEmpty { all[name] = plain(words) }
  }

  /// Without what only a reader of the source can follow: ranges stand in the schema, symbols are names.
  static func plain(_ comment: String) -> String {
    var text = comment
    for (from, to) in [
      (#"(, |; )?``\w*[rR]ange``(; |, )?"#, "|"), (#"^\|"#, ""), (#"\|\.$"#, "."),
      (#"\|(\d)"#, "; $1"),
      (#"\|"#, ""), (#"``(\w+/)*(\w+)(\([^`]*\))?``"#, "`$2`"), (#"``"#, "`"),
    ] {
      text = text.replacingOccurrences(of: from, with: to, options: .regularExpression)
    }
    return text.replacingOccurrences(
      of: "Wall clock, `ControlTime`", with: "Wall clock, as times are written here"
    )
    .replacingOccurrences(of: "One of `orders`", with: "What they are ordered by")
  }
}
