import Foundation
import Sinks

/// A redis-server that speaks TLS alone, with an authority and certificates of its own.
///
/// Its folder holds `ca.crt`, `other-ca.crt` (of nobody), `client.crt` with `client.key`, and the
/// server's.
final class TLSServer: @unchecked Sendable {
  private let folder: TemporaryFolder
  private var processes: [Process] = []
  /// Of the server's certificate.
  static let name = "redis.test"
  private(set) var port = 0

  static func program(_ name: String) -> String? {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin"].map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Says loudly what is not tested where one of the programs is missing.
  static func areInstalled(_ programs: [String], for subject: String) -> Bool {
    let missing = programs.filter { program($0) == nil }
    if !missing.isEmpty {
      say("\(missing.joined(separator: ", ")) not installed: \(subject) IS NOT TESTED")
    }
    return missing.isEmpty
  }

  /// For `.enabled(if:)`: whether Martlet's own TLS can be tested.
  static let canBeReached: Bool = {
    guard RedisTLS.isAvailable else {
      say("this build's hiredis has no TLS: rediss:// IS NOT TESTED")
      return false
    }
    return areInstalled(["redis-server", "openssl"], for: "rediss://")
  }()

  /// A socket's file is there before anybody listens on it.
  static func isListening(_ url: String) -> Bool {
    (try? RedisClient(RedisURL(url), timeoutSeconds: 1)) != nil
  }

  static func say(_ text: String) {
    FileHandle.standardError.write(Data("\n*** \(text) ***\n\n".utf8))
  }

  /// - Parameters:
  ///   - names: of the server's certificate, as `subjectAltName` has them.
  ///   - days: how long it is valid from now on; less than 0: it has ended.
  init(names: String = "DNS:\(name)", days: Int = 2, options: [String] = []) throws {
    folder = try TemporaryFolder()
    for name in ["ca", "other-ca"] {
      try openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key -out \(name).crt -days 2"
          + " -subj /CN=\(name)")
    }
    try makeCertificate("server", names: names, days: days)
    try makeCertificate("client", names: "DNS:sensor", days: 2)
    try launchServer(options)
  }

  deinit {
    for process in processes where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  /// The server itself, without TLS, for looking into it.
  var url: String { "unix:\(file("server"))" }

  func file(_ name: String) -> String { folder.file(name) }

  private func makeCertificate(_ name: String, names: String, days: Int) throws {
    try openssl(
      "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key -out \(name).csr -subj /CN=\(name)"
    )
    try "subjectAltName=\(names)\n".write(toFile: file("names"), atomically: true, encoding: .utf8)
    try openssl(
      "x509 -req -in \(name).csr -CA ca.crt -CAkey ca.key -CAcreateserial -days \(days)"
        + " -out \(name).crt -extfile names")
  }

  private func openssl(_ arguments: String) throws {
    let process = try launch(
      Self.program("openssl") ?? "", arguments.split(separator: " ").map(String.init), log: nil)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw TimedOut(description: "openssl \(arguments) ended with \(process.terminationStatus)")
    }
  }

  /// A free port is guessed, and another where somebody was there before.
  private func launchServer(_ options: [String]) throws {
    for _ in 0..<10 {
      port = Int.random(in: 20_000..<30_000)
      let process = try launch(
        Self.program("redis-server") ?? "",
        [
          "--port", "0", "--tls-port", "\(port)", "--unixsocket", file("server"),
          "--tls-cert-file", "server.crt", "--tls-key-file", "server.key",
          "--tls-ca-cert-file", "ca.crt", "--save", "",
        ] + options, log: "redis.log")
      try until("redis-server is there") {
        Self.isListening(url) || !process.isRunning
      }
      if process.isRunning { return }
    }
    throw TimedOut(description: "redis-server found no port in ten attempts")
  }

  /// In the folder, until the server goes.
  func launch(_ program: String, _ arguments: [String], log: String?) throws -> Process {
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
