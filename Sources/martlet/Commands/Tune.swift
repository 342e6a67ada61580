import ArgumentParser
import ControlAPI

struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what can be tuned, or change it while the engine runs.",
    discussion: """
      Keys are the configuration's; their last word is enough. A change holds until the engine ends: \
      what is to last belongs in its configuration.

      EXAMPLES
        martlet tune                           everything, with range and default
        martlet tune polling                   one of them, with what it means
        martlet tune polling busy              no more sleeps between polls
        martlet tune maximumSleepMicroseconds 30
      """)

  @OptionGroup var options: ControlOptions

  @Argument(help: "What to show or change.")
  var key: String?

  @Argument(help: "Its new value.")
  var value: String?

  func run() throws {
    let client = try options.connect()
    if let key, let value {
      let answer = try client.callValue(
        .tuningSet, TuningSetParameters(key: key, value: Self.parse(value)))
      if options.json { return Output.write(answer) }
      let change = try client.decode(TuningChange.self, from: answer)
      return Output.write(TuneView.lines(change, style: .ofStandardOutput()))
    }
    let answer = try client.callValue(.tuningGet, TuningGetParameters(key: key))
    if options.json { return Output.write(answer) }
    let list = try client.decode(TuningList.self, from: answer)
    Output.write(
      TuneView.lines(
        list, explains: key != nil, width: Output.width(), style: .ofStandardOutput()))
  }

  /// A number where it reads as one; the engine says which kind it wants.
  static func parse(_ text: String) -> TuningValue {
    if let value = Int(text) { return .integer(value) }
    if let value = Double(text), value.isFinite { return .number(value) }
    return .text(text)
  }
}
