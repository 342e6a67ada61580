import ArgumentParser
import ControlAPI

/// The operator's and the analyst's command line.
@main
struct Martlet: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "martlet",
    abstract: "Read capture files; see what a running Martlet engine does.",
    discussion: """
      EXAMPLES
        martlet read capture.pcap   every conversation in it; --summary: at a glance
        martlet status              what the engine is made of; its health
        martlet top                 the busiest flows, live
        martlet stats --watch 2     every counter, with rates, every two seconds
        martlet stats --json | jq .totals
        martlet tune polling busy   changed while it runs; without words: what can be
        martlet doctor              what on this host costs packets

      EXIT STATUS
        0   done                 69  martletd cannot be reached
        1   it failed            77  not permitted
        64  wrong usage          `martlet read --help` has more, for files
      """,
    subcommands: [
      Read.self, Status.self, Stats.self, Top.self, Tune.self, DoctorCommand.self, Audit.self,
      Shutdown.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ControlClientError {
      fail("\(error)", ExitStatus(error))
    } catch let error as RPCError {
      fail(describe(error), ExitStatus(error))
    } catch {
      exit(withError: error)
    }
  }

  private static func describe(_ error: RPCError) -> String {
    guard case .string(let reason) = error.data?["reason"] else { return "\(error)" }
    return "\(error): \(reason)"
  }

  private static func fail(_ message: String, _ status: ExitStatus) -> Never {
    Output.writeError("martlet: \(printable(message))\n")
    exit(withError: ExitCode(status.rawValue))
  }
}

/// How the command ends; the numbers are those of sysexits.h.
enum ExitStatus: Int32 {
  case success = 0
  case failure = 1
  /// EX_USAGE
  case usage = 64
  /// EX_DATAERR
  case badData = 65
  /// EX_NOINPUT
  case noInput = 66
  /// EX_UNAVAILABLE
  case unavailable = 69
  /// EX_IOERR
  case ioError = 74
  /// EX_NOPERM
  case notPermitted = 77
  /// As the shell has it: 128 and SIGINT's number.
  case interrupted = 130

  init(_ error: ControlClientError) {
    switch error.kind {
    case .unavailable, .connectionLost, .timedOut: self = .unavailable
    case .notPermitted: self = .notPermitted
    case .badPath: self = .usage
    case .badAnswer: self = .failure
    }
  }

  init(_ error: RPCError) {
    switch error.code {
    case .notPermitted: self = .notPermitted
    case .tooManyClients, .timedOut: self = .unavailable
    default: self = .failure
    }
  }
}
