/// Who this side is to a cluster.
package enum ElasticsearchLogin: Sendable {
  case user(String, Secret)
  /// The encoded form, as Elasticsearch gives it (Base64 of `id:key`).
  case apiKey(Secret)
}

/// Where in a cluster records go, and how.
package struct ElasticsearchSettings: Sendable {
  package var http: HTTPSettings
  package var login: ElasticsearchLogin?
  package var destination: IndexPattern
  /// File with an index template, which is put into the cluster before the first record.
  package var templateFile: String?
  /// The name of an ingest pipeline of the cluster's.
  package var ingestPipeline: String?
  /// Of records' JSON in one request.
  package var requestBytes = 8 << 20
  package var requestRecords = 5000

  package init(http: HTTPSettings, destination: IndexPattern) {
    self.http = http
    self.destination = destination
  }
}
