/// The bytes of one transaction: what is sent up to EXEC, and what Redis answers where all is well.
/// Used again and again, for its memory.
final class RedisTransaction {
  /// MULTI, the lease's renewal, and the XADDs.
  var wire = WireBuffer()
  /// The answers to these, to EXEC, and to the check of the lease behind it.
  var expected = WireBuffer()
  /// How many records it has; they stand at the head of the lane's queue, or behind those of the
  /// transactions before it.
  var count = 0
  unowned var lane: RedisLane

  init(lane: RedisLane) { self.lane = lane }
}
