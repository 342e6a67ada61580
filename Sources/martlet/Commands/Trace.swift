import ArgumentParser
import ControlAPI
import Foundation

struct Trace: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the next packets that match, each with what became of it.",
    discussion: """
      Each packet's way: how it was parsed, which rule caught it, which flow it belongs to, and what \
      was noted of it. Only the packets that are shown cost anything.

      EXAMPLES
        martlet trace                          the next ten, whatever they are
        martlet trace 'host 192.0.2.1 and port 443' -n 3
        martlet trace 'vlan 100' --timeout 30 --write vlan100.pcapng
        martlet trace 'udp port 53' --write - | tshark -r -
      """)

  @OptionGroup var options: ControlOptions

  @Argument(help: "A libpcap expression. Default: every packet.") var expression: [String] = []

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("How many packets, 1 to 256.", valueName: "count"))
  var packets = 10

  @Option(help: ArgumentHelp("Where fewer come, wait no longer.", valueName: "seconds"))
  var timeout = 5.0

  @Option(
    help: ArgumentHelp("Only packets of this port; may be repeated.", valueName: "port"),
    completion: Completion.ports)
  var port: [String] = []

  @Flag(help: "The expression sees the innermost packet, behind the tunnel.") var inner = false

  @Option(
    name: [.customShort("w"), .long],
    help: ArgumentHelp(
      "Write the packets to this file as pcapng; - is standard output, and nothing else is shown.",
      valueName: "file"), completion: .file(extensions: ["pcapng"]))
  var write: String?

  func validate() throws {
    if !TraceParameters.packetsRange.contains(packets) {
      throw ValidationError("--packets takes 1 to \(TraceParameters.packetsRange.upperBound)")
    }
    if !TraceParameters.timeoutRange.contains(timeout) {
      throw ValidationError(
        "--timeout takes 0.1 to \(Int(TraceParameters.timeoutRange.upperBound)) seconds")
    }
    if write == "-" && options.json {
      throw ValidationError("--json and --write - are two outputs")
    }
    if write == "-" && Output.isTerminal {
      throw ValidationError("a terminal cannot show pcapng; give a file or a pipe")
    }
  }

  func run() throws {
    // The engine answers within its own timeout; the client gives it some more.
    let client = try options.connect(timeoutSeconds: timeout + 10)
    let parameters = TraceParameters(
      expression: expression.joined(separator: " "), packets: packets, timeoutSeconds: timeout,
      inner: inner, ports: port.isEmpty ? nil : port, pcapng: write != nil)
    let value = try client.callValue(.tracePackets, parameters)
    let answer = try client.decode(TraceAnswer.self, from: value)
    if let write { try save(answer, to: write) }
    if options.json {
      Output.write(value)
    } else if write != "-" {
      var lines = TraceView.lines(answer, width: Output.width(), style: .ofStandardOutput())
      if let write, !answer.packets.isEmpty {
        lines.append("\(answer.packets.count) packets written to \(printable(write))")
      }
      Output.write(lines)
    }
    if answer.packets.isEmpty {
      throw NothingFound("no packet matched within \(Units.duration(timeout))")
    }
  }

  private func save(_ answer: TraceAnswer, to path: String) throws {
    if answer.packets.isEmpty { return }
    guard let data = answer.pcapng.flatMap({ Data(base64Encoded: $0) }) else {
      throw ControlClientError(.badAnswer, "martletd sent no packets' bytes that can be used")
    }
    let handle: FileHandle
    if path == "-" {
      handle = .standardOutput
    } else {
      // What is in packets is for nobody else.
      let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else {
        throw NothingFound("cannot write \(path): \(String(cString: strerror(errno)))")
      }
      handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
    do {
      try handle.write(contentsOf: data)
    } catch {
      throw NothingFound("cannot write \(path): \(error.localizedDescription)")
    }
  }
}
