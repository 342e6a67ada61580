import ArgumentParser
import Forwarding

/// What every target that is spoken to by HTTP takes.
struct HTTPOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "PEM file of the authorities that may sign the server's certificate, in place of the system's.",
      valueName: "path"),
    completion: .file())
  var caFile: String?

  @Option(
    help: ArgumentHelp("PEM file of the certificate to show the server.", valueName: "path"),
    completion: .file())
  var clientCertificate: String?

  @Option(
    help: ArgumentHelp(
      "PEM file of that certificate's key, without a passphrase.", valueName: "path"),
    completion: .file())
  var clientKey: String?

  @Option(
    help: ArgumentHelp(
      "Go through this proxy (http://proxy:3128); those of the environment are not used.",
      valueName: "url"))
  var proxy: String?

  @Flag(help: "Compress what is sent (gzip).")
  var gzip = false

  @Option(
    help: ArgumentHelp("How long a request may take with its answer.", valueName: "seconds"))
  var timeout = 60.0

  func settings(_ url: String) throws -> HTTPSettings {
    try Self.checked {
      var settings = HTTPSettings(url: try HTTPURL(url))
      settings.authorityFile = caFile
      settings.certificateFile = clientCertificate
      settings.keyFile = clientKey
      settings.proxy = proxy
      settings.compressesBodies = gzip
      settings.requestTimeoutSeconds = timeout
      try settings.check()
      return settings
    }
  }

  /// What is wrong with a target's settings is wrong usage.
  static func checked<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as TargetSettingsError {
      throw ValidationError(error.description)
    }
  }
}
