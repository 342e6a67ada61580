import Foundation
import Testing

/// `martletd --check`: what an operator, `make install` and systemd's ExecStartPre see.
@Suite("martletd --check")
struct CheckTests {
  private func check(_ path: String, environment: [String: String?] = [:]) throws -> (
    status: Subprocess.Status, output: String, errors: [String]
  ) {
    let process = try Subprocess(
      Programs.martletd, ["--check", "--config", path], environment: environment)
    let status = try process.wait(seconds: 30)
    let errors = process.standardError.split(separator: "\n").map(String.init)
    return (status, process.standardOutput, errors)
  }

  private func written(_ text: String) throws -> (
    status: Subprocess.Status, output: String, errors: [String]
  ) {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, as: "m.yaml")
    let result = try check(path)
    return (
      result.status, result.output, result.errors.map { $0.replacing(folder.path + "/", with: "") }
    )
  }

  @Test("the demonstration is right")
  func demo() throws {
    let path = "\(Captures.packageRoot)/config/demo.yaml"
    let (status, output, errors) = try check(
      path, environment: ["REDIS_URL": nil, "MARTLET_RUN": nil, "MARTLET_CAPTURE": nil])
    #expect(status == .exited(0))
    #expect(output.hasSuffix("\n\n\(path): right; 1 port, 2 workers\n"))
    #expect(output.contains("total  "))
    #expect(errors == [])
  }

  @Test("a capture that is to be played must be there")
  func capture() throws {
    let (status, output, errors) = try written(
      """
      sensor: s
      ports: [{name: p, player: {capture: nosuch.pcap}}]
      sinks: [{type: file, path: /tmp/x.json}]
      """)
    #expect(status == .exited(78) && output == "")
    #expect(
      errors == ["m.yaml: ports[0].player.capture: nosuch.pcap: No such file or directory"],
      "\(errors)")
  }

  @Test("everything wrong is said on standard error, a line each, with exit 78")
  func wrong() throws {
    let (status, output, errors) = try written(
      """
      sensor: no spaces
      engine:
        wokers: 2
        polling: lazy
      ports:
        - name: p
          device: net_ring0
          queues: 3
      sinks:
        - type: file
      """)
    #expect(status == .exited(78))
    #expect(output == "")
    #expect(
      errors == [
        "m.yaml:1: sensor: is \"no spaces\"; letters, digits, `.`, `_` and `-` would be right, at"
          + " most 64",
        "m.yaml:3: engine.wokers: is no key of the configuration; did you mean workers?",
        "m.yaml:4: engine.polling: is \"lazy\"; it is one of busy, adaptive",
        "m.yaml:8: ports[0].queues: is 3 for 1 workers; each queue needs a worker of its own",
        "m.yaml:10: sinks[0].path: is missing; name the file",
      ])
  }

  @Test("what is no YAML, and what is not there, is exit 78 as well")
  func unreadable() throws {
    let broken = try written("sensor: s\nports: [\n")
    #expect(broken.status == .exited(78))
    #expect(broken.errors.count == 1)
    #expect(broken.errors.first?.hasPrefix("m.yaml:3: is not YAML: ") == true, "\(broken.errors)")
    let absent = try check("/nonexistent/martlet.yaml")
    #expect(absent.status == .exited(78))
    #expect(
      absent.errors == ["/nonexistent/martlet.yaml: there is no such file; give one with --config"])
  }

  @Test("a core that the machine does not have is a wrong configuration")
  func cores() throws {
    let result = try written(
      """
      sensor: s
      engine: { cores: [4095] }
      ports: [{ name: p, device: net_ring0 }]
      sinks: [{ type: stdout }]
      """)
    #expect(result.status == .exited(78))
    #expect(result.errors.count == 1)
    #expect(
      result.errors.first?.hasPrefix("m.yaml: engine.cores: core 4095 is not there") == true,
      "\(result.errors)")
  }

  @Test("what is odd is a warning, and right")
  func warning() throws {
    let result = try written(
      "sensor: s\nengine: { shareCores: true }\nports: [{ name: p, device: net_ring0 }]\n")
    #expect(result.status == .exited(0))
    #expect(
      result.errors == [
        "warning: m.yaml: sinks: there is none: records are made and thrown away"
      ])
  }

  @Test("a wrong command line is exit 64")
  func usage() throws {
    let process = try Subprocess(Programs.martletd, ["--chekc"])
    #expect(try process.wait(seconds: 30) == .exited(64))
  }
}
