package import Sinks

/// Which stream a record was read from: `martlet:{edge1}:flow` is sensor `edge1`, type `flow`.
package struct StreamName: Hashable, Sendable, CustomStringConvertible {
  package var sensor: String
  /// EVE's `event_type`; any, since newer sensors may have more than this program knows.
  package var type: String

  package init(sensor: String, type: String) {
    self.sensor = sensor
    self.type = type
  }

  /// The stream's key in Redis.
  package var key: String { "martlet:{\(sensor)}:\(type)" }
  package var description: String { key }
}

/// A record on its way from a stream to a target.
package struct ForwardRecord: Sendable {
  package var stream: StreamName
  /// The entry's ID in its stream.
  package var entry: StreamID
  /// What is to be delivered: EVE as the sensor wrote it, or what enrichment, chosen fields and
  /// schema have made of it.
  package var document: EVEDocument

  package init(stream: StreamName, entry: StreamID, document: EVEDocument) {
    self.stream = stream
    self.entry = entry
    self.document = document
  }

  /// The same however often the record is delivered, and no other's: `edge1-flow-1763760000000-5`.
  package var identifier: String { "\(stream.sensor)-\(stream.type)-\(entry)" }
}
