import ControlAPI
import Foundation
import Testing

@testable import Forwarding

/// rsyslog, as people run it, understands every field.
@Suite(.serialized, .enabled(if: Rsyslogd.isInstalled)) struct RsyslogTests {
  /// What a parser could stumble on.
  private func awkward() throws -> [ForwardRecord] {
    let long = String(repeating: "0123456789", count: 5_900)
    return try [
      WireRecords.record(0),
      WireRecords.record(1, members: #","a":"quote \" backslash \\ bracket ] newline \n""#),
      WireRecords.record(2, members: ",\"a\":\"Mauersegler \u{1F426} \u{65e5}\u{672c}\""),
      WireRecords.record(3, members: ",\"a\":\"\(long)\""),
      WireRecords.record(json: "{\"community_id\":\"1:]\\\"x\",\n \"n\":4}", number: 4),
      WireRecords.record(json: "{\"event_type\":\"anomaly\"}", number: 5, type: "anomaly"),
    ]
  }

  private func check(_ messages: [Rsyslogd.Message], _ records: [ForwardRecord]) throws {
    let messages = try #require(messages.count == records.count ? messages : nil)
    for record in records {
      let message = try #require(messages.first { $0.parameter("id") == record.identifier })
      #expect(message["message"] == String(decoding: record.document.bytes, as: UTF8.self))
      #expect(message["hostname"] == "edge1")
      #expect(message["application"] == "martlet")
      #expect(message["process"] == String(getpid()))
      #expect(message["message_id"] == record.stream.type)
      #expect(message["data"].hasPrefix("[martlet@32473 id="))
      #expect(message["pri"] == (record.stream.type == "anomaly" ? "133" : "134"))
    }
    let first = try #require(messages.first { $0.parameter("id") == records[0].identifier })
    #expect(first["timestamp"] == "2026-11-21T05:36:00.123456+00:00")
    #expect(first.parameter("community_id") == "1:flow0=")
    let escaped = try #require(messages.first { $0.parameter("id") == records[4].identifier })
    #expect(escaped["data"].hasSuffix(#" community_id="1:\]\"x"]"#))
  }

  @Test(arguments: [SyslogTransport.udp, .tcp])
  func understandsEveryField(transport: SyslogTransport) throws {
    let receiver = try Rsyslogd(transport)
    let target = SyslogSettings(destination: receiver.destination).makeTarget()
    let records = try awkward()
    #expect(try deliverToTheWire(records, to: target).isEmpty)
    try check(receiver.messages(records.count), records)
  }

  @Test(.enabled(if: WireCertificates.isInstalled)) func overTLSWithAClientsCertificate() throws {
    let directory = try WireDirectory()
    let certificates = try WireCertificates(directory: directory.path)
    let receiver = try Rsyslogd.overTLS(directory, certificates)
    var settings = SyslogSettings(destination: receiver.destination)
    settings.timeoutSeconds = 10

    // Who answers is not known: nothing is sent.
    settings.tls.authorityFile = certificates.path("other-ca.pem")
    var fault = try #require(throws: TargetFault.self) { try settings.makeTarget().open() }
    #expect(fault.description.contains("--ca-file names the authority"), "\(fault)")
    #expect(!fault.isFinal)

    // The right authority and another name.
    settings.tls.authorityFile = certificates.path("ca.pem")
    var other = settings
    other.destination.host = "127.0.0.1"
    fault = try #require(throws: TargetFault.self) { try other.makeTarget().open() }
    #expect(fault.description.contains("127.0.0.1"), "\(fault)")

    // The receiver wants to know who sends.
    fault = try #require(throws: TargetFault.self) {
      try settings.makeTarget().deliver(awkward(), interruption: Interruption())
    }
    #expect(fault.description.contains("connection"), "\(fault)")
    #expect(try receiver.messages().isEmpty)

    settings.tls.certificateFile = certificates.path("client.pem")
    settings.tls.keyFile = certificates.path("client.encrypted.key")
    settings.tls.keyPassword = "feathers"
    let records = try awkward()
    let target = settings.makeTarget()
    #expect(try deliverToTheWire(records, to: target, seconds: 20).isEmpty)
    try check(receiver.messages(records.count), records)

    settings.tls.keyPassword = "scales"
    fault = try #require(throws: TargetFault.self) { try settings.makeTarget().open() }
    #expect(fault.isFinal)
    #expect(!fault.description.contains("scales"))
  }

  @Test(arguments: [SyslogTransport.tcp, .tls])
  func killedInTheMiddle(transport: SyslogTransport) throws {
    if transport == .tls, !WireCertificates.isInstalled { return }
    let directory = try WireDirectory()
    let certificates = transport == .tls ? try WireCertificates(directory: directory.path) : nil
    let receiver =
      if let certificates { try Rsyslogd.overTLS(directory, certificates) } else {
        try Rsyslogd(.tcp, directory: directory)
      }
    var settings = SyslogSettings(destination: receiver.destination)
    if let certificates {
      settings.tls.authorityFile = certificates.path("ca.pem")
      settings.tls.certificateFile = certificates.path("client.pem")
      settings.tls.keyFile = certificates.path("client.key")
    }
    settings.probationSeconds = 0.05
    let target = SyslogStreamTarget(settings: settings)
    let records = try WireRecords.records(0..<4_000)
    try deliverToTheWire(records, to: target) { start in
      guard start == 1_000 || start == 2_500 else { return }
      receiver.stop(SIGKILL)
      try receiver.launch()
    }
    let messages = try receiver.messages(records.count)
    #expect(
      Set(messages.compactMap { $0.parameter("id") }) == Set(records.map(\.identifier)))
    #expect(target.connectionsLost == 2)
    #expect(target.recordsResent > 0)
    // Whatever came twice came whole.
    #expect(messages.allSatisfy { $0["message"].hasSuffix("}") })
  }
}

extension Rsyslogd {
  /// That takes nothing from whom the test's authority has not signed.
  static func overTLS(
    _ directory: WireDirectory, _ certificates: WireCertificates
  ) throws -> Rsyslogd {
    try Rsyslogd(
      .tls, directory: directory,
      global: """
        defaultNetstreamDriverCAFile="\(certificates.path("ca.pem"))"
        defaultNetstreamDriverCertFile="\(certificates.path("server.pem"))"
        defaultNetstreamDriverKeyFile="\(certificates.path("server.key"))"
        """,
      module: """
        streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"
        """, host: "localhost")
  }
}
