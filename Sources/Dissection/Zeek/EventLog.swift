package import Records

/// A log of Zeek's whose lines are made of protocol records.
///
/// A log is ``header(openedNanoseconds:)``, the lines that records give, what ``finish(into:)`` adds, and
/// ``footer(closedNanoseconds:)``. It runs on the publisher's thread, and cares for clarity first.
package protocol EventLog: Sendable {
  /// Records it is made of.
  static var type: EventType { get }
  /// Zeek's name for it: `dns` is written to `dns.log`.
  static var path: String { get }
  static var columns: [ZeekColumnHead] { get }

  init(_ context: RecordContext)

  /// Appends the lines, ends included, that a record completes; `tree` is what the record consists of.
  mutating func take(_ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines)
  /// Appends the lines of what waits for more.
  mutating func finish(to line: inout ZeekLines)
}

extension EventLog {
  package var fileName: String { Self.path + ".log" }

  package func header(openedNanoseconds: Int64) -> [UInt8] {
    ZeekLines.header(path: Self.path, openedNanoseconds: openedNanoseconds, Self.columns)
  }

  package func footer(closedNanoseconds: Int64) -> [UInt8] {
    ZeekLines.footer(closedNanoseconds: closedNanoseconds)
  }

  package mutating func finish(to line: inout ZeekLines) {}
}

/// All logs that protocol records make; each record is a matter of one of them at the most.
package struct EventLogs {
  package private(set) var logs: [any EventLog]
  /// What each log has to be written; whoever writes it clears it.
  package var lines: [ZeekLines]
  /// By the place of an ``EventType``: the log's number.
  private let byType: [Int?]
  private var tree = EventTree()

  private static let types: [any EventLog.Type] = [
    ZeekDNSLog.self, ZeekHTTPLog.self, ZeekSSLLog.self, ZeekQUICLog.self, ZeekDHCPLog.self,
    ZeekSSHLog.self, ZeekSMTPLog.self, ZeekFilesLog.self,
  ]

  package init(_ context: RecordContext) {
    logs = Self.types.map { $0.init(context) }
    lines = Self.types.map { _ in ZeekLines(FlowIdentity(sensorName: context.sensorName)) }
    byType = EventType.allCases.map { type in Self.types.firstIndex { $0.type == type } }
  }

  /// Appends the lines that a record completes; returns the number of the log that it may have added to.
  package mutating func take(_ record: EventRecord) -> Int? {
    guard let number = byType[Int(record.type.place)] else { return nil }
    tree.read(record)
    logs[number].take(record, tree, to: &lines[number])
    return number
  }

  /// Nothing more comes.
  package mutating func finish() {
    for number in logs.indices { logs[number].finish(to: &lines[number]) }
  }
}
