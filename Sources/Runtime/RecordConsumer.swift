package import FlowEngine
package import Records

/// Somebody who wants records as they are and not as bytes; called on the publisher's thread alone.
package protocol RecordConsumer: AnyObject, Sendable {
  /// One record, valid during the call.
  func take(_ record: UnsafePointer<FlowRecord>)
  /// One record that the filter leaves out.
  func leaveOut(_ record: UnsafePointer<FlowRecord>)
  /// One protocol record, valid during the call.
  func take(_ event: EventRecord)
  /// Nothing more waits just now: what is buffered may go on its way.
  func pause()
  /// Records that waited for their flow's end could not be kept (errno): there is no use in going on.
  func failed(_ code: Int32)
}

extension RecordConsumer {
  package func leaveOut(_ record: UnsafePointer<FlowRecord>) {}
  package func failed(_ code: Int32) {}
}

/// Which records there are at all. Protocol records wait for the end of their flow, whose record says
/// whether they are wanted.
package struct RecordFilter: Sendable {
  package let matches: @Sendable (UnsafePointer<FlowRecord>) -> Bool

  package init(_ matches: @escaping @Sendable (UnsafePointer<FlowRecord>) -> Bool) {
    self.matches = matches
  }
}
