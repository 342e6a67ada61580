/// The body of a request to `/services/collector/event`: an object for each record, one after the
/// other, and not an array.
struct CollectorEvents {
  let settings: SplunkSettings

  func body(_ batch: [ForwardRecord], _ part: [Int]) -> [UInt8] {
    var body: [UInt8] = []
    var stream: StreamName?
    var head: [UInt8] = []
    for index in part {
      let record = batch[index]
      if stream != record.stream {
        stream = record.stream
        head = self.head(record.stream)
      }
      // Splunk takes no exponent in a time (code 15).
      body += #"{"time":"#.utf8
      DocumentTime(of: record).appendEpoch(to: &body)
      body += head
      JSONBody.append(record.identifier, to: &body)
      body += #"},"event":"#.utf8
      JSONBody.append(record.document, time: nil, to: &body)
      body += "}\n".utf8
    }
    return body
  }

  /// What all records of a stream have: from after the time to before the ID.
  private func head(_ stream: StreamName) -> [UInt8] {
    var head = Array(#","host":"#.utf8)
    JSONBody.append(settings.host ?? stream.sensor, to: &head)
    head += #","source":"#.utf8
    JSONBody.append(stream.key, to: &head)
    head += #","sourcetype":"#.utf8
    JSONBody.append(Self.sourceType(settings.sourceType, stream.type), to: &head)
    if let index = settings.index {
      head += #","index":"#.utf8
      JSONBody.append(index, to: &head)
    }
    head += #","fields":{"martlet_id":"#.utf8
    return head
  }

  private static func sourceType(_ pattern: String, _ type: String) -> String {
    guard let open = pattern.firstIndex(of: "{") else { return pattern }
    let rest = pattern[open...]
    return rest.hasPrefix("{type}") ? pattern[..<open] + type + rest.dropFirst(6) : pattern
  }
}
