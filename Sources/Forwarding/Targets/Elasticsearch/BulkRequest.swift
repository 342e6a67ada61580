/// The body of a `_bulk` request: for each record a line that says what to do with it, and a line
/// with the record.
///
/// The action is `create`, and the document's ID the record's: where the record is there already,
/// the cluster says so (409), and nothing is doubled.
struct BulkRequest {
  let destination: IndexPattern
  private(set) var body: [UInt8] = []
  /// The documents' IDs in the order of the body.
  private(set) var identifiers: [String] = []
  private var lastName = Name()

  /// The index of the record before, since the next one's is mostly the same.
  private struct Name {
    var stream: StreamName?
    var day = ""
    var text = ""
  }

  /// The longest `_id` that Elasticsearch and OpenSearch take.
  static let maximumIdentifierBytes = 512

  init(destination: IndexPattern) { self.destination = destination }

  /// Appends a record; why it can never be taken, where that can be told beforehand.
  mutating func append(_ record: ForwardRecord) -> String? {
    let identifier = record.identifier
    if identifier.utf8.count > Self.maximumIdentifierBytes {
      return "its ID has more than the \(Self.maximumIdentifierBytes) bytes that an _id may have"
    }
    let hasTime = record.document.value(Self.time) != nil
    let time = hasTime && !destination.hasDate ? nil : DocumentTime(of: record)
    let name = index(record, time)
    if let problem = IndexPattern.problem(name) { return "its index, \(name), \(problem)" }
    body += #"{"create":{"_index":"#.utf8
    JSONBody.append(name, to: &body)
    body += #","_id":"#.utf8
    JSONBody.append(identifier, to: &body)
    body += "}}\n".utf8
    // A data stream must have `@timestamp`, and Kibana looks for it; ECS has it already.
    let added = hasTime ? [] : time.map { [(name: "@timestamp", value: $0.iso)] } ?? []
    JSONBody.append(record.document, adding: added, to: &body)
    body.append(UInt8(ascii: "\n"))
    identifiers.append(identifier)
    return nil
  }

  private static let time = EVEPath("@timestamp")

  private mutating func index(_ record: ForwardRecord, _ time: DocumentTime?) -> String {
    let day = destination.hasDate ? time?.day ?? "" : ""
    if lastName.stream != record.stream || lastName.day != day {
      let stream = record.stream
      lastName = Name(
        stream: stream, day: day,
        text: destination.name(sensor: stream.sensor, type: stream.type, day: day))
    }
    return lastName.text
  }
}
