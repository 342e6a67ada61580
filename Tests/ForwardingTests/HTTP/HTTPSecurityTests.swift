import ControlAPI
import Forwarding
import Testing

/// Who is at the other end is always looked at, and what is wrong with them said.
@Suite(.enabled(if: HTTPReceiver.isInstalled && TestCertificates.isInstalled))
struct HTTPSecurityTests {
  let certificates: TestCertificates

  init() throws { certificates = try TestCertificates() }

  private func send(
    _ receiver: HTTPReceiver, host: String = "localhost",
    _ change: (inout HTTPSettings) -> Void = { _ in }
  ) throws -> HTTPAnswer {
    var settings = HTTPSettings(url: try HTTPURL("https://\(host):\(receiver.port)"))
    settings.authorityFile = certificates.certificate("authority")
    change(&settings)
    try receiver.disturb(["status": 200])
    return try HTTPClient(settings).send(
      HTTPRequest(.post, "/hook", body: [1]), interruption: Interruption())
  }

  private func words(_ body: () throws -> Void) -> String {
    #expect(throws: TargetFault.self, performing: body)?.description ?? ""
  }

  @Test func aServerThatIsWhoItSaysIsTrusted() throws {
    let receiver = try HTTPReceiver("webhook", certificates.options("server"))
    #expect(try send(receiver).status == 200)
    #expect(try send(receiver, host: "127.0.0.1").status == 200)
  }

  @Test func anUnknownAuthorityIsRefused() throws {
    let receiver = try HTTPReceiver("webhook", certificates.options("server"))
    let strange = words {
      _ = try send(receiver) { $0.authorityFile = certificates.certificate("stranger") }
    }
    #expect(strange.contains("authority that is not known here: give the authority's certificate"))
    let none = words { _ = try send(receiver) { $0.authorityFile = nil } }
    #expect(none.contains("--ca-file"))
    #expect(try receiver.state()["requests"]?.elements.isEmpty == true)
  }

  @Test func anotherNameIsRefused() throws {
    let receiver = try HTTPReceiver("webhook", certificates.options("elsewhere"))
    #expect(words { _ = try send(receiver) }.contains("is for another name"))
  }

  @Test func anExpiredCertificateIsRefused() throws {
    let receiver = try HTTPReceiver("webhook", certificates.options("expired"))
    #expect(words { _ = try send(receiver) }.contains("has expired"))
  }

  @Test func aServerWithoutTLSIsSaid() throws {
    let receiver = try HTTPReceiver("webhook")
    #expect(words { _ = try send(receiver) }.contains("does it speak TLS"))
  }

  @Test func thisSideShowsItsCertificate() throws {
    let receiver = try HTTPReceiver(
      "webhook",
      certificates.options("server")
        + ["--client-authority", certificates.certificate("authority")])
    _ = words { _ = try send(receiver) }
    let answer = try send(receiver) {
      $0.certificateFile = certificates.certificate("client")
      $0.keyFile = certificates.key("client")
    }
    #expect(answer.status == 200)
  }

  @Test func filesAreLookedAtBeforehand() throws {
    var settings = HTTPSettings(url: try HTTPURL("https://localhost"))
    settings.authorityFile = "/nowhere/ca.pem"
    let error = #expect(throws: TargetSettingsError.self) { try HTTPClient(settings) }
    #expect(error?.description.contains("/nowhere/ca.pem: No such file") == true)
    settings.authorityFile = nil
    settings.certificateFile = certificates.certificate("client")
    #expect(throws: TargetSettingsError.self) { try HTTPClient(settings) }
  }
}
