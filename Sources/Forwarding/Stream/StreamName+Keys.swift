/// The keys of a sensor in Redis. The braces are a hash tag, so that all of a sensor's keys are on one
/// node of a cluster, and a transaction may touch several of them.
extension StreamName {
  /// Reads `martlet:{edge1}:flow`; nil for any other key.
  package init?(key: String) {
    guard key.hasPrefix("martlet:{"), let close = key.range(of: "}:") else { return nil }
    let start = key.index(key.startIndex, offsetBy: "martlet:{".count)
    guard start < close.lowerBound, close.upperBound < key.endIndex else { return nil }
    self.init(
      sensor: String(key[start..<close.lowerBound]), type: String(key[close.upperBound...]))
  }

  /// Where entries go that could not be delivered.
  package static func deadLetters(sensor: String) -> StreamName {
    StreamName(sensor: sensor, type: "dead")
  }

  /// Where dead letters wait that are to be delivered after all; of one group, because the others have
  /// theirs already.
  package static func replay(sensor: String, group: String) -> StreamName {
    StreamName(sensor: sensor, type: "replay:\(group)")
  }

  package var isDeadLetters: Bool { type == "dead" }
  package var isReplay: Bool { type.hasPrefix("replay:") }
}

extension String {
  /// Where another string first stands, without Foundation.
  fileprivate func range(of part: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(part) {
        return start..<index(start, offsetBy: part.count)
      }
      formIndex(after: &start)
    }
    return nil
  }
}
