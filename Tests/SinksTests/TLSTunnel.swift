import Foundation

/// Certificates, a redis-server that speaks TLS alone, and a stunnel before it: what docs/redis.md
/// describes, on one machine.
final class TLSTunnel: @unchecked Sendable {
  static let stunnel = program("stunnel4") ?? program("stunnel")

  /// For `.enabled(if:)`: says loudly what is not tested.
  static let isInstalled: Bool = {
    let missing = [
      ("redis-server", program("redis-server")), ("stunnel4", stunnel),
      ("openssl", program("openssl")),
    ].filter { $0.1 == nil }.map { $0.0 }
    if !missing.isEmpty {
      FileHandle.standardError.write(
        Data(
          """

          *** \(missing.joined(separator: ", ")) not installed: PUBLISHING OVER TLS IS NOT TESTED ***


          """.utf8))
    }
    return missing.isEmpty
  }()

  private static func program(_ name: String) -> String? {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin"].map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  private let folder: TemporaryFolder
  private var processes: [Process] = []
  /// Of the server's certificate.
  static let serverName = "redis.test"

  /// - Parameter expectedName: what the tunnel wants to find in the server's certificate.
  init(expectedName: String = serverName) throws {
    folder = try TemporaryFolder()
    try makeCertificates()
    let port = try launchServer()
    try launchTunnel(to: port, expectedName)
  }

  deinit {
    for process in processes where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  /// The tunnel's near end.
  var url: String { "unix:\(folder.file("near"))" }
  /// The server itself, without TLS, for looking into it.
  var serverURL: String { "unix:\(folder.file("server"))" }

  /// What stunnel has said, which is where a certificate that does not match shows.
  var tunnelLog: String {
    (try? String(contentsOfFile: folder.file("stunnel.log"), encoding: .utf8)) ?? ""
  }

  private func makeCertificates() throws {
    try openssl(
      "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca")
    for (name, subject) in [("server", Self.serverName), ("client", "sensor")] {
      try openssl(
        "req -newkey rsa:2048 -nodes -keyout \(name).key -out \(name).csr -subj /CN=\(subject)")
      try "subjectAltName=DNS:\(subject)\n"
        .write(toFile: folder.file("names"), atomically: true, encoding: .utf8)
      try openssl(
        "x509 -req -in \(name).csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out \(name).crt"
          + " -extfile names")
    }
  }

  private func openssl(_ arguments: String) throws {
    let process = try launch(
      Self.program("openssl") ?? "", arguments.split(separator: " ").map(String.init), log: nil)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw TimedOut(description: "openssl \(arguments) ended with \(process.terminationStatus)")
    }
  }

  /// Returns its TLS port. A free one is guessed, and another where somebody was there before.
  private func launchServer() throws -> Int {
    for _ in 0..<10 {
      let port = Int.random(in: 20_000..<30_000)
      let process = try launch(
        Self.program("redis-server") ?? "",
        [
          "--port", "0", "--tls-port", "\(port)", "--unixsocket", folder.file("server"),
          "--tls-cert-file", "server.crt", "--tls-key-file", "server.key",
          "--tls-ca-cert-file", "ca.crt", "--save", "",
        ], log: "redis.log")
      try until("redis-server is there") {
        FileManager.default.fileExists(atPath: folder.file("server")) || !process.isRunning
      }
      if process.isRunning { return port }
    }
    throw TimedOut(description: "redis-server found no port in ten attempts")
  }

  private func launchTunnel(to port: Int, _ expectedName: String) throws {
    let settings = """
      foreground = yes
      pid =
      syslog = no
      [redis]
      client = yes
      accept = \(folder.file("near"))
      connect = 127.0.0.1:\(port)
      CAfile = ca.crt
      verifyChain = yes
      checkHost = \(expectedName)
      cert = client.crt
      key = client.key

      """
    try settings.write(toFile: folder.file("stunnel.conf"), atomically: true, encoding: .utf8)
    let process = try launch(Self.stunnel ?? "", ["stunnel.conf"], log: "stunnel.log")
    try until("stunnel is there") {
      FileManager.default.fileExists(atPath: folder.file("near")) || !process.isRunning
    }
  }

  private func launch(_ program: String, _ arguments: [String], log: String?) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let path = log.map { folder.file($0) } ?? "/dev/null"
    if log != nil { try Data().write(to: URL(fileURLWithPath: path)) }
    let output = FileHandle(forWritingAtPath: path)
    process.standardOutput = output
    process.standardError = output
    try process.run()
    processes.append(process)
    return process
  }
}
