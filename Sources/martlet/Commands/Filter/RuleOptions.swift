import ArgumentParser
import ControlAPI

/// What a rule does and where, as it is given on the command line.
struct RuleOptions: ParsableArguments {
  @Option(
    help: "What becomes of its packets: drop, keep or nopublish. Default: drop.",
    completion: .list(["drop", "keep", "nopublish"]))
  var action: FilterAction?

  @Option(
    help: ArgumentHelp(
      "Keep one flow of so many, a power of two from 2 to 32768.", valueName: "1/N"))
  var sample: SampleShare?

  @Option(help: ArgumentHelp("Their flows' records bear this name.", valueName: "name"))
  var tag: String?

  @Option(
    help: ArgumentHelp("Only for packets of this port; may be repeated.", valueName: "port"),
    completion: Completion.ports)
  var port: [String] = []

  @Flag(inversion: .prefixedNo, help: "It sees the innermost packet, behind the tunnel.")
  var inner: Bool?

  func validate() throws {
    if sample != nil && tag != nil { throw ValidationError("--sample and --tag are two rules") }
    if sample != nil, let action, action != .sample {
      throw ValidationError("--sample is an action itself; leave --action away")
    }
    if tag != nil, let action, action != .tag {
      throw ValidationError("--tag is an action itself; leave --action away")
    }
    if action == .sample && sample == nil {
      throw ValidationError("say how many: --sample 1/64")
    }
    if action == .tag && tag == nil { throw ValidationError("say which: --tag NAME") }
  }

  /// Nil where nothing of it is given.
  var chosenAction: FilterAction? { sample != nil ? .sample : tag != nil ? .tag : action }
}

extension FilterAction: ExpressibleByArgument {}

/// `1/64`, or `64`.
struct SampleShare: ExpressibleByArgument, Equatable {
  var oneIn: Int

  init?(argument: String) {
    let digits = argument.hasPrefix("1/") ? argument.dropFirst(2) : argument[...]
    guard let value = Int(digits), (2...32_768).contains(value), value & (value - 1) == 0 else {
      return nil
    }
    oneIn = value
  }
}
