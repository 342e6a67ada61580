package import FlowEngine

/// Somebody who wants records as they are and not as bytes; called on the publisher's thread alone.
package protocol RecordConsumer: AnyObject, Sendable {
  /// One record, valid during the call.
  func take(_ record: UnsafePointer<FlowRecord>)
  /// Nothing more waits just now: what is buffered may go on its way.
  func pause()
}

/// Which records there are at all.
package struct RecordFilter: Sendable {
  package let matches: @Sendable (UnsafePointer<FlowRecord>) -> Bool

  package init(_ matches: @escaping @Sendable (UnsafePointer<FlowRecord>) -> Bool) {
    self.matches = matches
  }
}
