/// What is wrong in a record expression, and where.
///
/// Its description is meant to be shown as it is:
///
///     column 1: unknown field "dst_port"; did you mean "dest_port"?
///       dst_port == 80
///       ^^^^^^^^
package struct RecordExpressionError: Error, Equatable, Sendable, CustomStringConvertible {
  package let message: String
  /// What was probably meant, where that can be told.
  package let suggestion: String?
  /// Where it is, in characters of the text, from 1.
  package let column: Int
  /// The line of the text that it is on, or a part of it, and a line that marks the place.
  package let excerpt: String

  package var description: String {
    let hint = suggestion.map { "; did you mean \"\($0)\"?" } ?? ""
    return "column \(column): \(message)\(hint)\n\(excerpt)"
  }

  /// `place` are bytes of `text`; it may lie at its end.
  init(_ message: String, suggestion: String? = nil, at place: Range<Int>, in text: [UInt8]) {
    self.message = message
    self.suggestion = suggestion
    let before = Self.characters(text[..<min(place.lowerBound, text.count)])
    column = before.count + 1
    excerpt = Self.excerpt(
      before: before, marked: Self.characters(text[place.clamped(to: 0..<text.count)]),
      after: Self.characters(text[min(place.upperBound, text.count)...]))
  }

  /// Characters shown on one line.
  private static let width = 76

  private static func characters(_ bytes: ArraySlice<UInt8>) -> [Character] {
    Array(String(decoding: bytes, as: UTF8.self))
  }

  private static func excerpt(before: [Character], marked: [Character], after: [Character])
    -> String
  {
    // The place's own line, cut on both sides where it is long.
    let lines = before.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var head = lines.last ?? []
    let middle = marked.prefix { !$0.isNewline }.prefix(width / 2)
    var tail = middle.count < marked.count ? [] : after.prefix { !$0.isNewline }
    if head.count > width / 2 { head = ["…"] + head.suffix(width / 2) }
    let room = max(width - head.count - middle.count, 0)
    if tail.count > room { tail = tail.prefix(room) + ["…"] }
    let line = (head + middle + tail).map { isPlain($0) ? $0 : " " }
    return "  \(String(line))\n  \(String(repeating: " ", count: head.count))"
      + String(repeating: "^", count: max(middle.count, 1))
  }

  /// Whether a character may go to a terminal as it is.
  private static func isPlain(_ character: Character) -> Bool {
    character.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
        .unassigned:
        false
      default: true
      }
    }
  }
}

/// Finds the word that a misspelt one was most likely meant to be.
package enum Spelling {
  /// The nearest of `words` by Damerau's distance without moves over other letters, where at most
  /// one letter in three is wrong; of equals the first.
  package static func nearest(to word: String, among words: [String]) -> String? {
    let wanted = Array(word.lowercased().utf8)
    // Longer than any word there is, and the distance costs the product of the lengths.
    guard wanted.count <= 64 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in words {
      let distance = distance(wanted, Array(candidate.lowercased().utf8))
      let isNear = distance <= max(wanted.count, candidate.utf8.count) / 3
      if isNear, distance < best?.distance ?? .max {
        best = (candidate, distance)
      }
    }
    return best?.word
  }

  /// Letters to put in, take out, change, or swap with a neighbour.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(last[j + 1], row[j]) + 1
        cost = min(cost, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, before[j - 1] + 1)
        }
        row.append(cost)
      }
      (before, last) = (last, row)
    }
    return last[b.count]
  }
}
