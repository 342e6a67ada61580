import ArgumentParser
import Forwarding

/// `martlet forward elasticsearch`
struct ForwardElasticsearch: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "elasticsearch",
    abstract: "Into Elasticsearch or OpenSearch.",
    discussion: """
      Records become documents by _bulk, under an _id that is the same however often a record is \
      delivered, so that none is there twice. --schema ecs makes them speak the Elastic Common \
      Schema, which has a template of its own.

      EXAMPLES
        martlet forward elasticsearch https://es:9200 --user me --password-file pw
        martlet forward elasticsearch https://es:9200 --api-key-file key
        martlet forward elasticsearch https://es:9200 --install-template eve.json
        martlet forward opensearch https://os:9200 --data-stream 'logs-{type}-x'
      """,
    aliases: ["opensearch"])

  @Argument(help: ArgumentHelp("https://host:9200, with a path where there is one."))
  var url: String

  @Option(
    help: ArgumentHelp(
      """
      The index; {type}, {sensor} and {date} (the record's, in UTC) are filled in. Default: \
      \(defaultIndex), with --schema ecs \(defaultECSIndex).
      """, valueName: "pattern"))
  var index: String?

  @Option(
    help: ArgumentHelp(
      "A data stream in place of an index; {type} and {sensor} are filled in.",
      valueName: "pattern"))
  var dataStream: String?

  @Option(
    help: ArgumentHelp(
      "Put this index template into the cluster first (config/elasticsearch has two).",
      valueName: "path"),
    completion: .file())
  var installTemplate: String?

  @Option(help: ArgumentHelp("Run documents through this ingest pipeline.", valueName: "name"))
  var pipeline: String?

  @Option(help: ArgumentHelp("User.", valueName: "name"))
  var user: String?

  @Option(
    help: ArgumentHelp(
      "File with the user's password. Default: $\(passwordVariable).",
      valueName: "path"),
    completion: .file())
  var passwordFile: String?

  @Option(
    help: ArgumentHelp(
      "File with an API key in its encoded form. Default: $\(keyVariable).",
      valueName: "path"),
    completion: .file())
  var apiKeyFile: String?

  @OptionGroup(title: "HTTP") var http: HTTPOptions
  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  static let defaultIndex = "martlet-{type}-{date}"
  static let defaultECSIndex = "martlet-ecs-{type}-{date}"
  static let passwordVariable = "MARTLET_ELASTICSEARCH_PASSWORD"
  static let keyVariable = "MARTLET_ELASTICSEARCH_API_KEY"

  func makeTarget() throws -> any ForwardTarget {
    if index != nil && dataStream != nil {
      throw ValidationError("give --index or --data-stream, not both")
    }
    let http = try http.settings(url)
    return try HTTPOptions.checked {
      var settings = ElasticsearchSettings(
        http: http,
        destination: try IndexPattern(
          dataStream ?? index
            ?? (options.schema == .ecs ? Self.defaultECSIndex : Self.defaultIndex),
          isDataStream: dataStream != nil))
      settings.login = try login()
      settings.templateFile = installTemplate
      settings.ingestPipeline = pipeline
      return try ElasticsearchTarget(settings)
    }
  }

  private func login() throws -> ElasticsearchLogin? {
    if let user {
      if apiKeyFile != nil {
        throw ValidationError("give --user or --api-key-file, not both")
      }
      let password = try Secret.read(
        "the password", file: passwordFile, variable: Self.passwordVariable)
      guard let password else {
        throw ValidationError(
          "--user needs a password: --password-file or $\(Self.passwordVariable)")
      }
      return .user(user, password)
    }
    if passwordFile != nil { throw ValidationError("--password-file needs --user") }
    return try Secret.read("the API key", file: apiKeyFile, variable: Self.keyVariable)
      .map { .apiKey($0) }
  }
}
