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
  func filesOfAnEarlierRunAreReplacedOnRequest(_ more: [String]) throws {
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
      let next = try FileRead(
        [capture, "--format", format, "-o", target, "--quiet", "--overwrite"] + more)
      #expect(next.status == .exited(0), "\(next.errors)")
    }
    #expect(try names(logs) == Set(mine + ["conn.log", "weird.log"]))
    #expect(try names(records) == Set(mine + ["flow.json", "anomaly.json"]))
  }

  /// An analyst's records of another capture are not deleted, and not mixed with this one's.
  @Test func filesOfAnEarlierRunAreNotTouched() throws {
    let target = folder.file("records")
    let capture = try quiet()
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    try put(["notes.txt"], target)
    // Of another format, and of none.
    for arguments in [["--format", "zeek"], ["--format", "eve"]] {
      let run = try FileRead([capture, "-o", target, "--quiet"] + arguments)
      #expect(run.status == .exited(0), "\(run.errors)")
    }
    try put(["dns.json", "http.json", "tls.json"], target)
    let before = try names(target)
    let times = try modified(target)
    for more in [
      [], ["--extract-files", folder.file("files")], ["--index", folder.file("index")],
    ] {
      let run = try FileRead([Captures.demo, "--format", "eve", "-o", target, "--quiet"] + more)
      #expect(run.status == .exited(74))
      #expect(
        run.errors.contains(
          "records are there already: flow.json, anomaly.json, dns.json, tls.json and 1 more"),
        "\(run.errors)")
      #expect(run.errors.contains("--overwrite"))
    }
    #expect(try names(target) == before && modified(target) == times)
    #expect(try names(folder.path) == ["quiet.pcap", "records"])
    let run = try FileRead([
      Captures.demo, "--format", "eve", "-o", target, "--quiet", "--overwrite",
    ])
    #expect(run.status == .exited(0), "\(run.errors)")
    #expect(try modified(target) != times)
  }

  /// A file is replaced without asking, as other programs do.
  @Test func overwriteIsForFolders() throws {
    let run = try FileRead([Captures.demo, "-o", folder.file("x.json"), "--overwrite"])
    #expect(run.status == .exited(64))
    #expect(run.errors.contains("--overwrite is for --output FOLDER"), "\(run.errors)")
  }

  private func modified(_ path: String) throws -> [String: Date] {
    var times: [String: Date] = [:]
    for name in try names(path) {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
      times[name] = attributes[.modificationDate] as? Date
    }
    return times
  }

  @Test func aRunThatNeverBeganLeavesThem() throws {
    let target = folder.file("records")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    try put(["dns.json"], target)
    let run = try FileRead([
      Captures.demo, "--format", "eve", "-o", target, "--publish", "redis://127.0.0.1:1",
      "--sensor", "nobody", "--overwrite",
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
