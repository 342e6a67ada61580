/// Where in Splunk records go, and how.
package struct SplunkSettings: Sendable {
  package var http: HTTPSettings
  package var token: Secret
  /// Nil for the token's own.
  package var index: String?
  /// `{type}` stands for EVE's event type.
  package var sourceType = "martlet:{type}"
  /// Nil for the sensor's name.
  package var host: String?
  /// Waits until the indexers have what was sent; the token must have acknowledgement switched on.
  package var waitsForAcknowledgement = false
  package var acknowledgementTimeoutSeconds = 120.0
  /// Of records' JSON in one request; Splunk's advice is 1 MB.
  package var requestBytes = 1 << 20
  package var requestRecords = 2000

  package init(http: HTTPSettings, token: Secret) {
    self.http = http
    self.token = token
  }
}
