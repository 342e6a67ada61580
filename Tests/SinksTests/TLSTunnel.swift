import Foundation

/// A redis-server that speaks TLS alone, and a stunnel before it: what docs/redis.md describes, on one
/// machine.
final class TLSTunnel: @unchecked Sendable {
  static let stunnel = TLSServer.program("stunnel4") == nil ? "stunnel" : "stunnel4"

  /// For `.enabled(if:)`.
  static let isInstalled = TLSServer.areInstalled(
    ["redis-server", stunnel, "openssl"], for: "PUBLISHING THROUGH A TUNNEL")

  private let server: TLSServer

  /// - Parameter expectedName: what the tunnel wants to find in the server's certificate.
  init(expectedName: String = TLSServer.name) throws {
    server = try TLSServer()
    try launchTunnel(expectedName)
  }

  /// The tunnel's near end.
  var url: String { "unix:\(server.file("near"))" }
  /// The server itself, without TLS, for looking into it.
  var serverURL: String { server.url }

  /// What stunnel has said, which is where a certificate that does not match shows.
  var tunnelLog: String {
    (try? String(contentsOfFile: server.file("stunnel.log"), encoding: .utf8)) ?? ""
  }

  private func launchTunnel(_ expectedName: String) throws {
    let settings = """
      foreground = yes
      pid =
      syslog = no
      [redis]
      client = yes
      accept = \(server.file("near"))
      connect = 127.0.0.1:\(server.port)
      CAfile = ca.crt
      verifyChain = yes
      checkHost = \(expectedName)
      cert = client.crt
      key = client.key

      """
    try settings.write(toFile: server.file("stunnel.conf"), atomically: true, encoding: .utf8)
    let process = try server.launch(
      TLSServer.program(Self.stunnel) ?? "", ["stunnel.conf"], log: "stunnel.log")
    try until("stunnel is there") {
      TLSServer.isListening(url) || !process.isRunning
    }
  }
}
