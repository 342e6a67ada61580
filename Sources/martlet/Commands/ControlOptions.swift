import ArgumentParser
import ControlAPI
import Foundation

/// What every command that talks to the engine takes.
struct ControlOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The engine's control socket. Default: $\(ControlSocket.environmentVariable), else "
        + "\(ControlSocket.defaultPath).", valueName: "path"))
  var socket: String?

  @Flag(help: "Print the engine's answer as JSON.")
  var json = false

  var socketPath: String {
    if let socket { return socket }
    let fromEnvironment = ProcessInfo.processInfo.environment[ControlSocket.environmentVariable]
    if let fromEnvironment, !fromEnvironment.isEmpty { return fromEnvironment }
    return ControlSocket.defaultPath
  }

  func connect(timeoutSeconds: Double = 10) throws -> ControlClient {
    try ControlClient(socketPath: socketPath, timeoutSeconds: timeoutSeconds)
  }

  /// Asks one thing, and writes the answer: as JSON where it is wanted, else as `view` makes it of the
  /// answer and the width.
  func ask<Parameters: ControlParameters, Answer: Decodable>(
    _ method: ControlMethod, _ parameters: Parameters = NoParameters(), as type: Answer.Type,
    timeoutSeconds: Double = 10, _ view: (Answer, Int, Style) throws -> [String]
  ) throws {
    let client = try connect(timeoutSeconds: timeoutSeconds)
    let answer = try client.callValue(method, parameters)
    if json { return Output.write(answer) }
    Output.write(
      try view(client.decode(type, from: answer), Output.width(), .ofStandardOutput()))
  }
}
