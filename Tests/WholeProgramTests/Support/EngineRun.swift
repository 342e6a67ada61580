import ControlAPI
import Foundation

/// martletd on a configuration that a test writes, with a Redis of its own behind it.
final class EngineRun {
  let folder: TemporaryFolder
  let redis: RedisServer
  let process: Subprocess
  let socketPath: String
  static let sensor = "test"

  /// Starts it and waits until its control socket says that it runs: it answers before that.
  ///
  /// - Parameters:
  ///   - ports: YAML of the list `ports:`, indented by two.
  ///   - engine: further lines of `engine:`, indented by two.
  ///   - more: further sections.
  ///   - openFolders: every user may go in, for a martletd that is not root's.
  ///   - wrapper: a program and its arguments that martletd is started by (setpriv, ip netns exec …).
  init(
    ports: String, workers: Int = 1, engine: String = "", more: String = "",
    noHugepages: Bool = true, sinks: String? = nil, wrapper: [String] = [],
    arguments: [String] = [], redisArguments: [String] = [], openFolders: Bool = false
  ) throws {
    folder = try TemporaryFolder()
    redis = try RedisServer(arguments: redisArguments)
    if openFolders {
      chmod(folder.path, 0o777)
      chmod((redis.socketPath as NSString).deletingLastPathComponent, 0o755)
    }
    socketPath = folder.file("control.sock")
    let sinkLines = sinks ?? "  - {type: redis, url: \"\(redis.url)\", lingerMilliseconds: 20}"
    let configuration = try folder.write(
      """
      sensor: \(Self.sensor)
      engine:
        workers: \(workers)
        shareCores: true
        polling: adaptive
        noHugepages: \(noHugepages)
      \(engine)
      ports:
      \(ports)
      flows:
        capacity: 65536
        timeouts: {activeSeconds: 0}
      sinks:
      \(sinkLines)
      control:
        socket: \(socketPath)
        mode: "0666"
      \(more)
      """, as: "martlet.yaml")
    let command =
      wrapper + [Programs.martletd, "--config", configuration] + arguments
    process = try Subprocess(command[0], Array(command.dropFirst()))
    let answers = eventually(within: 30) {
      !self.process.isRunning || (try? self.status())?.state == .running
    }
    guard answers, process.isRunning else {
      throw SupportError("martletd did not come up:\n\(process.standardError.suffix(2000))")
    }
  }

  func status() throws -> EngineStatus {
    try ControlClient(socketPath: socketPath, timeoutSeconds: 5).call(.engineStatus)
  }

  func stats() throws -> EngineStats {
    try ControlClient(socketPath: socketPath, timeoutSeconds: 5).call(.statsGet)
  }

  /// Waits until so many packets have been received.
  func waitForPackets(_ count: Int, seconds: Double = 60) throws {
    var last = EngineStats()
    let came = eventually(within: seconds) {
      last = (try? self.stats()) ?? last
      return last.totals.received >= UInt64(count)
    }
    guard came else {
      throw SupportError(
        "only \(last.totals.received) of \(count) packets arrived:\n"
          + process.standardError.suffix(1000))
    }
  }

  /// SIGTERM, the orderly end, exit 0; then what stands in Redis.
  func finish() throws -> Outcome {
    let status = try process.terminate(seconds: 60)
    guard status == .exited(0) else {
      throw SupportError("martletd ended with \(status):\n\(process.standardError.suffix(2000))")
    }
    return try outcome()
  }

  /// What stands in Redis and on standard output after the end.
  func outcome() throws -> Outcome {
    let connection = try redis.connect()
    let flows = try connection.records(sensor: Self.sensor)
    guard let stats = try connection.records(sensor: Self.sensor, type: "stats").last else {
      throw SupportError("there is no stats record:\n\(process.standardError.suffix(2000))")
    }
    return Outcome(
      flows: flows, stats: stats, summary: process.standardOutput,
      log: process.standardError)
  }

  struct Outcome {
    let flows: [[String: Any]]
    let stats: [String: Any]
    let summary: String
    let log: String

    /// What the last `stats` record and the summary say against conservation; empty is right.
    var imbalance: [String] {
      var wrong: [String] = []
      func number(_ path: String...) -> Int {
        var value: Any? = stats
        for name in path { value = (value as? [String: Any])?[name] }
        return (value as? NSNumber)?.intValue ?? -1
      }
      let received = number("stats", "decoder", "pkts")
      let sum =
        number("stats", "packets", "in_flows") + number("stats", "packets", "filtered")
        + number("stats", "packets", "not_ip") + number("stats", "packets", "discarded")
        + number("stats", "packets", "held")
      if received != sum || received < 0 {
        wrong.append("received \(received), accounted for \(sum)")
      }
      let made = number("stats", "records", "dropped")
      if made != 0 { wrong.append("\(made) records dropped") }
      if !summary.contains("accounted for  every packet") { wrong.append(summary) }
      return wrong
    }
  }
}
