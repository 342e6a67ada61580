/// Which fields of a record go on: those that are chosen (`--fields`), or all but some
/// (`--drop-fields`).
///
/// The record keeps EVE's order and nesting. A path that ends at an object or a list means all of
/// it; a list of objects is gone through object by object. Objects of which nothing is left go, too.
/// `timestamp` and `event_type` always stay.
package struct FieldSelection: Sendable {
  /// Paths that begin alike share their beginning.
  struct Tree: Sendable {
    var branches: [(key: JSONKey, tree: Tree)] = []
    /// The path ends here.
    var isEnd = false

    mutating func insert(_ keys: ArraySlice<JSONKey>) {
      guard let key = keys.first else {
        isEnd = true
        return
      }
      let place =
        branches.firstIndex { $0.key == key }
        ?? {
          branches.append((key, Tree()))
          return branches.count - 1
        }()
      branches[place].tree.insert(keys.dropFirst())
    }

    func branch(_ member: JSONElement) -> Tree? {
      branches.first {
        $0.key.hash == member.node.keyHash && member.nameBytes.elementsEqual($0.key.bytes)
      }?
      .tree
    }
  }

  /// What every record keeps.
  static let always = ["timestamp", "event_type"]

  private let tree: Tree
  private let keeps: Bool

  /// - Parameters:
  ///   - paths: of EVE, from ``FieldNames``.
  ///   - keeps: whether the paths are what stays, or what goes.
  init(_ paths: [EVEPath], keeps: Bool) {
    var tree = Tree()
    for path in paths + (keeps ? Self.always.map { EVEPath($0) } : []) {
      tree.insert(path.keys[...])
    }
    self.tree = tree
    self.keeps = keeps
  }

  /// The record with the fields that are to go on.
  func applied(to document: EVEDocument) throws(EVEDocumentError) -> EVEDocument {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(document.bytes.count)
    let root = JSONElement(document, 0)
    if !write(root, tree, to: &bytes) { bytes.append(contentsOf: "{}".utf8) }
    return try EVEDocument(bytes)
  }

  /// Appends what is left of a value; false, and nothing, where nothing is left.
  private func write(_ element: JSONElement, _ tree: Tree, to bytes: inout [UInt8]) -> Bool {
    if tree.isEnd {
      if keeps { bytes.append(contentsOf: element.bytes) }
      return keeps
    }
    switch element.kind {
    case .object, .array:
      return writeContainer(element, tree, to: &bytes)
    default:
      // A path goes on below a value that has nothing below it.
      if !keeps { bytes.append(contentsOf: element.bytes) }
      return !keeps
    }
  }

  private func writeContainer(_ container: JSONElement, _ tree: Tree, to bytes: inout [UInt8])
    -> Bool
  {
    let isObject = container.kind == .object
    let start = bytes.count
    bytes.append(UInt8(ascii: isObject ? "{" : "["))
    var isEmpty = true
    var hadAny = false
    for child in container.children {
      hadAny = true
      let before = bytes.count
      if !isEmpty { bytes.append(UInt8(ascii: ",")) }
      if isObject { child.appendRawName(to: &bytes) }
      let isLeft: Bool
      if let below = isObject ? tree.branch(child) : tree {
        isLeft = write(child, below, to: &bytes)
      } else {
        if !keeps { bytes.append(contentsOf: child.bytes) }
        isLeft = !keeps
      }
      if isLeft { isEmpty = false } else { bytes.removeSubrange(before...) }
    }
    if isEmpty, hadAny || keeps {
      bytes.removeSubrange(start...)
      return false
    }
    bytes.append(UInt8(ascii: isObject ? "}" : "]"))
    return true
  }
}

extension JSONElement {
  /// Appends `"name":` as it stands in the record.
  func appendRawName(to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    bytes.append(contentsOf: document.bytes[node.keyRange])
    bytes.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
  }
}
