/// What records say beside the flow itself, the same for all records of a run.
package struct RecordContext: Sendable {
  /// EVE's `sensor`; by configuration it matches `[A-Za-z0-9._-]+`, anything is survived here.
  package var sensorName: String
  /// When the engine started, nanoseconds since 1970.
  package var startEpochNanoseconds: Int64
  /// EVE's `in_iface` of each port, by ``FlowCold/portIndex``; ports beyond it have none.
  package var portNames: [String]
  /// Whether `start_epoch`, `worker` and `seq` are written: not by `martlet read`, whose output
  /// must not depend on how many workers there were.
  package var includesSequence: Bool
  /// Community ID's seed.
  package var communityIDSeed: UInt16
  /// What filter rules call the flows they tag.
  package var tags = TagNames()
  /// What protocol records consist of.
  package var events = EventSchema.none

  package init(
    sensorName: String, startEpochNanoseconds: Int64, portNames: [String],
    includesSequence: Bool = true, communityIDSeed: UInt16 = 0
  ) {
    self.sensorName = sensorName
    self.startEpochNanoseconds = startEpochNanoseconds
    self.portNames = portNames
    self.includesSequence = includesSequence
    self.communityIDSeed = communityIDSeed
  }

  /// `start_epoch` as records have it, in microseconds: nanoseconds would be beyond 2^53.
  var startEpochMicroseconds: UInt64 { UInt64(max(startEpochNanoseconds, 0)) / 1000 }
}
