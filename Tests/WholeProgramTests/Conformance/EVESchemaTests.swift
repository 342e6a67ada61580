import Foundation
import Testing

/// What `martlet read` writes of real captures, against the schema that is published for it.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct EVESchemaTests {
  /// Every n-th capture of each folder, so that all corpora, link types and tunnels are in the sample.
  static let step = 12
  /// Types that the others may lack.
  static let rare = ["/sip.pcap", "/snmp.pcap"]

  @Test func recordsAreValid() throws {
    let temporary = try TemporaryFolder()
    var lines: [Substring] = []
    var events: [String: Int] = [:]
    for (index, entry) in Captures.manifest.enumerated()
    where index % Self.step == 0 || Self.rare.contains(where: entry.path.hasSuffix) {
      guard let capture = Captures.path(entry.path) else { continue }
      let run = try FileRead([capture, "--format", "eve", "--quiet", "--checksums", "count"])
      // A few records of each type of a capture are as good as all.
      var taken: [Substring: Int] = [:]
      for line in run.output.split(separator: "\n") {
        guard let name = line.firstRange(of: "\"event_type\":\"") else { continue }
        let event = line[name.upperBound...].prefix { $0 != "\"" }
        taken[event, default: 0] += 1
        if taken[event, default: 0] <= 40 { lines.append(line) }
      }
      for (event, count) in taken { events[String(event), default: 0] += min(count, 40) }
    }
    let path = temporary.file("records.json")
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path))
    guard let said = try Self.validate(path) else { return }
    print("EVE against its schema: \(events)")
    #expect(said == "\(lines.count) valid\n")
    #expect(events["flow", default: 0] > 400)
    #expect(events["anomaly", default: 0] > 50)
    for event in ["dns", "tls", "http", "quic", "ssh", "smtp", "ftp", "dhcp", "ntp", "snmp", "sip"]
    {
      #expect(events[event, default: 0] > 0, "\(event)")
    }
  }

  /// The first of what the validator says; nil where there is none on this machine.
  private static func validate(_ path: String) throws -> String? {
    let script = """
      import json, sys
      try:
          from jsonschema import Draft202012Validator
      except ImportError:
          sys.exit(77)
      validator = Draft202012Validator(json.load(open(sys.argv[1])))
      count = 0
      wrong = {}
      for line in open(sys.argv[2]):
          record = json.loads(line)
          for error in validator.iter_errors(record):
              key = (error.json_path, error.message[:160])
              wrong[key] = wrong.get(key, 0) + 1
          count += 1
      for (path, message), times in sorted(wrong.items(), key=lambda item: -item[1])[:40]:
          print("invalid", times, path, message)
      print(count, "valid" if not wrong else "read")
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let schema = Captures.packageRoot + "/config/schema/eve.schema.json"
    process.arguments = ["python3", "-c", script, schema, path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus == 77 || process.terminationStatus == 127 {
      print("SKIPPED: python3 with jsonschema is not there; no record was held against the schema")
      return nil
    }
    #expect(process.terminationStatus == 0)
    return String(decoding: said, as: UTF8.self)
  }
}
