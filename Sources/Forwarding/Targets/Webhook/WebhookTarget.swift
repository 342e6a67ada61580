internal import Glibc

/// Batches of records as HTTP POST requests to any server; 2xx says that it has them.
package final class WebhookTarget: ForwardTarget {
  package let name = "webhook"
  package let settings: WebhookSettings
  private let client: HTTPClient
  private var sender: BatchSender

  package init(_ settings: WebhookSettings) throws(TargetSettingsError) {
    self.settings = settings
    client = try HTTPClient(settings.http)
    sender = BatchSender(
      maximumBytes: settings.requestBytes, maximumRecords: settings.requestRecords)
  }

  package var destination: String { "\(settings.http.url)" }

  package var limits: BatchLimits {
    BatchLimits(records: settings.requestRecords, bytes: settings.requestBytes)
  }

  /// Nothing is asked: a server need not answer anything but POST.
  package func open() throws(TargetFault) {}

  package func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    try sender.deliver(batch) { (batch, part) throws(TargetFault) in
      let answer = try client.send(request(batch, part), interruption: interruption)
      switch HTTPVerdict(answer, credentials: "give what it asks for with --header-file") {
      case .accepted: return .outcomes(Array(repeating: .delivered, count: part.count))
      case .tooLarge(let reason): return .tooLarge(reason)
      case .invalid(let reason): return .invalid(reason)
      case .fault(let fault): throw fault
      }
    }
  }

  package func close() {}

  private func request(_ batch: [ForwardRecord], _ part: [Int]) -> HTTPRequest {
    let isArray = settings.format == .json
    var body: [UInt8] = isArray ? [UInt8(ascii: "[")] : []
    var identifiers: [UInt8] = []
    for (place, index) in part.enumerated() {
      let identifier = batch[index].identifier
      if isArray && place > 0 { body.append(UInt8(ascii: ",")) }
      JSONBody.append(batch[index].document, adding: "martlet_id", identifier, to: &body)
      if !isArray { body.append(UInt8(ascii: "\n")) }
      identifiers += identifier.utf8
      identifiers.append(UInt8(ascii: "\n"))
    }
    if isArray { body.append(UInt8(ascii: "]")) }
    var request = HTTPRequest(
      .post, settings.http.url.endsWithSlash ? "/" : "",
      headers: settings.headers + [
        ("Content-Type", settings.format.contentType),
        // The same for the same records, however often they are sent.
        ("Martlet-Batch", String(WebhookSignature.digest(identifiers).prefix(32))),
        ("Martlet-Records", String(part.count)),
      ], body: body)
    if let secret = settings.secret {
      request.signature = { body in
        let value = WebhookSignature.value(body, secret: secret, unixSeconds: time(nil))
        return (WebhookSignature.header, value)
      }
    }
    return request
  }
}
