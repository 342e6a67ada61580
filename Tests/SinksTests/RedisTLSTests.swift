import Foundation
import Records
import Sinks
import Testing

/// `rediss://` by hiredis's own TLS, against a redis-server's own.
@Suite(.enabled(if: TLSServer.canBeReached))
struct RedisTLSTests {
  /// The certificate is for the name and the address by which tests reach the server.
  private static let names = "DNS:localhost,IP:127.0.0.1"

  private func url(_ server: TLSServer, host: String = "127.0.0.1") -> String {
    "rediss://\(host):\(server.port)"
  }

  private func files(_ server: TLSServer, authority: String = "ca.crt") -> RedisTLS {
    RedisTLS(
      caFile: server.file(authority), certificateFile: server.file("client.crt"),
      keyFile: server.file("client.key"))
  }

  /// What connecting and a PING fail with.
  private func fault(_ url: String, _ files: RedisTLS?, seconds: Double = 10) throws -> RedisFault {
    var parsed = try RedisURL(url)
    if let files { parsed.tls = files }
    return try #require(throws: RedisFault.self) {
      _ = try RedisClient(parsed, timeoutSeconds: seconds).command(["PING"])
    }
  }

  @Test(arguments: ["127.0.0.1", "localhost"])
  func publishes(_ host: String) throws {
    let server = try TLSServer(names: Self.names)
    let sink = try RedisSink(
      settings: RedisSinkSettings(
        url: url(server, host: host), tls: files(server), sensor: "edge1", requireAtStart: true))
    try sink.start()
    for start in stride(from: 0, to: 20_000, by: 100) {
      // Of many sizes, so that ends of records, of TLS's own and of the socket's buffer differ.
      #expect(sink.offer(batch(start..<start + 100, padding: start % 1_900)))
    }
    sink.finish(withinSeconds: 30)
    #expect(sink.counters.delivered == 20_000 && sink.counters.backlog == 0)
    expectBalanced(sink.counters)

    let client = try RedisClient(RedisURL(server.url), timeoutSeconds: 5)
    let entries = try client.command(["XRANGE", "martlet:{edge1}:flow", "-", "+"])
    let numbers = (entries.elements ?? []).map { entry in
      (entry.elements?.last?.elements?.last?.text ?? "").dropFirst(5).prefix { $0.isNumber }
    }
    #expect(numbers == (0..<20_000).map { Substring("\($0)") })
  }

  /// Much more than one TLS record (16 KiB) and than the client's buffer, both ways.
  @Test func largeAnswersCome() throws {
    let server = try TLSServer(names: Self.names)
    var place = try RedisURL(url(server))
    place.tls = files(server)
    let client = try RedisClient(place, timeoutSeconds: 20)
    let value = String(repeating: "0123456789abcdef", count: 200_000)
    #expect(try client.command(["SET", "k", value]).text == "OK")
    for _ in 0..<3 { #expect(try client.command(["GET", "k"]).text == value) }
  }

  @Test func aServerThatIsKilledIsALostConnection() throws {
    let server = try TLSServer(names: Self.names)
    var place = try RedisURL(url(server))
    place.tls = files(server)
    let client = try RedisClient(place, timeoutSeconds: 10)
    _ = try? RedisClient(RedisURL(server.url), timeoutSeconds: 5).command(["SHUTDOWN", "NOSAVE"])
    let fault = try #require(throws: RedisFault.self) {
      for _ in 0..<100 { _ = try client.command(["PING"]) }
    }
    #expect(fault.kind == .connection && fault.description.hasPrefix("connection lost"))
  }

  @Test func anotherAuthorityIsRefused() throws {
    let server = try TLSServer(names: Self.names)
    for files in [files(server, authority: "other-ca.crt"), RedisTLS()] {
      let fault = try fault(url(server), files)
      #expect(fault.kind == .connection)
      #expect(
        fault.description.contains("127.0.0.1:\(server.port)/0: the server's certificate is not")
          && fault.description.contains("the CA file must hold the authority that has signed it"),
        "\(fault)")
    }
  }

  @Test func anotherNameIsRefused() throws {
    let server = try TLSServer(names: "DNS:redis.test,IP:127.0.0.2")
    let byName = try fault(url(server, host: "localhost"), files(server))
    #expect(
      byName.description.contains("certificate is not for localhost (hostname mismatch)"),
      "\(byName)")
    let byAddress = try fault(url(server), files(server))
    #expect(
      byAddress.description.contains("certificate is not for 127.0.0.1 (IP address mismatch)"),
      "\(byAddress)")
  }

  @Test func anExpiredCertificateIsRefused() throws {
    let server = try TLSServer(names: Self.names, days: -1)
    let fault = try fault(url(server), files(server))
    #expect(fault.description.contains("(certificate has expired): renew it"), "\(fault)")
  }

  @Test func aClientWithoutACertificateIsTold() throws {
    let server = try TLSServer(names: Self.names)
    let fault = try fault(url(server), RedisTLS(caFile: server.file("ca.crt")))
    #expect(fault.description.contains("client's certificate"), "\(fault)")
    // Where Redis asks for none, none is needed.
    let open = try TLSServer(names: Self.names, options: ["--tls-auth-clients", "no"])
    var place = try RedisURL(url(open))
    place.tls = RedisTLS(caFile: open.file("ca.crt"))
    #expect(try RedisClient(place, timeoutSeconds: 5).command(["PING"]).text == "PONG")
  }

  @Test func filesThatAreNoneAreNamed() throws {
    let server = try TLSServer(names: Self.names)
    let missing = server.file("missing")
    let authority = try fault(url(server), files(server, authority: "missing"))
    #expect(authority.description.contains("\(missing) cannot be read"), "\(authority)")
    var tls = files(server)
    tls.certificateFile = missing
    let certificate = try fault(url(server), tls)
    #expect(certificate.description.contains("\(missing) cannot be read"), "\(certificate)")
    tls = files(server)
    tls.keyFile = server.file("ca.key")
    let key = try fault(url(server), tls)
    #expect(key.description.contains("ca.key cannot be read, or holds no key"), "\(key)")
  }

  @Test func aPortOfTheOtherKindIsNamed() throws {
    let server = try TLSServer(names: Self.names)
    let plain = try fault("redis://127.0.0.1:\(server.port)", nil)
    #expect(plain.description.contains("rediss://"), "\(plain)")

    let port = Int.random(in: 20_000..<30_000)
    let withoutTLS = try RedisServer(port: port)
    let secure = try fault("rediss://127.0.0.1:\(port)", files(server), seconds: 1)
    #expect(secure.description.contains("tls-port"), "\(secure)")
    withExtendedLifetime(withoutTLS) {}
  }
}

/// What needs no TLS, or says that there is none.
struct RedisTLSAddressTests {
  @Test func theSchemeAsksForTLS() throws {
    let url = try RedisURL("rediss://me:pw@h/3")
    #expect(url.endpoint == .tcp(host: "h", port: 6379) && url.tls == RedisTLS())
    #expect(url.username == "me" && url.password == "pw" && url.database == 3)
    #expect(url.target == "rediss://h:6379/3")
    #expect(try RedisURL("redis://h").tls == nil)
  }

  @Test(.enabled(if: !RedisTLS.isAvailable))
  func withoutHiredissTLSItIsSaid() throws {
    let words =
      "rediss://h:6379/0: this build's hiredis has no TLS: run Redis's connection through"
      + " stunnel, see docs/redis.md"
    let fault = try #require(throws: RedisFault.self) {
      try RedisClient(RedisURL("rediss://h"), timeoutSeconds: 1)
    }
    #expect(fault.kind == .refused && fault.description == words)
    let error = try #require(throws: SinkError.self) {
      try RedisSink(settings: RedisSinkSettings(url: "rediss://h", sensor: "edge1"))
    }
    #expect(error.description == "redis: \(words)")
  }
}
