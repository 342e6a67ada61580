import FlowEngine
import Foundation
import Records
import Sinks
import Testing

@testable import Forwarding

@Suite struct FileTargetTests {
  /// A folder of its own, gone at the end.
  private final class Folder {
    let path = NSTemporaryDirectory() + "martlet-files-\(UUID().uuidString)"
    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] {
      (try? FileManager.default.subpathsOfDirectory(atPath: path).sorted()) ?? []
    }
    func bytes(_ name: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(filePath: path + "/" + name)))
    }
    func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }
  }

  private final class Clock { var seconds = 1_795_239_360 }  // 2026-11-21T05:36:00Z

  private func records(_ count: Int, type: String = "flow") throws -> [ForwardRecord] {
    try (0..<count).map { number in
      var record = try ForwardSamples.record(
        #"{"event_type":"\#(type)","seq":\#(number)}"#, entry: UInt64(number))
      record.stream.type = type
      return record
    }
  }

  private func deliver(_ target: FileTarget, _ records: [ForwardRecord]) throws {
    let outcomes = try target.deliver(records, interruption: Interruption())
    #expect(outcomes == Array(repeating: .delivered, count: records.count))
  }

  @Test func linesAreInAFileThatGetsItsNameAtTheEnd() throws {
    let folder = try Folder()
    let target = try FileTarget(
      FileTargetSettings(pattern: folder.path + "/a/flows.ndjson", syncs: true))
    try target.open()
    try deliver(target, try records(2))
    #expect(folder.names == ["a", "a/flows.ndjson.part"])
    target.close()
    #expect(folder.names == ["a", "a/flows.ndjson"])
    #expect(
      try folder.text("a/flows.ndjson")
        == "{\"event_type\":\"flow\",\"seq\":0}\n{\"event_type\":\"flow\",\"seq\":1}\n")
  }

  @Test func aNameThatIsTakenIsLeftAlone() throws {
    let folder = try Folder()
    for round in 0..<3 {
      let target = try FileTarget(FileTargetSettings(pattern: folder.path + "/flows.ndjson"))
      try deliver(target, Array(try records(3).suffix(3 - round)))
      target.close()
    }
    #expect(folder.names == ["flows-1.ndjson", "flows-2.ndjson", "flows.ndjson"])
  }

  @Test func namesByTimeSensorAndType() throws {
    let folder = try Folder()
    let clock = Clock()
    let target = try FileTarget(
      FileTargetSettings(
        pattern: folder.path + "/{sensor}/{type}-%Y%m%dT%H%M%S.ndjson", rotateSeconds: 60)
    ) { clock.seconds }
    var batch = try records(1) + records(1, type: "dns")
    batch[1].stream.sensor = "../x"
    try deliver(target, batch)
    clock.seconds += 59
    try target.tick()
    try deliver(target, try records(1))
    clock.seconds += 1
    try target.tick()
    #expect(
      folder.names.filter { $0.hasSuffix("ndjson") } == [
        "_.._x/dns-20261121T053600.ndjson", "edge1/flow-20261121T053600.ndjson",
      ])
    try deliver(target, try records(1))
    target.close()
    #expect(folder.names.contains("edge1/flow-20261121T053700.ndjson"))
  }

  @Test func filesAreFinishedBySize() throws {
    let folder = try Folder()
    let target = try FileTarget(
      FileTargetSettings(pattern: folder.path + "/f.ndjson", rotateBytes: 100))
    for _ in 0..<5 { try deliver(target, try records(2)) }
    target.close()
    #expect(folder.names == ["f-1.ndjson", "f-2.ndjson", "f.ndjson"])
    let lines = try folder.names.flatMap { try folder.text($0).split(separator: "\n") }
    #expect(lines.count == 10)
  }

  /// The system's own programs read what is compressed.
  @Test(arguments: [
    (FileTargetSettings.Compression.gzip, "gzip"), (FileTargetSettings.Compression.zstd, "zstd"),
  ])
  func otherProgramsReadCompressedFiles(
    _ compression: FileTargetSettings.Compression, _ program: String
  ) throws {
    let folder = try Folder()
    let target = try FileTarget(
      FileTargetSettings(pattern: folder.path + "/f.ndjson", compression: compression))
    for _ in 0..<3 { try deliver(target, try records(100)) }
    target.close()
    let name = try #require(folder.names.first)
    guard let text = try Self.run(program, ["-dc", folder.path + "/" + name]) else { return }
    #expect(text.split(separator: "\n").count == 300)
    #expect(text.hasPrefix("{\"event_type\":\"flow\",\"seq\":0}\n"))
  }

  /// What a crash leaves: each length that a part can have been cut at.
  @Test(arguments: FileTargetSettings.Compression.allCases)
  func whatACrashLeavesIsFinishedWithoutItsTornEnd(
    _ compression: FileTargetSettings.Compression
  ) throws {
    let folder = try Folder()
    let settings = FileTargetSettings(pattern: folder.path + "/f.ndjson", compression: compression)
    let first = try FileTarget(settings)
    try deliver(first, try records(3))
    let name = try #require(folder.names.first)
    let whole = try folder.bytes(name)
    try deliver(first, try records(3))
    let all = try folder.bytes(name)
    first.close()
    for cut in [0, 1, whole.count - 1, whole.count, whole.count + 1, all.count - 1, all.count] {
      for name in folder.names {
        try FileManager.default.removeItem(atPath: folder.path + "/" + name)
      }
      try Data(all[..<cut]).write(to: URL(filePath: folder.path + "/" + name))
      let target = try FileTarget(settings)
      try target.open()
      let expected: [UInt8]
      switch compression {
      // Each line by itself is whole.
      case .none: expected = Array(all[..<((all[..<cut].lastIndex(of: 0x0a) ?? -1) + 1)])
      default: expected = cut < whole.count ? [] : cut < all.count ? whole : all
      }
      let finished = String(name.dropLast(OutputFile.partSuffix.count))
      #expect(folder.names == (expected.isEmpty ? [] : [finished]), "cut at \(cut)")
      if !expected.isEmpty { #expect(try folder.bytes(finished) == expected) }
      #expect(target.notes.count == 1)
      target.close()
    }
  }

  @Test func aPartThatIsBeingWrittenIsLeftAlone() throws {
    let folder = try Folder()
    let settings = FileTargetSettings(pattern: folder.path + "/f.ndjson")
    let writer = try FileTarget(settings)
    try deliver(writer, try records(1))
    let other = try FileTarget(settings)
    try other.open()
    try deliver(other, try records(1))
    #expect(folder.names == ["f-1.ndjson.part", "f.ndjson.part"])
    other.close()
    writer.close()
    #expect(folder.names == ["f-1.ndjson", "f.ndjson"])
  }

  /// The day's file of the README: nobody said when it ends but its name.
  @Test(arguments: [
    ("f-%Y%m%d", 66_240), ("f-%Y%m%dT%H", 1440), ("%Y/%m/%d/f", 66_240), ("f-%Y%m%dT%H%M", 60),
    ("f-%F", 66_240), ("f-%Y-%m", 9 * 86_400 + 66_240),
  ])
  func filesEndWithTheTimeInTheirName(_ pattern: String, _ secondsLeft: Int) throws {
    let folder = try Folder()
    let clock = Clock()
    let target = try FileTarget(
      FileTargetSettings(pattern: folder.path + "/\(pattern).ndjson", compression: .zstd)
    ) { clock.seconds }
    try target.open()
    try deliver(target, try records(1))
    clock.seconds += secondsLeft - 1
    try target.tick()
    try deliver(target, try records(1))
    #expect(folder.names.filter { $0.hasSuffix(".zst") } == [])
    clock.seconds += 1
    try target.tick()
    #expect(folder.names.filter { $0.hasSuffix(".zst") }.count == 1)
    #expect(folder.names.filter { $0.hasSuffix(".part") } == [])
    try deliver(target, try records(1))
    target.close()
    #expect(folder.names.filter { $0.hasSuffix(".zst") }.count == 2)
    #expect(target.notes == [])
  }

  /// A time to the second says when a file began: a file a second is nobody's wish.
  @Test func aTimeToTheSecondEndsNoFile() throws {
    let folder = try Folder()
    let clock = Clock()
    let pattern = folder.path + "/%Y%m%dT%H%M%S-100%%d.ndjson"
    let target = try FileTarget(FileTargetSettings(pattern: pattern)) { clock.seconds }
    try target.open()
    #expect(target.notes.contains { $0.contains("--rotate-seconds") })
    try deliver(target, try records(1))
    clock.seconds += 100_000
    try target.tick()
    try deliver(target, try records(1))
    #expect(folder.names == ["20261121T053600-100%d.ndjson.part"])
    let sized = try FileTarget(FileTargetSettings(pattern: pattern, rotateBytes: 1000))
    try sized.open()
    #expect(sized.notes == [])
  }

  /// Nothing can be written at all: that is the target's fault, which the forwarder says at once and
  /// each minute.
  @Test(arguments: ["/dev/full/x.ndjson", "/proc/x.ndjson"])
  func whatCannotBeWrittenAnywhereIsAFault(_ path: String) throws {
    let target = try FileTarget(FileTargetSettings(pattern: path))
    #expect {
      try target.deliver(try records(2) + records(2, type: "dns"), interruption: Interruption())
    } throws: {
      ($0 as? TargetFault)?.description.hasPrefix(path.dropLast("/x.ndjson".count)) == true
    }
  }

  /// One of several files can be written: the rest is put off.
  @Test func whatOneFileCannotTakeIsPutOff() throws {
    let folder = try Folder()
    // Where the folder of one type should be, there is a file.
    try Data().write(to: URL(filePath: folder.path + "/dns"))
    let target = try FileTarget(FileTargetSettings(pattern: folder.path + "/{type}/f.ndjson"))
    let outcomes = try target.deliver(
      try records(1) + records(1, type: "dns"), interruption: Interruption())
    #expect(outcomes.first == .delivered)
    guard case .again(let reason) = try #require(outcomes.last) else {
      Issue.record("\(outcomes)")
      return
    }
    #expect(reason.contains("/dns"))
  }

  @Test func csvIsThatOfTheEngine() throws {
    let folder = try Folder()
    let target = try FileTarget(
      FileTargetSettings(pattern: folder.path + "/f.csv", format: .csv(columns: nil)))
    var generator = SplitMix(seed: 0x637376)
    var encoder = CSVFlowEncoder(context: FlowSamples.context)
    var expected = encoder.header()
    var batch: [ForwardRecord] = []
    for _ in 0..<300 {
      let record = FlowSamples.random(&generator)
      withUnsafePointer(to: record) { encoder.encode($0, into: &expected) }
      batch.append(
        try ForwardSamples.record(String(decoding: FlowSamples.eve(record), as: UTF8.self)))
    }
    try deliver(target, Array(batch.prefix(100)))
    try deliver(target, Array(batch.dropFirst(100)))
    let outcomes = try target.deliver(try records(1, type: "stats"), interruption: Interruption())
    guard case .refused? = outcomes.first else {
      Issue.record("a record without a flow was taken")
      return
    }
    target.close()
    let lines = try folder.text("f.csv").split(separator: "\n")
    let wanted = String(decoding: expected, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == wanted.count)
    for (line, wanted) in zip(lines, wanted) { #expect(line == wanted) }
  }

  @Test func chosenColumns() throws {
    let folder = try Folder()
    let target = try FileTarget(
      FileTargetSettings(
        pattern: folder.path + "/f.csv",
        format: .csv(columns: ["timestamp", "bytes_ts", "dns.rrname", "tags", "dns.grouped"])))
    let record = try ForwardSamples.record(
      #"{"timestamp":"2026-11-21T05:36:00.1+0000","flow":{"bytes_toserver":5},"dns":{"rrname":"a,\"b","grouped":{"A":[1]}},"tags":["x"]}"#
    )
    try deliver(target, [record])
    target.close()
    #expect(
      try folder.text("f.csv") == """
        timestamp,bytes_ts,dns.rrname,tags,dns.grouped
        2026-11-21T05:36:00.1Z,5,"a,""b",x,"{""A"":[1]}"

        """)
  }

  @Test(arguments: ["/tmp/", "/tmp/{host}.ndjson", "", "a{"])
  func patternsThatCannotBe(_ pattern: String) {
    #expect { try FileTarget(FileTargetSettings(pattern: pattern)) } throws: {
      ($0 as? TargetFault)?.isFinal == true
    }
  }

  /// A program's output; nil, said aloud, where it is not installed.
  private static func run(_ program: String, _ arguments: [String]) throws -> String? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if process.terminationStatus == 127 {
      FileHandle.standardError.write(Data("SKIPPED: \(program) is not installed\n".utf8))
      return nil
    }
    #expect(process.terminationStatus == 0)
    return text
  }
}
