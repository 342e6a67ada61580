internal import FlowEngine

/// A record that is not complete yet: its tokens in a block of the pool. Part of a dissector's state; all
/// zeros is an empty one. Whoever has one that is not empty must emit it or drop it before the state
/// goes: ``Delivery/emit(_:_:_:)``, ``Delivery/drop(_:)``.
struct EventDraft: BitwiseCopyable {
  var block: UInt32 = 0
  var count: UInt32 = 0
  var size: UInt8 = 0
  /// Something did not fit.
  var isTruncated = false

  var isEmpty: Bool { count == 0 }
}
