import Sinks

@testable import Forwarding

enum ForwardSamples {
  static func record(_ json: String, entry: UInt64 = 5) throws -> ForwardRecord {
    ForwardRecord(
      stream: StreamName(sensor: "edge1", type: "flow"),
      entry: StreamID(milliseconds: 1_763_760_000_000, sequence: entry),
      document: try EVEDocument(Array(json.utf8)))
  }
}
