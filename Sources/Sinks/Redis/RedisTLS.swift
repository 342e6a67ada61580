internal import CHiredisTLS

/// TLS to Redis: `rediss://`. The server's certificate is always verified, against the url's host.
package struct RedisTLS: Sendable, Equatable {
  /// The certificates of the authorities that may sign the server's, in PEM; nil: the system's.
  package var caFile: String?
  /// This client's own certificate, in PEM with those between it and its authority behind it.
  package var certificateFile: String?
  /// The key to it, in PEM, without a passphrase.
  package var keyFile: String?

  package init(caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil) {
    self.caFile = caFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }

  /// Whether this build's hiredis has TLS, which it has from 1.0 on.
  package static var isAvailable: Bool { chiredis_tls_is_available() != 0 }

  /// What a `rediss://` gets where ``isAvailable`` is false.
  package static let absence =
    "this build's hiredis has no TLS: run Redis's connection through stunnel, see docs/redis.md"
}
