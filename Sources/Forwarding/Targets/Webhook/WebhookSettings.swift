/// Where batches are posted to, and in which form.
package struct WebhookSettings: Sendable {
  package enum Format: String, Sendable, CaseIterable {
    /// A JSON array of records.
    case json
    /// A record a line.
    case ndjson

    var contentType: String { self == .json ? "application/json" : "application/x-ndjson" }
  }

  package var http: HTTPSettings
  package var format = Format.json
  /// What bodies are signed with; nil for no signature.
  package var secret: Secret?
  package var headers: [(name: String, value: String)] = []
  /// Of records' JSON in one request.
  package var requestBytes = 1 << 20
  package var requestRecords = 1000

  package init(http: HTTPSettings) { self.http = http }
}
