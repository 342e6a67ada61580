import ArgumentParser
import ControlAPI
import Forwarding
import Sinks

/// `martlet forward dead`
struct ForwardDead: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead",
    abstract: "List what could not be delivered, and why; put it back.",
    discussion: """
      Dead letters are put back for the group that did not get them and for no other, under the \
      identifiers that they had.

      EXAMPLES
        martlet forward dead                          the oldest hundred
        martlet forward dead --group siem --json | jq -r .reason | sort | uniq -c
        martlet forward dead --replay                 deliver them after all
      """)

  @OptionGroup var redisOptions: RedisOptions

  @Option(help: ArgumentHelp("Only this group's.", valueName: "name"))
  var group: String?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("At most so many; 0 for all.", valueName: "count"))
  var number = 100

  @Flag(help: "Put all of them back for delivery.")
  var replay = false

  @Flag(help: "Print each as JSON, one a line.")
  var json = false

  func validate() throws {
    if number < 0 { throw ValidationError("--number \(number) must be 0 or more") }
  }

  func run() throws {
    let box = DeadLetterBox(try redisOptions.connect())
    if replay { return try replay(box) }
    var letters: [DeadLetterBox.Found] = []
    var count = 0
    try RedisOptions.asking {
      try box.visit(sensors: redisOptions.sensor, group: group) { letter in
        count += 1
        if json {
          Output.write(DeadLetterView.json(letter).text + "\n")
        } else {
          letters.append(letter)
        }
        return number == 0 || count < number
      }
    }
    if json { return }
    Output.write(
      DeadLetterView.lines(letters, width: Output.width(), style: .ofStandardOutput()))
  }

  private func replay(_ box: DeadLetterBox) throws {
    let replayed = try RedisOptions.asking {
      try box.replay(sensors: redisOptions.sensor, group: group)
    }
    if json {
      Output.write([
        "replayed": .number(String(replayed.count)), "cut": .number(String(replayed.cut)),
      ])
      return
    }
    var lines = ["\(replayed.count) put back for delivery"]
    if replayed.cut > 0 {
      lines.append("\(replayed.cut) stay: they were too large to be kept here as they were")
    }
    Output.write(lines)
  }
}
