import Foundation

/// An authority of the test's own, a receiver's certificate for `localhost`, and a client's.
struct WireCertificates {
  let directory: String

  static let isInstalled = WireProgram.isInstalled("openssl", tests: "SYSLOG OVER TLS IS")

  init(directory: String) throws {
    self.directory = directory
    try authority("ca")
    try authority("other-ca")
    try certificate("server", subjectAlternativeName: "DNS:localhost")
    try certificate("client", subjectAlternativeName: "DNS:forwarder")
    try WireProgram.run(
      "openssl",
      [
        "pkey", "-in", path("client.key"), "-aes256", "-passout", "pass:feathers",
        "-out", path("client.encrypted.key"),
      ])
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  private func authority(_ name: String) throws {
    try WireProgram.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", path("\(name).key"), "-out", path("\(name).pem"), "-days", "3650",
        "-subj", "/CN=\(name)",
      ])
  }

  private func certificate(_ name: String, subjectAlternativeName: String) throws {
    try WireProgram.run(
      "openssl",
      [
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", path("\(name).key"), "-out", path("\(name).csr"), "-subj", "/CN=\(name)",
      ])
    let extensions = path("\(name).ext")
    try "subjectAltName=\(subjectAlternativeName)\n"
      .write(toFile: extensions, atomically: true, encoding: .utf8)
    try WireProgram.run(
      "openssl",
      [
        "x509", "-req", "-in", path("\(name).csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
        "-CAcreateserial", "-days", "3650", "-extfile", extensions, "-out", path("\(name).pem"),
      ])
  }
}
