internal import Records

/// How a column of an event log is made from a record's fields.
struct ZeekEventColumn: Sendable {
  enum Form: Sendable {
    /// By the field's own kind.
    case asIs
    case lowercase
    /// A number by its name, text as it is.
    case named(@Sendable (UInt64) -> String)
    /// A list, also of a single value.
    case list
    /// An envelope's address without its angle brackets; also a list of such.
    case mailbox
    /// Of a list the first.
    case first
  }

  let head: ZeekColumnHead
  /// Where a field is shown in EVE under another name.
  var names: [String] = []
  var form = Form.asIs
  /// What is written where the record has no such field.
  var absent = "-"

  init(
    _ name: String, _ type: String, _ names: [String] = [], _ form: Form = .asIs,
    absent: String = "-"
  ) {
    head = ZeekColumnHead(name, type)
    self.names = names
    self.form = form
    self.absent = absent
  }
}

/// The columns that every log of a connection's begins with, and those that fields make.
struct ZeekEventColumns: Sendable {
  private let columns: [ZeekEventColumn]
  /// For each column its fields, the first that a record has is taken.
  private let fields: [[EventField]]
  private let time: [EventField]
  private let skip: EventField?
  /// Objects whose members count as the record's own.
  private let objects: [EventField]

  static let connection: [ZeekColumnHead] = [
    ZeekColumnHead("ts", "time"), ZeekColumnHead("uid", "string"),
    ZeekColumnHead("id.orig_h", "addr"), ZeekColumnHead("id.orig_p", "port"),
    ZeekColumnHead("id.resp_h", "addr"), ZeekColumnHead("id.resp_p", "port"),
  ]

  /// A column takes `zeek_NAME`, then a hidden field of its own name, then those it lists; all of them stand
  /// in the record itself, or in one of `objects`.
  init(
    _ columns: [ZeekEventColumn], _ type: EventType, _ schema: EventSchema,
    in objects: [String] = []
  ) {
    self.columns = columns
    self.objects = objects.compactMap { schema.field(type, $0) }
    let definitions = schema.group(of: type)?.fields ?? []
    func hidden(_ name: String) -> [EventField] {
      definitions.filter { "\($0.name)" == "zeek_\(name)" }.map(\.field)
        + definitions.filter { $0.isHidden && "\($0.name)" == name }.map(\.field)
    }
    fields = columns.map { column in
      hidden(column.head.name)
        + column.names.flatMap { name in
          definitions.filter { "\($0.name)" == name }.map(\.field)
        }
    }
    time = hidden("ts") + hidden("start")
    skip = hidden("skip").first
  }

  /// Whether a record is no line of Zeek's.
  func isSkipped(_ tree: EventTree) -> Bool { tree.boolean(skip) ?? false }

  /// When what the record tells of began.
  func began(_ record: EventRecord, _ tree: EventTree) -> Int64 {
    time.lazy.compactMap { tree.time($0) }.first ?? record.head.time
  }

  func writeConnection(_ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines) {
    line.next()
    line.time(began(record, tree))
    line.next()
    line.uid(record.head)
    line.endpoints(record.head)
  }

  /// Where a column's field stands in the tree.
  func find(_ column: Int, _ tree: EventTree) -> Int? {
    for field in fields[column] {
      if let place = tree.find(field) { return place }
      for object in objects {
        guard let object = tree.find(object) else { continue }
        if let place = tree.find(field, in: object) { return place }
      }
    }
    return nil
  }

  func number(of name: String) -> Int? { columns.firstIndex { $0.head.name == name } }

  /// All columns; `other` may write one itself and says so.
  func write(
    _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines,
    other: (Int, inout ZeekLines) -> Bool = { _, _ in false }
  ) {
    for number in columns.indices {
      line.next()
      if other(number, &line) { continue }
      if let place = find(number, tree) {
        let form = columns[number].form
        write(tree, place, form, to: &line)
      } else {
        line.plain(columns[number].absent)
      }
    }
  }

  private func write(
    _ tree: EventTree, _ place: Int, _ form: ZeekEventColumn.Form, to line: inout ZeekLines
  ) {
    switch tree.nodes[place].value {
    case .array, .object:
      if case .first = form {
        var first: Int?
        tree.forEachChild(of: place) { first = first ?? $0 }
        guard let first else { return line.unset() }
        scalar(tree.nodes[first].value, .asIs, false, to: &line)
      } else {
        list(tree, place, form, to: &line)
      }
    default:
      var isList = false
      if case .list = form { isList = true }
      scalar(tree.nodes[place].value, form, isList, to: &line)
    }
  }

  private func list(
    _ tree: EventTree, _ place: Int, _ form: ZeekEventColumn.Form, to line: inout ZeekLines
  ) {
    var isFirst = true
    tree.forEachChild(of: place) { child in
      if !isFirst { line.plain(",") }
      isFirst = false
      scalar(tree.nodes[child].value, form, true, to: &line)
    }
    if isFirst { line.plain("(empty)") }
  }

  private func scalar(
    _ value: EventReader.Value, _ form: ZeekEventColumn.Form, _ inList: Bool,
    to line: inout ZeekLines
  ) {
    switch value {
    case .string(let text):
      switch form {
      case .lowercase: line.string(text, inList: inList, lowercase: true)
      case .mailbox: line.string(Self.bare(text), inList: inList)
      default: line.string(text, inList: inList)
      }
    case .unsigned, .signed:
      let value = value.count ?? 0
      if case .named(let name) = form {
        line.plain(name(value))
      } else {
        line.count(value)
      }
    case .hex(let bytes, let colons): line.hex(bytes, colons: colons)
    case .boolean(let value): line.boolean(value)
    case .time(let value): line.time(value)
    case .seconds(let value): line.interval(value)
    case .address(let address, _): line.address(address)
    case .dateTime(let seconds): line.time(seconds.multipliedReportingOverflow(by: 1_000_000_000).0)
    case .end, .object, .array: line.unset()
    }
  }

  private static func bare(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard text.count >= 2, text.first == UInt8(ascii: "<"), text.last == UInt8(ascii: ">") else {
      return text
    }
    return UnsafeRawBufferPointer(rebasing: text[1..<text.count - 1])
  }
}

/// A log with a line for each record, whose columns are fields of it.
protocol ZeekTableLog: EventLog {
  static var ownColumns: [ZeekEventColumn] { get }
  /// Records that EVE shows are no lines; hidden ones are made for this log.
  static var takesHiddenOnly: Bool { get }
  var table: ZeekEventColumns { get }
  /// Writes a column itself, where it is more than a field.
  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool
}

extension ZeekTableLog {
  static var takesHiddenOnly: Bool { false }

  package static var columns: [ZeekColumnHead] {
    ZeekEventColumns.connection + ownColumns.map(\.head)
  }

  func write(
    column: Int, _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) -> Bool { false }

  package mutating func take(
    _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) {
    if Self.takesHiddenOnly && !record.isHidden { return }
    if table.isSkipped(tree) { return }
    table.writeConnection(record, tree, to: &line)
    table.write(record, tree, to: &line) { column, line in
      write(column: column, record, tree, to: &line)
    }
    line.end()
  }
}
