internal import Sinks

/// The body of a request to `/services/collector/event`: an object for each record, one after the
/// other, and not an array.
struct CollectorEvents {
  let settings: SplunkSettings

  func body(_ batch: [ForwardRecord], _ part: [Int]) -> [UInt8] {
    var body: [UInt8] = []
    for index in part { append(batch[index], to: &body) }
    return body
  }

  private func append(_ record: ForwardRecord, to body: inout [UInt8]) {
    let sensor = record.stream.sensor
    let type = record.stream.type
    // Splunk takes no exponent in a time (code 15).
    body += #"{"time":\#(DocumentTime(of: record).epoch),"host":"#.utf8
    JSONBody.append(settings.host ?? sensor, to: &body)
    body += #","source":"#.utf8
    JSONBody.append(record.stream.key, to: &body)
    body += #","sourcetype":"#.utf8
    JSONBody.append(Self.sourceType(settings.sourceType, type), to: &body)
    if let index = settings.index {
      body += #","index":"#.utf8
      JSONBody.append(index, to: &body)
    }
    body += #","fields":{"martlet_id":"#.utf8
    JSONBody.append(record.identifier, to: &body)
    body += #"},"event":"#.utf8
    JSONBody.append(record.document, to: &body)
    body += "}\n".utf8
  }

  private static func sourceType(_ pattern: String, _ type: String) -> String {
    guard let open = pattern.firstIndex(of: "{") else { return pattern }
    let rest = pattern[open...]
    return rest.hasPrefix("{type}") ? pattern[..<open] + type + rest.dropFirst(6) : pattern
  }
}
