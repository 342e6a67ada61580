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
  private var index = Index()

  /// The index of the record before, since the next one's is mostly the same.
  private struct Index {
    var stream: StreamName?
    var day: Int64 = .min
    /// `{"create":{"_index":"martlet-flow-2026.11.21","_id":`
    var action: [UInt8] = []
    /// What is wrong with its name.
    var problem: String?
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
    setIndex(record.stream, time)
    if let problem = index.problem { return problem }
    body += index.action
    JSONBody.append(identifier, to: &body)
    body += "}}\n".utf8
    // A data stream must have `@timestamp`, and Kibana looks for it; ECS has it already.
    let added = hasTime ? nil : time
    JSONBody.append(record.document, time: added, to: &body)
    body.append(UInt8(ascii: "\n"))
    identifiers.append(identifier)
    return nil
  }

  private static let time = EVEPath("@timestamp")

  private mutating func setIndex(_ stream: StreamName, _ time: DocumentTime?) {
    let day = destination.hasDate ? time?.dayNumber ?? 0 : 0
    if index.stream == stream && index.day == day { return }
    let name = destination.name(
      sensor: stream.sensor, type: stream.type, day: destination.hasDate ? time?.day ?? "" : "")
    index = Index(stream: stream, day: day)
    index.problem = IndexPattern.problem(name).map { "its index, \(name), \($0)" }
    index.action += #"{"create":{"_index":"#.utf8
    JSONBody.append(name, to: &index.action)
    index.action += #","_id":"#.utf8
  }
}
