import Foundation
import Testing

/// `martlet read -o FOLDER`: a file for each type of record.
@Suite struct ReadFolderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func names(_ path: String) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: path))
  }

  private func put(_ names: [String], _ within: String) throws {
    for name in names {
      try Data("of an earlier run\n".utf8).write(to: URL(fileURLWithPath: "\(within)/\(name)"))
    }
  }

  /// A capture with one TCP flow that nobody knows the protocol of.
  private func quiet() throws -> String {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "hello")
    let path = folder.file("quiet.pcap")
    try capture.write(to: path)
    return path
  }

  @Test(arguments: [[], ["--protocols", "none"], ["--sorted"]] as [[String]])
  func filesOfAnEarlierRunAreGone(_ more: [String]) throws {
    let (logs, records) = (folder.file("logs"), folder.file("records"))
    let capture = try quiet()
    for (format, target) in [("zeek", logs), ("eve", records)] {
      let first = try FileRead([Captures.demo, "--format", format, "-o", "\(target)/", "--quiet"])
      #expect(first.status == .exited(0), "\(first.errors)")
    }
    #expect(try names(logs).isSuperset(of: ["conn.log", "weird.log", "dns.log", "http.log"]))
    #expect(try names(records).isSuperset(of: ["flow.json", "anomaly.json", "dns.json"]))
    let mine = ["notes.log", "stats.json.bak", "index.json", "flow.csv"]
    for target in [logs, records] { try put(mine, target) }
    for (format, target) in [("zeek", logs), ("eve", records)] {
      let next = try FileRead([capture, "--format", format, "-o", target, "--quiet"] + more)
      #expect(next.status == .exited(0), "\(next.errors)")
    }
    #expect(try names(logs) == Set(mine + ["conn.log", "weird.log"]))
    #expect(try names(records) == Set(mine + ["flow.json", "anomaly.json"]))
  }

  @Test func aRunThatNeverBeganLeavesThem() throws {
    let target = folder.file("records")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    try put(["dns.json"], target)
    let run = try FileRead([
      Captures.demo, "--format", "eve", "-o", target, "--publish", "redis://127.0.0.1:1",
      "--sensor", "nobody",
    ])
    #expect(run.status == .exited(69))
    #expect(try names(target).contains("dns.json"))
  }

  /// Whatever it is called, and whether or not it would have been written.
  @Test func anInputInTheFolderIsNotOverwritten() throws {
    let input = folder.file("tls.json")
    try FileManager.default.copyItem(atPath: Captures.demo, toPath: input)
    let run = try FileRead([input, "--format", "eve", "-o", folder.path])
    #expect(run.status == .exited(64))
    #expect(run.errors.contains("is an input and would be overwritten"), "\(run.errors)")
    #expect(try names(folder.path) == ["tls.json"])
  }

  /// The name says that it is Zeek's: all logs are there that `--format zeek` would give.
  @Test func aFolderCalledLogIsZeeks() throws {
    let (named, asked) = (folder.file("x.log/"), folder.file("asked/"))
    for arguments in [["-o", named], ["--format", "zeek", "-o", asked]] {
      let run = try FileRead([Captures.demo, "--quiet"] + arguments)
      #expect(run.status == .exited(0), "\(run.errors)")
    }
    let found = try names(named)
    let expected = try names(asked)
    #expect(found.contains("dns.log") && found == expected)
    for name in found.subtracting(["conn.log", "weird.log"]) {
      let lines = try [named, asked].map {
        try String(contentsOfFile: $0 + name, encoding: .utf8).split(separator: "\n").count
      }
      #expect(lines[0] == lines[1], "\(name)")
    }
  }
}
