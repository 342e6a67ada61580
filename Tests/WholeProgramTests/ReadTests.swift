import Foundation
import Testing

/// `martlet read` as an analyst starts it, held against tshark, against itself with the files cut,
/// merged and packed by other programs, and against disks and people that get in its way.
@Suite struct ReadTests {
  /// Public captures with Ethernet frames over all corpora, undamaged and not too long.
  static let captures: [String] = {
    let usable = Captures.manifest.filter {
      $0.linkType == "EN10MB" && !$0.isDamaged && (20...20_000).contains($0.packets)
        && ["ndpi", "arkime", "suricata-verify", "zeek", "flowtest"].contains($0.corpus)
    }
    let step = max(1, usable.count / 40)
    return stride(from: 0, to: usable.count, by: step).compactMap {
      Captures.path(usable[$0].path)
    }
  }()

  // MARK: Right

  @Test(
    .enabled(if: Requirements.tshark, "needs tshark"), arguments: [Captures.demo] + captures)
  func flowsAreTsharks(_ capture: String) throws {
    let truth = try TsharkTruth(capture: capture)
    let run = try FileRead([
      capture, "--format", "eve", "--no-timeouts", "--decapsulate", "none", "--quiet",
    ])
    #expect(run.status == .exited(0), "\(run.errors)")
    let records = try CompareFlows.totals(ofEVE: try run.records())
    let differences = CompareFlows.differences(truth: truth.flows, records: records)
    #expect(differences.isEmpty, "\(capture): \(differences.joined(separator: "\n"))")
  }

  @Test(arguments: [Captures.demo] + captures)
  func workersMakeNoDifference(_ capture: String) throws {
    let one = try FileRead.sorted(capture, "--workers", "1")
    #expect(!one.isEmpty)
    for workers in ["2", "3"] {
      let more = try FileRead.sorted(capture, "--workers", workers)
      #expect(one == more, "\(capture) with \(workers) workers")
    }
  }

  /// Several captures at once, whose times lie years apart or over each other.
  @Test func workersMakeNoDifferenceToAPile() throws {
    let pile = [Captures.demo] + Self.captures
    let arguments = pile + ["--sorted", "--format", "eve", "--quiet"]
    let one = try FileRead(arguments + ["--workers", "1"])
    let two = try FileRead(arguments + ["--workers", "2"])
    #expect(one.status == .exited(0), "\(one.errors)")
    #expect(!one.output.isEmpty && one.output == two.output)
  }

  // MARK: Cut, merged, packed

  @Test(.enabled(if: Requirements.has("editcap"), "needs editcap"))
  func fiftyPiecesAreTheWhole() throws {
    let whole = try FileRead.sorted(Captures.demo)
    let folder = try TemporaryFolder()
    _ = try Subprocess.output("editcap", ["-c", "127", Captures.demo, folder.file("piece.pcap")])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(names.count == 50)
    #expect(try FileRead.sorted(folder.path) == whole)
    // Named in another order, they are still read in the order of their packets.
    let reversed = names.sorted(by: >).map { folder.file($0) }
    let run = try FileRead(reversed + ["--sorted", "--format", "eve", "--quiet"])
    #expect(run.output == whole)
    // In the order given, flows that go on in an earlier piece are torn.
    let torn = try FileRead(
      reversed + ["--sorted", "--format", "eve", "--quiet", "--in-order"])
    #expect(torn.status == .exited(0))
    #expect(torn.output != whole)
  }

  @Test(.enabled(if: Requirements.has("editcap"), "needs editcap"))
  func aMissingPieceIsNoticed() throws {
    let folder = try TemporaryFolder()
    _ = try Subprocess.output("editcap", ["-c", "500", Captures.demo, folder.file("piece.pcap")])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    try FileManager.default.removeItem(atPath: folder.file(names[4]))
    let run = try FileRead([folder.path, "--format", "none"])
    #expect(run.status == .exited(0))
    #expect(run.errors.contains("1 file is missing between this one and"), "\(run.errors)")
    #expect(run.errors.contains(names[5]) && run.errors.contains(names[3]), "\(run.errors)")
  }

  @Test(
    .enabled(if: Requirements.has("mergecap") && Captures.areThere, "needs mergecap, captures"))
  func twoFilesAreWhatMergecapMakesOfThem() throws {
    let folder = try TemporaryFolder()
    let pair = Array(Self.captures.prefix(2))
    // Moved over each other in time, so that packets alternate; where two have one time mergecap takes
    // the second file's first, so they begin half a second apart.
    var moved: [String] = []
    for (number, capture) in pair.enumerated() {
      let times = try Subprocess.output("capinfos", ["-T", "-r", "-S", "-a", capture])
      let last = times.split(separator: "\t").last?.trimmingCharacters(in: .whitespacesAndNewlines)
      guard let start = last.flatMap(Double.init) else { throw SupportError("capinfos: \(times)") }
      moved.append(folder.file("\(number).pcapng"))
      _ = try Subprocess.output(
        "editcap",
        [
          "-t", String(format: "%.6f", 1_700_000_000 + 0.5 * Double(number) - start), capture,
          moved[number],
        ])
    }
    let merged = folder.file("merged.pcapng")
    _ = try Subprocess.output("mergecap", ["-w", merged] + moved)
    #expect(try FileRead.sorted(moved[0], moved[1]) == FileRead.sorted(merged))
    #expect(try FileRead.sorted(moved[1], moved[0], "--workers", "2") == FileRead.sorted(merged))
  }

  @Test(arguments: ["gzip", "zstd", "lz4", "xz"])
  func packedFilesAreRead(_ packer: String) throws {
    try #require(Requirements.has(packer), "\(packer) is installed")
    let folder = try TemporaryFolder()
    let packed = folder.file("demo.packed")
    let process = try Subprocess(
      packer, ["-c"], standardInputPath: Captures.demo, standardOutputPath: packed)
    #expect(try process.wait() == .exited(0))
    let whole = try FileRead.sorted(Captures.demo)
    #expect(try FileRead.sorted(packed) == whole)
    // Through a pipe, too.
    let piped = try FileRead(
      ["-", "--sorted", "--format", "eve", "--quiet"], standardInputPath: packed)
    #expect(piped.output == whole)
  }

  // MARK: Damage

  @Test func whatStandsBeforeTheDamageCounts() throws {
    let folder = try TemporaryFolder()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Captures.demo))
    let cut = folder.file("cut.pcap")
    try bytes.prefix(100_000).write(to: URL(fileURLWithPath: cut))
    let run = try FileRead([cut, "--sorted", "--format", "eve", "--quiet"])
    #expect(run.status == .exited(65))
    #expect(
      run.errors.contains("ends within packet 274, which begins at byte 99945"), "\(run.errors)")
    let packets = try run.records().reduce(0) { sum, record in
      let flow = record["flow"] as? [String: Any]
      return sum + (flow?["pkts_toserver"] as? Int ?? 0) + (flow?["pkts_toclient"] as? Int ?? 0)
    }
    #expect((200...273).contains(packets))
    // Another file beside it is read whole.
    let both = try FileRead([cut, Captures.demo, "--format", "none"])
    #expect(both.status == .exited(65))
  }

  @Test func whatIsNoCaptureIsSaidSo() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write("no capture\n", as: "notes.txt")
    let alone = try FileRead([text, "--format", "eve", "--quiet"])
    #expect(alone.status == .exited(66))
    #expect(alone.errors.contains("is neither pcap nor pcapng"), "\(alone.errors)")
    let missing = try FileRead([folder.file("nothing"), "--quiet"])
    #expect(missing.status == .exited(66))
    // Found in a folder among captures, it is nobody's fault.
    try FileManager.default.copyItem(atPath: Captures.demo, toPath: folder.file("demo.pcap"))
    let among = try FileRead([folder.path, "--format", "none", "--quiet"])
    #expect(among.status == .exited(0))
    #expect(among.errors.isEmpty, "\(among.errors)")
  }

  // MARK: Outputs

  @Test func aFullDiskLeavesWholeLines() throws {
    let full = try FileRead([Captures.demo, "--format", "eve", "--output", "/dev/full"])
    #expect(full.status == .exited(74))
    #expect(full.errors.contains("No space left on device"), "\(full.errors)")
  }

  @Test(.enabled(if: Requirements.isRoot, "needs root to mount a small file system"))
  func aSmallDiskLeavesWholeLines() throws {
    let folder = try TemporaryFolder()
    _ = try Subprocess.output(
      "mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder.path])
    defer { _ = try? Subprocess.output("umount", [folder.path]) }
    let path = folder.file("flows.json")
    let run = try FileRead([Captures.demo, "--format", "eve", "--output", path])
    #expect(run.status == .exited(74))
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.hasSuffix("\n"))
    #expect(try FileRead.records(text).count > 100)
  }

  @Test func aReaderThatHasSeenEnoughIsNoError() throws {
    let run = try Subprocess(
      "sh", ["-c", "\(Programs.martlet) read \(Captures.demo) --format eve | head -1"])
    #expect(try run.wait() == .exited(0))
    #expect(run.standardOutput.split(separator: "\n").count == 1)
    #expect(!run.standardError.contains("Broken pipe"), "\(run.standardError)")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func whatWasFoundUntilTheInterruptIsWritten(_ number: Int32) throws {
    let folder = try TemporaryFolder()
    let fifo = folder.file("pipe")
    #expect(mkfifo(fifo, 0o600) == 0)
    let path = folder.file("flows.json")
    let process = try Subprocess(
      Programs.martlet, ["read", fifo, "--format", "eve", "--output", path])
    let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: fifo))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Captures.demo))
    // Half of it, and then nothing more comes.
    try writer.write(contentsOf: bytes.prefix(bytes.count / 2))
    usleep(1_000_000)
    process.signal(number)
    #expect(try process.wait() == .exited(130))
    try writer.close()
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(try FileRead.records(text).count > 100)
  }

  @Test func killedItLeavesWholeLinesButTheLast() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("flows.json")
    let fifo = folder.file("pipe")
    #expect(mkfifo(fifo, 0o600) == 0)
    let process = try Subprocess(
      Programs.martlet, ["read", fifo, "--format", "eve", "--output", path])
    let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: fifo))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Captures.demo))
    try writer.write(contentsOf: bytes.prefix(bytes.count / 2))
    usleep(300_000)
    process.signal(SIGKILL)
    #expect(try process.wait() == .signalled(SIGKILL))
    try writer.close()
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(throws: Never.self) { try FileRead.records(lines.joined(separator: "\n")) }
  }

  // MARK: A file that grows

  @Test func aGrowingFileIsFollowed() throws {
    let folder = try TemporaryFolder()
    let growing = folder.file("growing.pcap")
    let output = folder.file("flows.json")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Captures.demo))
    try bytes.prefix(50_001).write(to: URL(fileURLWithPath: growing))
    let process = try Subprocess(
      Programs.martlet,
      ["read", growing, "--follow", "--sorted", "--format", "eve", "--output", output, "--quiet"])
    let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: growing))
    try writer.seekToEnd()
    for start in stride(from: 50_001, to: bytes.count, by: 333_333) {
      usleep(150_000)
      try writer.write(contentsOf: bytes[start..<min(start + 333_333, bytes.count)])
    }
    usleep(1_000_000)
    process.signal(SIGINT)
    #expect(try process.wait() == .exited(130))
    #expect(try String(contentsOfFile: output, encoding: .utf8) == FileRead.sorted(Captures.demo))
  }

  /// Nothing more is written to it: the flows in it end all the same, and are told of.
  @Test func aFileThatStandsStillLetsFlowsEnd() throws {
    let folder = try TemporaryFolder()
    let growing = folder.file("growing.pcap")
    let output = folder.file("flows.json")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Captures.demo))
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: growing))
    let process = try Subprocess(
      Programs.martlet, ["read", growing, "--follow", "--format", "eve", "--output", output])
    func lines() -> Int {
      (try? String(contentsOfFile: output, encoding: .utf8))?.split(separator: "\n").count ?? 0
    }
    #expect(eventually(within: 10) { lines() > 0 })
    usleep(500_000)
    let before = lines()
    // TCP connections that have been closed end after two seconds.
    #expect(eventually(within: 10) { lines() > before })
    #expect(process.isRunning)
    process.signal(SIGINT)
    #expect(try process.wait() == .exited(130))
  }

  // MARK: Everything there is

  /// No crash, no hang, and an exit status that tells what was wrong with the inputs and nothing else.
  @Test(.enabled(if: Captures.areThere, "\(Captures.absent)"), arguments: corpora)
  func everyCaptureIsReadToItsEnd(_ corpus: String) throws {
    guard let folder = Captures.path(corpus) else { return }
    let run = try FileRead(
      [folder, "--format", "none", "--workers", "2"], seconds: 300)
    #expect(
      [.exited(0), .exited(65)].contains(run.status), "\(corpus): \(run.status) \(run.errors)")
  }

  static let corpora = Array(Set(Captures.manifest.map(\.corpus))).sorted()
}
