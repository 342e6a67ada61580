import ArgumentParser
import Forwarding

/// `martlet forward splunk`
struct ForwardSplunk: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "splunk",
    abstract: "Into Splunk, by its HTTP Event Collector.",
    discussion: """
      Each record becomes an event with the record's ID in the indexed field martlet_id. Splunk \
      itself drops no duplicates. With --acknowledge a record counts as delivered once the indexers \
      have it, and not when the collector does.

      EXAMPLES
        martlet forward splunk https://splunk:8088 --token-file token --index net
        martlet forward splunk https://splunk:8088 --token-file token --acknowledge
      """)

  @Argument(help: ArgumentHelp("https://host:8088, without /services."))
  var url: String

  @Option(
    help: ArgumentHelp(
      "File with the collector's token. Default: $\(tokenVariable).",
      valueName: "path"),
    completion: .file())
  var tokenFile: String?

  @Option(help: ArgumentHelp("The index. Default: the token's.", valueName: "name"))
  var index: String?

  @Option(
    help: ArgumentHelp(
      "The source type; {type} stands for the event type.", valueName: "name"))
  var sourcetype = "martlet:{type}"

  @Option(help: ArgumentHelp("The host. Default: the sensor's name.", valueName: "name"))
  var host: String?

  @Flag(help: "Wait until what was sent is indexed; the token must have it switched on.")
  var acknowledge = false

  @Option(
    help: ArgumentHelp(
      "How long to wait for that before records are sent again.", valueName: "seconds"))
  var acknowledgeTimeout = 120.0

  @OptionGroup(title: "HTTP") var http: HTTPOptions
  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  static let tokenVariable = "MARTLET_SPLUNK_TOKEN"

  func makeTarget() throws -> any ForwardTarget {
    let http = try http.settings(url)
    return try HTTPOptions.checked {
      let token = try Secret.read("the token", file: tokenFile, variable: Self.tokenVariable)
      guard let token else {
        throw ValidationError("a token is needed: --token-file or $\(Self.tokenVariable)")
      }
      var settings = SplunkSettings(http: http, token: token)
      settings.index = index
      settings.sourceType = sourcetype
      settings.host = host
      settings.waitsForAcknowledgement = acknowledge
      settings.acknowledgementTimeoutSeconds = acknowledgeTimeout
      return try SplunkTarget(settings)
    }
  }
}
