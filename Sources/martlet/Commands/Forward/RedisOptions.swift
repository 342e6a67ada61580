import ArgumentParser
import Foundation
import Sinks

/// Where the streams are, and how to sign in.
struct RedisOptions: ParsableArguments {
  static let passwordVariable = "MARTLET_REDIS_PASSWORD"
  static let urlVariable = "MARTLET_REDIS"

  @Option(
    help: ArgumentHelp(
      """
      The Redis with the streams: redis://host:port/db, rediss://… for TLS, or unix:/path. Default: \
      $\(urlVariable), else redis://127.0.0.1:6379.
      """, valueName: "url"))
  var redis: String?

  @Option(help: ArgumentHelp("ACL user.", valueName: "name"))
  var redisUser: String?

  @Option(
    help: ArgumentHelp(
      "A file with the password in its first line. Default: $\(passwordVariable).",
      valueName: "path"))
  var redisPasswordFile: String?

  @Option(
    help: ArgumentHelp(
      "With rediss://, the authorities that may sign Redis's certificate. Default: the system's.",
      valueName: "path"))
  var redisCaFile: String?

  @Option(
    help: ArgumentHelp(
      "With rediss://, a certificate of one's own, where Redis asks for it.", valueName: "path"))
  var redisCertificateFile: String?

  @Option(help: ArgumentHelp("The key to that certificate.", valueName: "path"))
  var redisKeyFile: String?

  @Option(
    help: ArgumentHelp("Only this sensor's streams; may be repeated.", valueName: "name"))
  var sensor: [String] = []

  func validate() throws {
    if let redis, try url(redis).password != nil {
      throw ValidationError(
        "--redis must hold no password, for everybody can read command lines: use"
          + " --redis-password-file or $\(Self.passwordVariable)")
    }
  }

  private func url(_ text: String) throws -> RedisURL {
    do { return try RedisURL(text) } catch { throw ValidationError("\(error)") }
  }

  /// With user and password.
  func url() throws -> RedisURL {
    let environment = ProcessInfo.processInfo.environment
    var url = try url(redis ?? environment[Self.urlVariable] ?? "redis://127.0.0.1:6379")
    try addTLSFiles(to: &url)
    if let redisUser { url.username = redisUser }
    if let redisPasswordFile {
      guard let text = try? String(contentsOfFile: redisPasswordFile, encoding: .utf8) else {
        throw ValidationError("--redis-password-file: \(redisPasswordFile) cannot be read")
      }
      guard let line = text.split(whereSeparator: \.isNewline).first else {
        throw ValidationError("--redis-password-file: \(redisPasswordFile) is empty")
      }
      url.password = String(line)
    } else if let password = environment[Self.passwordVariable], !password.isEmpty {
      url.password = password
    }
    if url.username != nil, url.password == nil {
      throw ValidationError(
        "--redis-user needs a password: --redis-password-file or $\(Self.passwordVariable)")
    }
    return url
  }

  private func addTLSFiles(to url: inout RedisURL) throws {
    guard url.tls != nil else {
      if redisCaFile ?? redisCertificateFile ?? redisKeyFile != nil {
        throw ValidationError(
          "--redis-ca-file, --redis-certificate-file and --redis-key-file need a --redis of"
            + " rediss://, which asks for TLS")
      }
      return
    }
    guard RedisTLS.isAvailable else { throw ValidationError("--redis: \(RedisTLS.absence)") }
    guard (redisCertificateFile == nil) == (redisKeyFile == nil) else {
      throw ValidationError("--redis-certificate-file and --redis-key-file need each other")
    }
    url.tls = RedisTLS(
      caFile: redisCaFile, certificateFile: redisCertificateFile, keyFile: redisKeyFile)
  }

  /// Connects; ends the command where that cannot be.
  func connect() throws -> RedisClient {
    do {
      return try RedisClient(url(), timeoutSeconds: 5)
    } catch let fault as RedisFault {
      throw RedisTrouble(fault)
    }
  }

  /// Runs `body`, and ends the command with words and status where Redis refuses.
  static func asking<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let fault as RedisFault { throw RedisTrouble(fault) }
  }
}

/// Redis is away, or does not let us.
struct RedisTrouble: Error, CustomStringConvertible {
  let description: String
  let status: ExitStatus

  init(_ fault: RedisFault) {
    description = fault.description
    status =
      switch fault.kind {
      case .authentication, .permission: .notPermitted
      case .connection, .loading, .unavailable, .moved: .unavailable
      default: .failure
      }
  }
}
