import Foundation

/// An authority of the tests' own and what it has signed, made by the `openssl` command.
final class TestCertificates {
  let directory: String

  static let isInstalled: Bool = {
    let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")
    if !isThere {
      FileHandle.standardError.write(
        Data("\n*** openssl is not installed: TLS TO TARGETS IS NOT TESTED ***\n\n".utf8))
    }
    return isThere
  }()

  init() throws {
    directory = "/tmp/mrtl-tls-\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try selfSigned("authority")
    try selfSigned("stranger")
    try signed("server", names: "DNS:localhost,IP:127.0.0.1", days: 2)
    try signed("elsewhere", names: "DNS:elsewhere.example", days: 2)
    try signed("expired", names: "DNS:localhost,IP:127.0.0.1", days: -1)
    try signed("client", names: "DNS:client", days: 2)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func certificate(_ name: String) -> String { "\(directory)/\(name).pem" }
  func key(_ name: String) -> String { "\(directory)/\(name).key" }

  /// A receiver's options.
  func options(_ name: String) -> [String] {
    ["--certificate", certificate(name), "--key", key(name)]
  }

  private static let newKey = [
    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
  ]

  private func selfSigned(_ name: String) throws {
    try run(
      ["req", "-x509"] + Self.newKey + [
        "-keyout", key(name), "-out", certificate(name), "-subj", "/CN=\(name)", "-days", "2",
      ])
  }

  private func signed(_ name: String, names: String, days: Int) throws {
    let request = "\(directory)/\(name).csr"
    try run(
      ["req"] + Self.newKey + [
        "-keyout", key(name), "-out", request, "-subj", "/CN=\(name)", "-addext",
        "subjectAltName=\(names)",
      ])
    try run([
      "x509", "-req", "-in", request, "-CA", certificate("authority"), "-CAkey", key("authority"),
      "-CAcreateserial", "-copy_extensions", "copy", "-out", certificate(name), "-days", "\(days)",
    ])
  }

  private func run(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus != 0 { throw ReceiverError("openssl \(arguments[0]) failed") }
  }
}
