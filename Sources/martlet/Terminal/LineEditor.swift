/// A line that is being typed.
struct LineEditor: Equatable {
  private(set) var characters: [Character]
  /// Before which character the cursor stands.
  private(set) var cursor: Int

  init(_ text: String = "") {
    characters = Array(text)
    cursor = characters.count
  }

  var text: String { String(characters) }

  /// False where the key is not one for editing.
  mutating func take(_ key: Keyboard.Key) -> Bool {
    switch key {
    case .character(let character):
      characters.insert(character, at: cursor)
      cursor += 1
    case .backspace:
      if cursor > 0 {
        cursor -= 1
        characters.remove(at: cursor)
      }
    case .delete, .control("d"):
      if cursor < characters.count { characters.remove(at: cursor) }
    case .left, .control("b"): cursor = max(0, cursor - 1)
    case .right, .control("f"): cursor = min(characters.count, cursor + 1)
    case .home, .control("a"): cursor = 0
    case .end, .control("e"): cursor = characters.count
    case .control("u"):
      characters.removeFirst(cursor)
      cursor = 0
    case .control("k"): characters.removeLast(characters.count - cursor)
    case .control("w"):
      // The word before the cursor, with the blanks behind it.
      let start = cursor
      while cursor > 0, characters[cursor - 1] == " " { cursor -= 1 }
      while cursor > 0, characters[cursor - 1] != " " { cursor -= 1 }
      characters.removeSubrange(cursor..<start)
    default: return false
    }
    return true
  }

  /// What is to be seen of it in `width` columns, the cursor among it: before it, under it, behind it.
  func visible(width: Int) -> (before: String, under: String, behind: String) {
    let width = max(1, width)
    let start = max(0, cursor - width + 1)
    let under = cursor < characters.count ? String(characters[cursor]) : " "
    let behind = characters.dropFirst(cursor + 1).prefix(max(0, width - (cursor - start) - 1))
    return (String(characters[start..<cursor]), under, String(behind))
  }
}
