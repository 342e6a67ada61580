import ArgumentParser
import Dissection
import Forwarding
import Foundation
import Records
import Sinks

/// What every target takes: what is read, what is chosen of it, and how it ends.
struct ForwardOptions: ParsableArguments {
  enum Start: String, CaseIterable, ExpressibleByArgument {
    case beginning = "0"
    case new = "$"
  }

  enum Schema: String, CaseIterable, ExpressibleByArgument {
    case eve, ecs
  }

  @OptionGroup var redisOptions: RedisOptions

  @Option(
    help: ArgumentHelp(
      "Only this event type (flow, dns, stats …); may be repeated.", valueName: "type"))
  var type: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      The consumer group: forwarders of one group share the work, groups do not know of each \
      other. Default: the target's name.
      """, valueName: "name"))
  var group: String?

  @Option(
    help: ArgumentHelp(
      """
      This member's name in the group, the same after each start. Default: the host's name and \
      the first number that is free on it, as in edge-1.
      """, valueName: "name"))
  var consumer: String?

  @Option(
    help: ArgumentHelp(
      "Where a new group begins: 0 with the oldest entry there is, $ with what comes.",
      valueName: "id"))
  var start = Start.beginning

  @Option(
    help: ArgumentHelp(
      "Take over entries that another member has not finished for so long (Redis 6.2).",
      valueName: "seconds"))
  var claimAfter = 60.0

  @Option(
    help: ArgumentHelp(
      "At most so many records a batch. Default: what suits the target.", valueName: "records"))
  var batch: Int?

  @Option(
    help: ArgumentHelp("How long a record waits for its batch to fill.", valueName: "ms"))
  var linger = 200

  @Option(
    name: .customLong("in-hand"),
    help: ArgumentHelp(
      "At most so many records read and not yet delivered.", valueName: "records"))
  var inHand = 20_000

  // MARK: Choosing

  @Option(
    help: ArgumentHelp(
      """
      Only records that meet a condition, as in 'app_proto == "tls" and bytes > 1M' (see \
      docs/expressions.md).
      """, valueName: "expression"))
  var `where`: String?

  @Option(
    help: ArgumentHelp(
      "Keep only these fields, with commas between; a name stands for all that is in it.",
      valueName: "names"))
  var fields: String?

  @Option(help: ArgumentHelp("Leave these fields out.", valueName: "names"))
  var dropFields: String?

  @Option(
    help: ArgumentHelp(
      "Add names of networks from a table: lines of a network, a comma and a name.",
      valueName: "file"))
  var enrich: String?

  @Option(help: "The records' schema: Suricata's EVE, or Elastic's Common Schema.")
  var schema = Schema.eve

  // MARK: Running

  @Option(
    help: ArgumentHelp(
      "How many dead letters a sensor keeps, about; 0 for all.", valueName: "entries"))
  var deadLetters = 100_000

  @Flag(help: "End when everything that is there has been delivered.")
  var once = false

  @Option(
    help: ArgumentHelp(
      "How long the batch in hand may take when the end is asked for.", valueName: "seconds"))
  var finishWithin = 10.0

  @Option(
    help: ArgumentHelp(
      "Log a line with the figures so often; 0 for never. A terminal has a line that moves.",
      valueName: "seconds"))
  var statusEvery = 60.0

  @Flag(help: "Print the figures as JSON at the end.")
  var json = false

  func validate() throws {
    func require(_ isRight: Bool, _ text: String) throws {
      if !isRight { throw ValidationError(text) }
    }
    try require(
      (1...86_400).contains(claimAfter), "--claim-after \(claimAfter) must be 1 to 86400 seconds")
    try require((0...60_000).contains(linger), "--linger \(linger) must be 0 to 60000 ms")
    try require(
      (100...1_000_000).contains(inHand), "--in-hand \(inHand) must be 100 to 1000000 records")
    try require(deadLetters >= 0, "--dead-letters \(deadLetters) must be 0 or more")
    try require(
      (0...3600).contains(finishWithin), "--finish-within \(finishWithin) must be 0 to 3600 seconds"
    )
    try require(statusEvery >= 0, "--status-every \(statusEvery) must be 0 or more")
    if let batch { try require(batch >= 1, "--batch \(batch) must be 1 or more") }
    for name in [group, consumer].compactMap({ $0 }) {
      try require(
        !name.isEmpty && !name.contains { $0.isWhitespace || $0 == ":" },
        "\"\(name)\" is no name of a group or member: neither space nor colon")
    }
    for name in type {
      try require(
        name != "dead" && !name.contains(":"),
        "--type \(name) is no event type; dead letters are put back by martlet forward dead")
      // Later sensors have more types than this program knows, but no misspelt ones.
      if !EVEName.eventTypes.contains(name),
        let nearest = Spelling.nearest(to: name, among: EVEName.eventTypes)
      {
        throw ValidationError("--type \(name) is no event type; did you mean \(nearest)?")
      }
    }
  }

  /// Forwards to this target until the end is asked for.
  func run(_ target: any ForwardTarget) throws {
    let status = try ForwardRun(self, target).run()
    if status != .success { throw ExitCode(status.rawValue) }
  }

  /// Condition, enrichment, fields and schema.
  func transform() throws -> any RecordTransform {
    do {
      return try RecordTransforms(
        where: self.where, fields: fields, dropFields: dropFields, enrichment: enrich,
        schema: schema == .ecs ? .ecs : .eve, events: Dissection.schema)
    } catch {
      throw ValidationError("\(error)")
    }
  }

  func settings(url: RedisURL, group: String, consumer: String) -> ForwardSettings {
    var settings = ForwardSettings(redis: url, group: group, consumer: consumer)
    settings.sensors = redisOptions.sensor
    settings.types = type
    settings.start = start == .new ? .new : .beginning
    settings.claimAfterSeconds = claimAfter
    settings.lingerSeconds = Double(linger) / 1000
    settings.batchRecords = batch
    settings.deadLetterLimit = deadLetters
    settings.isOnce = once
    settings.inHandRecords = inHand
    return settings
  }
}
