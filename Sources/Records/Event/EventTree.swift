/// A protocol record's tokens as a tree, for what needs to find its fields out of order: it is read once a
/// record, and its memory is used again.
///
/// A node's children stand behind it, up to its `end`. Text lies where the record has it: a tree is good as
/// long as the record's message stays.
package struct EventTree {
  package struct Node {
    package let field: EventField
    package let value: EventReader.Value
    /// Behind the last of what is in it.
    package fileprivate(set) var end: Int
  }

  package private(set) var nodes: [Node] = []
  private var open: [Int] = []

  package init() {}

  package init(_ record: EventRecord) { read(record) }

  package mutating func read(_ record: EventRecord) {
    nodes.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
    var reader = record.makeReader()
    while let (field, value) = reader.next() {
      switch value {
      case .end:
        if let parent = open.popLast() { nodes[parent].end = nodes.count }
      case .object, .array:
        open.append(nodes.count)
        nodes.append(Node(field: field, value: value, end: 0))
      default:
        nodes.append(Node(field: field, value: value, end: nodes.count + 1))
      }
    }
    while let parent = open.popLast() { nodes[parent].end = nodes.count }
  }

  /// The first member of that name of the record itself, or of the object at `parent`.
  package func find(_ field: EventField?, in parent: Int? = nil) -> Int? {
    guard let field else { return nil }
    var found: Int?
    forEachChild(of: parent) { place in
      if found == nil && nodes[place].field == field { found = place }
    }
    return found
  }

  /// Members and elements in their order.
  package func forEachChild(of parent: Int?, _ body: (Int) -> Void) {
    var place = parent.map { $0 + 1 } ?? 0
    let end = parent.map { nodes[$0].end } ?? nodes.count
    while place < end {
      body(place)
      place = nodes[place].end
    }
  }

  package func text(_ field: EventField?, in parent: Int? = nil) -> UnsafeRawBufferPointer? {
    guard let place = find(field, in: parent), case .string(let bytes) = nodes[place].value else {
      return nil
    }
    return bytes
  }

  /// A number that is not negative.
  package func integer(_ field: EventField?, in parent: Int? = nil) -> UInt64? {
    find(field, in: parent).flatMap { nodes[$0].value.count }
  }

  package func boolean(_ field: EventField?, in parent: Int? = nil) -> Bool? {
    guard let place = find(field, in: parent), case .boolean(let value) = nodes[place].value else {
      return nil
    }
    return value
  }

  /// Nanoseconds since 1970.
  package func time(_ field: EventField?) -> Int64? {
    guard let place = find(field), case .time(let value) = nodes[place].value else { return nil }
    return value
  }
}

extension EventReader.Value {
  /// A number that is not negative, whatever kind of integer it was written from.
  package var count: UInt64? {
    switch self {
    case .unsigned(let value): value
    case .signed(let value): value < 0 ? nil : UInt64(value)
    default: nil
    }
  }
}

extension EventSchema {
  /// A field by its event type and its name in EVE (or, where it is hidden, the one it was declared with).
  package func field(_ type: EventType, _ name: String) -> EventField? {
    group(of: type)?.fields.first { "\($0.name)" == name }?.field
  }
}
