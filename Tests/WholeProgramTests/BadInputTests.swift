import Foundation
import Testing

/// Everything that can be wrong at start: one clear line that says where and what would be right, the
/// right exit status, and nothing left behind.
@Suite(.serialized, .enabled(if: Requirements.redis, "needs redis-server"))
struct BadInputTests {
  /// Runs martletd on a configuration to its end.
  private func run(
    _ text: String, arguments: [String] = [], wrapper: [String] = []
  ) throws -> (status: Subprocess.Status, lines: [String], folder: TemporaryFolder) {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      text.replacing("FOLDER", with: folder.path), as: "martlet.yaml")
    let command = wrapper + [Programs.martletd, "--config", path] + arguments
    let process = try Subprocess(command[0], Array(command.dropFirst()))
    let status = try process.wait(seconds: 60)
    let lines = process.standardError.split(separator: "\n").map {
      String($0).replacing(folder.path, with: "FOLDER")
    }
    return (status, lines, folder)
  }

  /// A configuration that is right but for what a test puts in.
  private func configuration(
    ports: String = "[{name: p0, device: \"net_null0\"}]", engine: String = "",
    sinks: String = "[{type: \"null\"}]", socket: String = "FOLDER/control.sock"
  ) -> String {
    """
    sensor: bad
    engine: {workers: 1, shareCores: true, noHugepages: true, polling: adaptive\(engine)}
    ports: \(ports)
    sinks: \(sinks)
    control: {socket: "\(socket)"}
    log: {level: error}
    """
  }

  /// The one line that is martletd's own; DPDK's driver may have added its own view.
  private func own(_ lines: [String]) -> [String] {
    lines.filter { !$0.contains("DPDK: ") && !$0.hasPrefix("EAL: ") }
  }

  @Test func everythingWrongAtOnceWithCheck() throws {
    let result = try run(
      """
      sensr: bad
      engine: {workers: two, cores: [0, 0]}
      ports:
        - {name: p0, device: net_null0, rxDescriptors: 1}
      """, arguments: ["--check"])
    #expect(result.status == .exited(78))
    #expect(
      Set(result.lines) == [
        "FOLDER/martlet.yaml:1: sensor: is missing; Name of this sensor, in every record and"
          + " stream; letters, digits, `.`, `_`, `-`",
        "FOLDER/martlet.yaml:1: sensr: is no key of the configuration; did you mean sensor?",
        "FOLDER/martlet.yaml:2: engine.cores: gives core 0 to two workers; name another, or set"
          + " engine.shareCores: true",
        "FOLDER/martlet.yaml:2: engine.workers: is \"two\"; a whole number from 1 to 128 would be"
          + " right",
        "FOLDER/martlet.yaml:4: ports[0].rxDescriptors: is 1; a whole number from 64 to 32768"
          + " would be right",
      ])
  }

  @Test func aFileThatIsNotThere() throws {
    let process = try Subprocess(Programs.martletd, ["--config", "/nowhere/martlet.yaml"])
    #expect(try process.wait(seconds: 30) == .exited(78))
    #expect(
      process.standardError
        == "/nowhere/martlet.yaml: there is no such file; give one with --config\n")
  }

  @Test func moreWorkersThanCores() throws {
    let result = try run(
      configuration().replacing("workers: 1, shareCores: true", with: "workers: 100"))
    #expect(result.status == .exited(78))
    #expect(own(result.lines).count == 1)
    #expect(result.lines[0].contains("engine.workers: 100 workers need 100 cores"))
    #expect(result.lines[0].contains("engine.shareCores: true"))
  }

  @Test func aPortThatIsNotThere() throws {
    for device in ["0000:ff:1f.7", "net_nosuch0", "net_af_packet0,iface=nosuch0"] {
      let result = try run(configuration(ports: "[{name: p0, device: \"\(device)\"}]"))
      #expect(result.status == .exited(78), "\(device)")
      #expect(own(result.lines).count == 1, "\(device): \(result.lines)")
      #expect(own(result.lines).first?.contains("port p0: ") == true, "\(device)")
    }
  }

  @Test func moreQueuesThanThePortHas() throws {
    let result = try run(
      configuration(
        ports: "[{name: p0, device: \"net_pcap0,rx_pcap=\(Captures.demo)\", queues: 2}]"
      ).replacing("workers: 1", with: "workers: 2"))
    #expect(result.status == .exited(78))
    #expect(
      own(result.lines) == [
        "FOLDER/martlet.yaml: port p0: 2 queues asked for, the port has 1; set queues to at most 1"
      ])
  }

  @Test func aCaptureThatIsNone() throws {
    let result = try run(
      configuration(ports: "[{name: p0, player: {capture: FOLDER/martlet.yaml}}]"))
    #expect(result.status == .exited(78))
    #expect(own(result.lines).count == 1)
    #expect(own(result.lines)[0].contains("port p0: "))
  }

  @Test func noRedisWhereOneIsRequired() throws {
    let result = try run(
      configuration(sinks: "[{type: redis, url: \"unix:FOLDER/none.sock\", requireAtStart: true}]"))
    #expect(result.status == .exited(1))
    #expect(own(result.lines).count == 1, "\(result.lines)")
    #expect(own(result.lines)[0].contains("FOLDER/none.sock"))
  }

  @Test func aSecondWriterOfTheSameSensor() throws {
    let run = try EngineRun(ports: "  - {name: p0, device: net_null0}")
    let second = try self.run(
      configuration(sinks: "[{type: redis, url: \"\(run.redis.url)\"}]")
        .replacing("sensor: bad", with: "sensor: \(EngineRun.sensor)"))
    #expect(second.status == .exited(1))
    #expect(own(second.lines).count == 1, "\(second.lines)")
    #expect(own(second.lines)[0].contains("martlet:{test}:writer"))
    _ = try run.process.terminate(seconds: 60)
  }

  @Test func aSocketInUseOrTooLong() throws {
    let run = try EngineRun(ports: "  - {name: p0, device: net_null0}")
    let second = try self.run(configuration(socket: run.socketPath))
    #expect(second.status == .exited(1))
    #expect(own(second.lines).count == 1, "\(second.lines)")
    #expect(own(second.lines)[0].contains(run.socketPath))
    _ = try run.process.terminate(seconds: 60)
    let long = try self.run(
      configuration(socket: "/tmp/" + String(repeating: "x", count: 110)))
    #expect(long.status == .exited(78))
    #expect(long.lines.count == 1)
    #expect(
      long.lines[0].contains("control.socket: has 115 bytes; a socket's path has at most 107"))
  }

  @Test(.enabled(if: Requirements.isRoot, "needs root, to be nobody"))
  func tooFewHugepages() throws {
    let text = configuration(engine: ", memoryMegabytes: 900000")
      .replacing("noHugepages: true", with: "noHugepages: false")
    let result = try run(text)
    #expect(result.status == .exited(1))
    #expect(own(result.lines).count == 1)
    #expect(result.lines[0].contains("too few hugepages: 900000 MiB are needed"))
    #expect(result.lines[0].contains("/proc/sys/vm/nr_hugepages"))
    #expect(result.lines[0].contains("engine.noHugepages: true"))
  }

  /// What was started before the failure is gone: the same configuration, mended, starts at once.
  @Test func nothingIsLeftBehind() throws {
    let redis = try RedisServer()
    let broken = configuration(
      ports: "[{name: p0, device: \"net_null0\"}]",
      sinks: "[{type: redis, url: \"\(redis.url)\"}, {type: file, path: /nowhere/at/all.json}]")
    let result = try run(broken)
    #expect(result.status == .exited(1))
    #expect(own(result.lines).count == 1, "\(result.lines)")
    #expect(!FileManager.default.fileExists(atPath: result.folder.file("control.sock")))
    #expect(try redis.command("EXISTS", "martlet:{bad}:writer") == .integer(0))
  }
}
