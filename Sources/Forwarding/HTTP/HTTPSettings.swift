/// What is wrong with a target's settings, and what would be right.
package struct TargetSettingsError: Error, Sendable, Equatable, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// How to speak HTTP with a target. The server's certificate is always verified: there is no setting
/// that turns it off.
package struct HTTPSettings: Sendable {
  package var url: HTTPURL
  /// PEM file with the certificates of the authorities to trust, in place of the system's.
  package var authorityFile: String?
  /// PEM files of the certificate and key that this side shows; both or neither.
  package var certificateFile: String?
  package var keyFile: String?
  /// `http://proxy:3128`; the environment's proxies are not used.
  package var proxy: String?
  /// Bodies are sent with `Content-Encoding: gzip`.
  package var compressesBodies = false
  package var connectTimeoutSeconds = 10.0
  /// For a whole request and its answer.
  package var requestTimeoutSeconds = 60.0
  /// A longer answer is a fault.
  package var maximumAnswerBytes = 64 << 20

  package init(url: HTTPURL) { self.url = url }

  /// Checks what can be checked without a connection.
  package func check() throws(TargetSettingsError) {
    if (certificateFile == nil) != (keyFile == nil) {
      throw TargetSettingsError("a client certificate needs its key, and a key its certificate")
    }
    let files = [
      ("the authorities' file", authorityFile), ("the client certificate", certificateFile),
      ("the client key", keyFile),
    ]
    for case (let what, let path?) in files {
      if let problem = SmallFile.problem(path) {
        throw TargetSettingsError("\(what) \(path): \(problem)")
      }
    }
    if let proxy {
      let address = try HTTPURL(proxy, of: "the proxy")
      if address.path != "" { throw TargetSettingsError("the proxy \(proxy) must have no path") }
    }
    if !(requestTimeoutSeconds >= 0.1 && requestTimeoutSeconds <= 3600) {
      throw TargetSettingsError("a request's timeout is between 0.1 and 3600 seconds")
    }
  }
}
