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
}
