import Foundation
import Testing

@testable import Dissection

@Suite struct TLSStreamTests {
  @Test func theStateFits() {
    #expect(MemoryLayout<TLSState>.size <= FlowState.ownBytes)
  }

  static let session = [UInt8](repeating: 0x51, count: 32)
  static let hello = TLSWire.clientHello(
    session: session, ciphers: [0x0a0a, 0x1301, 0xc02f],
    extensions: TLSWire.ext(0x1a1a, []) + TLSWire.sni("www.example.org")
      + TLSWire.alpn([Array("h2".utf8), Array("http/1.1".utf8)])
      + TLSWire.ext(10, TLSWire.prefixed16(TLSWire.numbers([0x2a2a, 29, 23])))
      + TLSWire.ext(11, [1, 0])
      + TLSWire.ext(13, TLSWire.prefixed16(TLSWire.numbers([0x0403, 0x0804]))))
  static let chain = [
    TLSWire.certificate(
      subject: TLSWire.name([
        (TLSWire.country, 0x13, Array("DE".utf8)),
        (TLSWire.organization, 0x0c, Array("Example, Ltd.".utf8)),
        (TLSWire.cn, 0x0c, Array("example.org".utf8)),
      ]),
      names: TLSWire.der(0x82, Array("*.example.org".utf8)) + TLSWire.der(0x87, [192, 0, 2, 1])),
    TLSWire.certificate(subject: TLSWire.name("Test CA"), serial: [1]),
  ]
  static let serverFlight: [UInt8] =
    TLSWire.serverHello(extensions: TLSWire.alpn([Array("h2".utf8)]))
    + TLSWire.certificates(chain)
    + TLSWire.handshake(12, [3, 0, 23] + TLSWire.prefixed8([4, 4, 4]))
    + TLSWire.handshake(13, [1, 1, 0, 0]) + TLSWire.handshake(14, [])
  static let clientFlight: [UInt8] =
    TLSWire.record(22, TLSWire.certificates([TLSWire.certificate(subject: TLSWire.name("me"))]))
    + TLSWire.record(22, TLSWire.handshake(16, [1, 2, 3])) + TLSWire.changeCipherSpec
    + TLSWire.record(22, [UInt8](repeating: 0xee, count: 40))
  static let serverEnd = TLSWire.changeCipherSpec + TLSWire.record(22, [1, 2, 3, 4, 5, 6, 7, 8])

  /// A whole TLS 1.2 handshake; `pieces`: bytes of a record.
  static func conversation(
    _ bed: DissectionBed, size: Int = 1460, pieces: Int = 16_384, data: Bool = true
  ) -> Wire {
    let wire = Wire(on: bed, to: 443)
    func records(_ messages: [UInt8]) -> [UInt8] {
      stride(from: 0, to: messages.count, by: pieces).flatMap {
        TLSWire.record(22, Array(messages[$0..<min($0 + pieces, messages.count)]))
      }
    }
    wire.handshake()
    wire.send(records(hello), toServer: true, size: size)
    wire.send(records(serverFlight), toServer: false, size: size)
    wire.send(clientFlight, toServer: true, size: size)
    wire.send(serverEnd, toServer: false, size: size)
    if data {
      wire.send(
        TLSWire.record(23, [UInt8](repeating: 3, count: 900)), toServer: true, size: size)
    }
    wire.close()
    return wire
  }

  static func tls(_ bed: DissectionBed) -> [[String: Any]] {
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed.records("tls").compactMap { $0["tls"] as? [String: Any] }
  }

  @Test func aWholeHandshake() throws {
    let bed = DissectionBed()
    _ = Self.conversation(bed)
    let records = Self.tls(bed)
    #expect(records.count == 1)
    let tls = try #require(records.first)
    #expect(tls["sni"] as? String == "www.example.org")
    #expect(tls["version"] as? String == "TLS 1.2")
    #expect(tls["client_alpns"] as? [String] == ["h2", "http/1.1"])
    #expect(tls["server_alpns"] as? [String] == ["h2"])
    #expect(tls["cipher"] as? String == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
    #expect(tls["curve"] as? String == "secp256r1")
    #expect(tls["subject"] as? String == "C=DE, O=Example, Ltd., CN=example.org")
    #expect(tls["issuerdn"] as? String == "CN=Test CA")
    #expect(tls["serial"] as? String == "00:97:E6")
    #expect(tls["notbefore"] as? String == "2020-01-02T03:04:05")
    #expect(tls["notafter"] as? String == "2050-06-07T08:09:10")
    #expect(tls["subjectaltname"] as? [String] == ["*.example.org", "192.0.2.1"])
    #expect(tls["key_type"] as? String == "rsa")
    #expect(tls["key_length"] as? Int == 2048)
    #expect(tls["signature_algorithm"] as? String == "sha256WithRSAEncryption")
    #expect(tls["sni_matches_cert"] as? Bool == true)
    #expect((tls["certificates"] as? [Any])?.count == 2)
    #expect(tls["client_certificate_requested"] as? Bool == true)
    #expect((tls["client"] as? [String: Any])?["subject"] as? String == "CN=me")
    #expect(tls["established"] as? Bool == true)
    #expect(tls["ssl_history"] as? String == "CsxkrnXGIi")
    #expect(tls["session_resumed"] == nil && tls["incomplete"] == nil)
    let ja3 = try #require(tls["ja3"] as? [String: Any])
    #expect(ja3["string"] as? String == "771,4865-49199,0-16-10-11-13,29-23,0")
    #expect((tls["ja3s"] as? [String: Any])?["string"] as? String == "771,49199,16")
    #expect((tls["ja4"] as? String)?.hasPrefix("t12d0205h2_") == true)
    let offered = try #require(tls["client_handshake"] as? [String: Any])
    #expect(offered["ciphers"] as? [Int] == [0x1301, 0xc02f])
    #expect(offered["exts"] as? [Int] == [0, 16, 10, 11, 13])
    #expect(offered["sig_algs"] as? [Int] == [0x0403, 0x0804])
    #expect(offered["groups"] as? [Int] == [29, 23])
    let flow = try #require(bed.records("flow").first)
    #expect(flow["app_proto"] as? String == "tls")
  }

  /// However the messages are spread over records, and the records over segments.
  @Test(arguments: [1, 3, 100, 1460], [2, 7, 64, 16_384])
  func cuts(segment: Int, pieces: Int) {
    func text(_ bed: DissectionBed) -> String {
      let tls = Self.tls(bed)
      let data = try? JSONSerialization.data(withJSONObject: tls, options: .sortedKeys)
      return String(decoding: data ?? Data(), as: UTF8.self)
    }
    let whole = DissectionBed()
    _ = Self.conversation(whole)
    let cut = DissectionBed()
    _ = Self.conversation(cut, size: segment, pieces: pieces)
    #expect(text(whole) == text(cut))
  }

  @Test func helloRetryAndKeyOfTLS13() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 8443)
    wire.handshake()
    let hello = TLSWire.clientHello(
      session: Self.session, ciphers: [0x1301],
      extensions: TLSWire.sni("a.example") + TLSWire.ext(43, [4, 3, 4, 3, 3])
        + TLSWire.ext(0xfe0d, [0, 1]) + TLSWire.ext(41, [0]))
    let versions = TLSWire.ext(43, [3, 4])
    wire.send(TLSWire.record(22, hello, version: 0x0301), toServer: true)
    wire.send(
      TLSWire.record(
        22,
        TLSWire.serverHello(
          random: TLSWire.retryRandom, session: Self.session, cipher: 0x1301,
          extensions: versions + TLSWire.ext(51, [0, 24]))) + TLSWire.changeCipherSpec,
      toServer: false)
    wire.send(TLSWire.changeCipherSpec + TLSWire.record(22, hello), toServer: true)
    wire.send(
      TLSWire.record(
        22,
        TLSWire.serverHello(
          session: Self.session, cipher: 0x1301,
          extensions: versions + TLSWire.ext(51, [0, 29, 0, 1, 9]) + TLSWire.ext(41, [0, 0])))
        + TLSWire.record(23, [UInt8](repeating: 1, count: 600)), toServer: false)
    wire.send(TLSWire.record(23, [UInt8](repeating: 2, count: 60)), toServer: true)
    wire.send(TLSWire.record(23, [UInt8](repeating: 4, count: 6000)), toServer: false)
    wire.close()
    let records = Self.tls(bed)
    #expect(records.count == 1)
    let tls = try #require(records.first)
    #expect(tls["version"] as? String == "TLS 1.3")
    #expect(tls["curve"] as? String == "x25519")
    #expect(tls["hello_retry_request"] as? Bool == true)
    #expect(tls["session_resumed"] as? Bool == true)
    #expect(tls["ech"] as? Bool == true)
    #expect(tls["established"] as? Bool == true)
    #expect(tls["ssl_history"] as? String == "CjiICs")
    #expect((tls["ja4"] as? String)?.hasPrefix("t13d010400_") == true)
    // About the packet with the server's first encrypted record.
    #expect(bed.records("tls").first?["pcap_cnt"] as? Int == 7)
  }

  @Test func resumedByIdAndByTicket() throws {
    for byTicket in [false, true] {
      let bed = DissectionBed()
      let wire = Wire(on: bed, to: 443)
      wire.handshake()
      wire.send(
        TLSWire.record(
          22,
          TLSWire.clientHello(
            session: byTicket ? [] : Self.session,
            extensions: byTicket ? TLSWire.ext(35, [1, 2, 3]) : [])), toServer: true)
      wire.send(
        TLSWire.record(22, TLSWire.serverHello(session: byTicket ? [] : Self.session))
          + Self.serverEnd, toServer: false)
      wire.send(TLSWire.changeCipherSpec + TLSWire.record(22, [9, 9, 9, 9]), toServer: true)
      wire.close()
      let tls = try #require(Self.tls(bed).first)
      #expect(tls["session_resumed"] as? Bool == true)
      #expect(tls["established"] as? Bool == true)
      #expect(tls["ssl_history"] as? String == "CsiI")
    }
  }

  @Test func alertsAreTold() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 443)
    wire.handshake()
    wire.send(TLSWire.record(22, Self.hello), toServer: true)
    wire.send(TLSWire.record(21, [1, 112]) + TLSWire.record(21, [2, 40]), toServer: false)
    wire.close()
    let tls = try #require(Self.tls(bed).first)
    #expect(tls["last_alert"] as? String == "handshake_failure")
    #expect(tls["version"] as? String == "UNDETERMINED")
    #expect(tls["ssl_history"] as? String == "Cll")
    let alerts = try #require(tls["alerts"] as? [[String: Any]])
    #expect(alerts.map { $0["level"] as? String } == ["warning", "fatal"])
    #expect(alerts.map { $0["from"] as? String } == ["server", "server"])
  }

  @Test func oldHellos() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 443)
    wire.handshake()
    let challenge = [UInt8](repeating: 5, count: 16)
    // SSL 2.0's form, asking for TLS 1.0.
    wire.send(
      [0x80, 9 + 6 + 16, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 4, 1, 0, 0x80] + challenge,
      toServer: true, size: 4)
    wire.send(
      TLSWire.record(
        22, TLSWire.serverHello(version: 0x0301, cipher: 4) + TLSWire.certificates(Self.chain)),
      toServer: false)
    wire.close()
    let tls = try #require(Self.tls(bed).first)
    #expect(tls["version"] as? String == "TLSv1")
    #expect((tls["client_handshake"] as? [String: Any])?["ciphers"] as? [Int] == [4, 0x10080])
    #expect(tls["serial"] as? String == "00:97:E6")
  }

  @Test func serverOfSSL2() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 443)
    wire.handshake()
    let certificate = Self.chain[0]
    let body: [UInt8] =
      [4, 0, 1, 0, 2] + Wire.be16(certificate.count) + [0, 3, 0, 16] + certificate + [1, 0, 0x80]
      + [UInt8](repeating: 1, count: 16)
    wire.send(
      [0x80, 9 + 3 + 16, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80] + [UInt8](repeating: 1, count: 16),
      toServer: true)
    wire.send(Wire.be16(0x8000 | body.count) + body, toServer: false, size: 100)
    wire.close()
    let tls = try #require(Self.tls(bed).first)
    #expect(tls["version"] as? String == "SSLv2")
    #expect(tls["subject"] as? String == "C=DE, O=Example, Ltd., CN=example.org")
    #expect(tls["ssl_history"] as? String == "Cs")
  }

  /// A proxy or a database is asked for TLS first.
  @Test(arguments: [1, 1460])
  func whatComesBefore(segment: Int) throws {
    let address: [UInt8] = [0, 1, 192, 0, 2, 1, 1, 0xbb]
    let turns: [[(Bool, [UInt8])]] = [
      [(true, [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), (false, [0x53])],
      [
        (true, [4, 1, 1, 0xbb, 192, 0, 2, 1] + Array("me".utf8) + [0]),
        (false, [0, 90, 0, 0, 0, 0, 0, 0]),
      ],
      [
        (true, [4, 1, 1, 0xbb, 0, 0, 0, 1, 0] + Array("a.example".utf8) + [0]),
        (false, [0, 90, 0, 0, 0, 0, 0, 0]),
      ],
      [
        (true, [5, 1, 0]), (false, [5, 0]), (true, [5, 1] + address), (false, [5, 0] + address),
      ],
      [
        (true, [5, 2, 0, 2]), (false, [5, 2]), (true, [1, 1, 0x61, 2, 0x62, 0x63]),
        (false, [1, 0]),
        (true, [5, 1, 0, 3, 3] + Array("a.b".utf8) + [0, 80]), (false, [5, 0] + address),
      ],
    ]
    for before in turns {
      let bed = DissectionBed()
      let wire = Wire(on: bed, to: 1080)
      wire.handshake()
      for (toServer, bytes) in before { wire.send(bytes, toServer: toServer, size: segment) }
      wire.send(TLSWire.record(22, Self.hello), toServer: true, size: segment)
      wire.send(TLSWire.record(22, Self.serverFlight), toServer: false, size: segment)
      wire.close()
      let tls = try #require(Self.tls(bed).first)
      #expect(tls["sni"] as? String == "www.example.org")
      #expect(tls["serial"] as? String == "00:97:E6")
      #expect(tls["ssl_history"] as? String == "Csxkrn")
    }
  }
}
