/// What a flow export has done since it began.
package struct FlowExportCounters: Sendable, Equatable {
  /// Messages sent, and their bytes.
  package var messages: UInt64 = 0
  package var messageBytes: UInt64 = 0
  /// Data records of flows sent: up to two a flow.
  package var dataRecords: UInt64 = 0
  /// Templates sent, again and again.
  package var templates: UInt64 = 0
  /// EVE records that told of nothing new: no packet, or none that had not been exported.
  package var nothingNew: UInt64 = 0
  /// `flow` records that were exported whole while updates are exported, since nothing was
  /// remembered of the flow: right where there was no update, else counted twice.
  package var notRemembered: UInt64 = 0
  /// Values that did not fit their element and were cut to what does.
  package var clamped: UInt64 = 0
  /// Flows that began before the exporter's uptime (NetFlow v9): their times are absolute.
  package var absoluteTimes: UInt64 = 0
  /// TCP connections made.
  package var connections: UInt64 = 0
}
