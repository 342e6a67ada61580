import Foundation

@testable import Forwarding

/// An rsyslogd of the test's own, which writes what it has understood of each message as JSON.
final class Rsyslogd {
  let directory: WireDirectory
  let destination: SyslogDestination
  private var process: Process?

  static let isInstalled = WireProgram.isInstalled("rsyslogd", tests: "SYSLOG TO RSYSLOG IS")

  /// - Parameter input: of imtcp, more than the port.
  init(
    _ transport: SyslogTransport, directory: WireDirectory? = nil, global: String = "",
    module: String = "", host: String = "127.0.0.1"
  ) throws {
    self.directory = try directory ?? WireDirectory()
    let port = try WireSocket.freePort(datagrams: transport == .udp)
    destination = SyslogDestination(transport: transport, host: host, port: port)
    let name = transport == .udp ? "imudp" : "imtcp"
    let limit = transport == .udp ? "" : "maxFrameSize=\"2000000\""
    try """
    global(workDirectory="\(self.directory.path)" maxMessageSize="2m"
      parser.escapeControlCharactersOnReceive="off" \(global))
    main_queue(queue.type="FixedArray" queue.size="1000")
    module(load="\(name)" \(limit) \(module))
    input(type="\(name)" address="127.0.0.1" port="\(port)")
    template(name="parsed" type="list" option.jsonf="on") {
      property(outname="pri" name="pri" format="jsonf")
      property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
      property(outname="hostname" name="hostname" format="jsonf")
      property(outname="application" name="app-name" format="jsonf")
      property(outname="process" name="procid" format="jsonf")
      property(outname="message_id" name="msgid" format="jsonf")
      property(outname="data" name="structured-data" format="jsonf")
      property(outname="message" name="msg" format="jsonf")
    }
    action(type="omfile" file="\(output)" template="parsed")

    """.write(toFile: configuration, atomically: true, encoding: .utf8)
    try launch()
  }

  deinit { stop(SIGKILL) }

  private var configuration: String { "\(directory.path)/rsyslog.conf" }
  private var output: String { "\(directory.path)/messages" }

  func launch() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: WireProgram.path("rsyslogd") ?? "")
    process.arguments = ["-n", "-iNONE", "-f", configuration]
    let log = "\(directory.path)/log"
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    process.standardError = FileHandle(forWritingAtPath: log)
    process.standardOutput = process.standardError
    try process.run()
    self.process = process
    let table = destination.transport == .udp ? "udp" : "tcp"
    let wanted = ":" + String(destination.port, radix: 16, uppercase: true).leftPadded(to: 4) + " "
    try wireUntil("rsyslogd listens") {
      let sockets = try String(contentsOfFile: "/proc/net/\(table)", encoding: .utf8)
      return sockets.split(separator: "\n").contains {
        // 0A is LISTEN; a UDP socket that is bound is 07.
        $0.contains(wanted + "00000000:0000 ") && ($0.contains(" 0A ") || $0.contains(" 07 "))
      }
    }
  }

  func stop(_ signal: Int32) {
    guard let process, process.isRunning else { return }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
  }

  struct Message {
    var document: EVEDocument

    subscript(name: String) -> String { document.text(EVEPath(name)) ?? "" }

    /// What stands in the structured data for a name.
    func parameter(_ name: String) -> String? {
      let data = self["data"]
      guard let start = data.firstRange(of: " \(name)=\"")?.upperBound else { return nil }
      return data[start...].firstIndex(of: "\"").map { String(data[start..<$0]) }
    }
  }

  /// What it has written so far. A line that a kill has cut goes on with the next message.
  func messages() throws -> [Message] {
    guard let data = FileManager.default.contents(atPath: output) else { return [] }
    return data.split(separator: UInt8(ascii: "\n")).compactMap { line in
      if let document = try? EVEDocument(Array(line)) { return Message(document: document) }
      guard let start = line.lastRange(of: Data("{\"pri\":".utf8)) else { return nil }
      return (try? EVEDocument(Array(line[start.lowerBound...]))).map(Message.init)
    }
  }

  /// Waits for so many messages with different identifiers.
  func messages(_ count: Int, seconds: Double = 30) throws -> [Message] {
    var result: [Message] = []
    var sizeBefore = -1
    try wireUntil("\(count) messages", seconds: seconds) {
      // Reading all of it takes a while: only where there is something new.
      let size = FileManager.default.contents(atPath: output)?.count ?? 0
      guard size != sizeBefore else { return false }
      sizeBefore = size
      result = try messages()
      return Set(result.compactMap { $0.parameter("id") }).count >= count
    }
    return result
  }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - count)) + self
  }
}

extension Data {
  fileprivate func lastRange(of other: Data) -> Range<Data.Index>? {
    range(of: other, options: .backwards)
  }
}
