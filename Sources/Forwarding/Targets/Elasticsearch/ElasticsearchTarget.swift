internal import ControlAPI

/// Records into Elasticsearch (7.9 and newer) or OpenSearch, by their `_bulk` interface.
package final class ElasticsearchTarget: ForwardTarget {
  package let name: String
  package let settings: ElasticsearchSettings
  /// Documents that the cluster had already: records that were delivered again.
  package private(set) var duplicates = 0
  private let client: HTTPClient
  private let headers: [(name: String, value: String)]
  private let template: IndexTemplate?
  private var sender: BatchSender
  private var cluster: ElasticsearchCluster?
  private var isPrepared = false

  package init(
    _ settings: ElasticsearchSettings, name: String = "elasticsearch"
  ) throws(TargetSettingsError) {
    self.name = name
    self.settings = settings
    if case .user(let user, _)? = settings.login, user.isEmpty || user.contains(":") {
      throw TargetSettingsError("a user's name has no colon in it and is not empty")
    }
    let isName = settings.ingestPipeline?.utf8.allSatisfy {
      UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0
        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || "._-".utf8.contains($0)
    }
    if isName == false {
      throw TargetSettingsError("an ingest pipeline's name is of letters, digits and . _ -")
    }
    client = try HTTPClient(settings.http)
    sender = BatchSender(
      maximumBytes: settings.requestBytes, maximumRecords: settings.requestRecords)
    template = try settings.templateFile.map { path throws(TargetSettingsError) in
      try IndexTemplate(path: path, destination: settings.destination)
    }
    headers =
      switch settings.login {
      case .user(let user, let password)?:
        [("Authorization", "Basic \(Base64.text(Array("\(user):".utf8) + password.bytes))")]
      case .apiKey(let key)?: [("Authorization", "ApiKey \(key.text)")]
      case nil: []
      }
  }

  package var destination: String { "\(settings.http.url), \(settings.destination)" }

  package var limits: BatchLimits {
    BatchLimits(records: settings.requestRecords, bytes: settings.requestBytes)
  }

  package func open() throws(TargetFault) { try prepare(Interruption()) }

  package func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    if !isPrepared { try prepare(interruption) }
    return try sender.deliver(batch) { (batch, part) throws(TargetFault) in
      try send(batch, part, interruption)
    }
  }

  package func close() {}

  private static let credentials =
    "give --user with --password-file, or --api-key-file, and let them write to the indices"

  // MARK: - Preparing

  /// Looks who is there, and puts the template in its place; once.
  private func prepare(_ interruption: Interruption) throws(TargetFault) {
    let answer = try client.send(
      HTTPRequest(.get, "/", headers: headers), interruption: interruption)
    // A user that may only write may not ask who is there.
    if answer.status != 403 {
      if case .fault(let fault) = HTTPVerdict(answer, credentials: Self.credentials) { throw fault }
      guard answer.isSuccess, let cluster = ElasticsearchCluster(answer.body) else {
        throw TargetFault(
          "\(settings.http.url) answers, but is neither Elasticsearch nor OpenSearch: "
            + "status \(answer.status), \(answer.excerpt)", isFinal: answer.isSuccess)
      }
      if let problem = cluster.problem { throw TargetFault(problem, isFinal: true) }
      self.cluster = cluster
    }
    if let template { try install(template, interruption) }
    isPrepared = true
  }

  private func install(
    _ template: IndexTemplate, _ interruption: Interruption
  ) throws(TargetFault) {
    let request = HTTPRequest(
      .put, "/_index_template/\(template.name)",
      headers: headers + [("Content-Type", "application/json")], body: template.body)
    let answer = try client.send(request, interruption: interruption)
    switch HTTPVerdict(answer, credentials: Self.credentials) {
    case .accepted: return
    case .fault(let fault):
      throw TargetFault(
        "the index template cannot be installed: \(fault)",
        retryAfterSeconds: fault.retryAfterSeconds)
    case .invalid(let reason), .tooLarge(let reason):
      throw TargetFault("the index template is refused: \(reason)", isFinal: true)
    }
  }

  // MARK: - Sending

  private func send(
    _ batch: [ForwardRecord], _ part: [Int], _ interruption: Interruption
  ) throws(TargetFault) -> PartAnswer {
    var bulk = BulkRequest(destination: settings.destination)
    var problems: [String?] = []
    for index in part { problems.append(bulk.append(batch[index])) }
    if bulk.identifiers.isEmpty {
      return .outcomes(problems.map { .refused($0 ?? "") })
    }
    let request = HTTPRequest(
      .post, path, headers: headers + [("Content-Type", "application/x-ndjson")], body: bulk.body)
    let answer = try client.send(request, interruption: interruption)
    switch HTTPVerdict(answer, credentials: Self.credentials) {
    case .accepted:
      let outcomes = try BulkAnswer.outcomes(
        answer.body, identifiers: bulk.identifiers, duplicates: &duplicates)
      var next = outcomes.makeIterator()
      return .outcomes(
        problems.map { problem in
          if let problem { return .refused(problem) }
          return next.next() ?? .again("not sent")
        })
    case .tooLarge(let reason): return .tooLarge(reason)
    case .invalid(let reason): return .invalid(reason)
    case .fault(let fault): throw fault
    }
  }

  private var path: String {
    var path = "/_bulk?filter_path=\(BulkAnswer.filter)"
    if let pipeline = settings.ingestPipeline { path += "&pipeline=\(pipeline)" }
    if settings.destination.isDataStream && cluster?.knowsRequireDataStream == true {
      path += "&require_data_stream=true"
    }
    return path
  }
}

extension ElasticsearchTarget {
  package var figures: [TargetFigure] {
    [TargetFigure("there already", duplicates)]
  }
}
