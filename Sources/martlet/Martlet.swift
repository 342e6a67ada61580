import ArgumentParser
import ControlAPI

/// The operator's and the analyst's command line.
@main
struct Martlet: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "martlet",
    abstract: "Read capture files; see and steer what a running Martlet engine does.",
    discussion: """
      EXAMPLES
        martlet read capture.pcap   every conversation in it; --summary: at a glance
        martlet top                 the link, live: rates, drops, the busiest flows
        martlet status              what the engine is made of; its health
        martlet stats               every counter, and rates of 1, 10 and 60 s
        martlet watch               a line a second, as vmstat has it
        martlet filter add web 'tcp port 80' --action drop
        martlet flows --where 'dest_port == 443' --order rate
        martlet trace 'host 192.0.2.1' -n 5
                                    the next packets, each with what became of it
        martlet tune polling busy   changed while it runs; without words: what can be
        martlet audit verify        nobody changed the log of changes
        martlet doctor              what on this host costs packets
        martlet stats --json | jq .totals

      EXIT STATUS
        0   done
        1   it failed, the engine refused it, or there was no such thing
        64  wrong usage
        69  martletd cannot be reached, or went away
        77  not permitted
        130 interrupted
        `martlet read --help` and `martlet doctor --help` have more of their own.

      COMPLETION
        martlet --generate-completion-script bash > /etc/bash_completion.d/martlet
        (zsh and fish likewise; `make install` does it)
      """,
    version: version,
    subcommands: [
      Read.self, Top.self, Status.self, Stats.self, Watch.self, FilterCommand.self,
      FlowsCommand.self, PortsCommand.self, Trace.self, Tune.self, Reload.self,
      LogLevelCommand.self,
      Audit.self, ForwardCommand.self, DoctorCommand.self, Shutdown.self,
    ])

  static func main() {
    var command: any ParsableCommand
    do {
      command = try parseAsRoot()
    } catch {
      exit(withError: error)
    }
    do {
      try command.run()
    } catch let error as ValidationError {
      // Found while it runs, when the command is known no more: the usage would be martlet's own.
      fail(error.message, .usage)
    } catch let error as ControlClientError {
      fail("\(error)", ExitStatus(error))
    } catch let error as RPCError {
      fail(error.explanation, ExitStatus(error))
    } catch let error as NothingFound {
      fail("\(error)", .failure)
    } catch let error as RedisTrouble {
      fail("\(error)", error.status)
    } catch let error as ForwardTrouble {
      fail("\(error)", .failure)
    } catch {
      exit(withError: error)
    }
  }

  private static func fail(_ message: String, _ status: ExitStatus) -> Never {
    Output.writeError("martlet: \(printableLines(message))\n")
    exit(withError: ExitCode(status.rawValue))
  }
}
