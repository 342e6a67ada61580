import ArgumentParser
import Forwarding

/// `martlet forward webhook`
struct ForwardWebhook: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "webhook",
    abstract: "To any web server, a signed batch of records a request.",
    discussion: """
      Batches are posted as JSON; an answer of 2xx says that the server has them. Each record has \
      its ID as martlet_id, the request the batch's as Martlet-Batch. With a secret, \
      Martlet-Signature is an HMAC-SHA256 over the time and the body.

      EXAMPLES
        martlet forward webhook https://example.net/hook --secret-file secret
        martlet forward webhook https://example.net/hook --header-file headers
        martlet forward webhook https://example.net/hook --where 'event_type == tls'
      """)

  @Argument(help: ArgumentHelp("https://host/path."))
  var url: String

  @Option(help: "json: an array of records; ndjson: a record a line.")
  var format = WebhookSettings.Format.json

  @Option(
    help: ArgumentHelp(
      """
      File with the secret to sign with. Default: $\(secretVariable), else requests are not signed.
      """, valueName: "path"),
    completion: .file())
  var secretFile: String?

  @Option(
    help: ArgumentHelp(
      "File with more headers, Name: value a line.", valueName: "path"),
    completion: .file())
  var headerFile: String?

  @OptionGroup(title: "HTTP") var http: HTTPOptions
  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  static let secretVariable = "MARTLET_WEBHOOK_SECRET"

  func makeTarget() throws -> any ForwardTarget {
    let http = try http.settings(url)
    return try HTTPOptions.checked {
      var settings = WebhookSettings(http: http)
      settings.format = format
      settings.secret = try Secret.read(
        "the secret", file: secretFile, variable: Self.secretVariable)
      if let headerFile { settings.headers = try HeaderFile.read(headerFile) }
      return try WebhookTarget(settings)
    }
  }
}

extension WebhookSettings.Format: ExpressibleByArgument {}
