import Foundation
import Testing

/// What `martlet read` writes of the packets themselves, held against the capture they came from.
@Suite struct PacketOutputTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Time, length and bytes of every packet, as tshark sees them.
  func packets(_ path: String, _ filter: String = "") throws -> [String] {
    let arguments = ["-n", "-r", path, "-T", "fields"] + (filter.isEmpty ? [] : ["-Y", filter])
    let fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "ip.id", "tcp.seq_raw"]
    return try Subprocess.output("tshark", arguments + fields.flatMap { ["-e", $0] })
      .split(separator: "\n").map(String.init)
  }

  func read(_ arguments: String...) throws -> FileRead {
    let run = try FileRead(arguments)
    guard run.status == .exited(0) else { throw SupportError("\(run.status) \(run.errors)") }
    return run
  }

  @Test func everythingIsTheCaptureItself() throws {
    let copy = folder.file("copy.pcap")
    _ = try read(Captures.demo, "--write-pcap", copy, "--workers", "2")
    #expect(FileManager.default.contentsEqual(atPath: Captures.demo, andPath: copy))
  }

  @Test(
    .enabled(if: Requirements.has("tcpdump", "tshark"), "needs tcpdump and tshark"),
    arguments: ["tcp port 80", "arp", "ip6 and udp", "ip[6:2] & 0x1fff != 0", "greater 1000"])
  func aFiltersPacketsAreTcpdumps(_ filter: String) throws {
    let theirs = folder.file("theirs.pcap")
    let ours = folder.file("ours.pcapng")
    _ = try Subprocess.output(
      "tcpdump", ["-r", Captures.demo, "--nano", "-w", theirs, filter])
    _ = try read(Captures.demo, "--filter", filter, "--write-pcap", ours)
    let expected = try packets(theirs)
    #expect(!expected.isEmpty)
    #expect(try packets(ours) == expected)
  }

  @Test func aConditionsPacketsAreItsFlows() throws {
    let path = folder.file("reset.pcap")
    let condition = "tcp.rst and dest_port in (80, 443)"
    let run = try read(
      Captures.demo, "--where", condition, "--write-pcap", path, "--format", "eve", "--quiet")
    let flows = try CompareFlows.totals(
      ofEVE: run.records().filter { $0["event_type"] as? String == "flow" })
    #expect(flows.count > 5)
    let again = try read(path, "--format", "eve", "--quiet", "--no-timeouts")
    #expect(
      try CompareFlows.totals(
        ofEVE: again.records().filter { $0["event_type"] as? String == "flow" }) == flows)
  }

  @Test(
    .enabled(if: Requirements.tshark, "needs tshark"), arguments: ["flow", "host", "app_proto"])
  func theFilesHoldEveryPacketOfTheFlows(_ criterion: String) throws {
    let parts = folder.file("parts")
    let run = try read(
      Captures.demo, "--split-by", criterion, "--split-into", parts, "--format", "eve",
      "--workers", "2")
    let records = try run.records().filter { $0["event_type"] as? String == "flow" }
    let names = try FileManager.default.contentsOfDirectory(atPath: parts).sorted()
    let merged = folder.file("merged.pcapng")
    _ = try Subprocess.output("mergecap", ["-w", merged] + names.map { "\(parts)/\($0)" })
    let found = try packets(merged)
    var expected = try packets(Captures.demo, "ip or ipv6")
    if criterion == "flow" {
      #expect(names.count == records.count)
      let ids = Set(records.compactMap { ($0["flow_id"] as? Int).map { "\($0)" } })
      #expect(
        ids == Set(names.compactMap { $0.split(separator: "_").last?.dropLast(5) }.map(String.init))
      )
    }
    if criterion == "host" {
      // A packet is in the files of both its hosts.
      expected += try packets(Captures.demo, "ip or ipv6")
      let hosts = Set(
        records.flatMap { [$0["src_ip"] as? String, $0["dest_ip"] as? String] }.compactMap { $0 })
      #expect(names.count == hosts.count)
    }
    if criterion == "app_proto" {
      let spoken = records.compactMap { record -> String? in
        let carrier = (record["proto"] as? String)?.lowercased()
        let proto = record["app_proto"] as? String
        return proto == "failed" || proto == "unknown" ? carrier : proto ?? carrier
      }
      #expect(Set(names) == Set(spoken.map { "\($0).pcap" }))
      #expect(names.contains("dns.pcap") && names.contains("tls.pcap"))
    }
    // One fragment of the capture never had its first one, and is in no flow.
    let counts = Dictionary(grouping: found) { $0 }.mapValues(\.count)
    let wanted = Dictionary(grouping: expected) { $0 }.mapValues(\.count)
    let missing = wanted.reduce(0) { $0 + max(0, $1.value - (counts[$1.key] ?? 0)) }
    #expect(missing == (criterion == "host" ? 2 : 1))
    #expect(counts.allSatisfy { $0.value <= wanted[$0.key] ?? 0 })
  }

  @Test func theIndexFindsEveryPacket() throws {
    let index = folder.file("index.json")
    // Two inputs, one of them packed: offsets are those of the unpacked file.
    let packed = folder.file("demo.pcap.gz")
    let process = try Subprocess(
      "gzip", ["-c"], standardInputPath: Captures.demo, standardOutputPath: packed)
    #expect(try process.wait() == .exited(0))
    let run = try read(
      Captures.demo, packed, "--index", index, "--format", "eve", "--workers", "2", "--quiet")
    let records = try run.records().filter { $0["event_type"] as? String == "flow" }
    let lines = try String(contentsOfFile: index, encoding: .utf8).split(separator: "\n")
    let head = try FileRead.records(String(lines[0]))[0]
    #expect(head["version"] as? Int == 1)
    #expect((head["files"] as? [[String: Any]])?.count == 2)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Captures.demo))
    let entries = try FileRead.records(lines.dropFirst().joined(separator: "\n"))
    #expect(entries.count == records.count)
    let byID = Dictionary(grouping: entries) { $0["flow_id"] as? Int ?? 0 }
    var fromBoth = 0
    for record in records {
      let (tuple, totals) = try CompareFlows.read(record)
      guard let places = byID[record["flow_id"] as? Int ?? -1]?.first?["packets"] as? [[Int]] else {
        Issue.record("no entry for \(record)")
        continue
      }
      #expect(places.count == totals.packets)
      #expect(places.reduce(0) { $0 + $1[2] } == totals.bytes)
      if Set(places.map { $0[0] }) == [0, 1] { fromBoth += 1 }
      // Behind the Ethernet header, or a VLAN tag, stand the flow's addresses.
      for place in places {
        let frame = bytes[place[1]..<place[1] + place[2]]
        #expect(frame.firstRange(of: Data(tuple.lower.address)) != nil)
        #expect(frame.firstRange(of: Data(tuple.upper.address)) != nil)
      }
    }
    #expect(fromBoth > 600)
  }

  @Test func aPipeIsKeptForTheSecondReading() throws {
    let copy = folder.file("copy.pcap")
    let run = try FileRead(["-", "--write-pcap", copy], standardInputPath: Captures.demo)
    #expect(run.status == .exited(0))
    #expect(FileManager.default.contentsEqual(atPath: Captures.demo, andPath: copy))
    let fifo = folder.file("pipe")
    #expect(mkfifo(fifo, 0o600) == 0)
    let second = folder.file("second.pcap")
    let process = try Subprocess(
      Programs.martlet, ["read", fifo, "--write-pcap", second, "--where", "proto == udp"])
    let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: fifo))
    try writer.write(contentsOf: Data(contentsOf: URL(fileURLWithPath: Captures.demo)))
    try writer.close()
    #expect(try process.wait() == .exited(0))
    #expect(FileManager.default.fileExists(atPath: second))
  }

  @Test(arguments: [["--write-pcap"], ["--index"], ["--format", "eve", "--output"]])
  func anInputIsNeverOverwritten(_ output: [String]) throws {
    let copy = folder.file("copy.pcap")
    try FileManager.default.copyItem(atPath: Captures.demo, toPath: copy)
    let link = folder.file("link.pcap")
    #expect(symlink(copy, link) == 0)
    let run = try FileRead([copy] + output + [link])
    #expect(run.status == .exited(64))
    #expect(run.errors.contains("is an input and would be overwritten"), "\(run.errors)")
    #expect(FileManager.default.contentsEqual(atPath: Captures.demo, andPath: copy))
  }

  @Test func aPackedPipeIsKeptToo() throws {
    let packed = folder.file("demo.gz")
    let process = try Subprocess(
      "gzip", ["-c"], standardInputPath: Captures.demo, standardOutputPath: packed)
    #expect(try process.wait() == .exited(0))
    let copy = folder.file("copy.pcap")
    _ = try FileRead(["-", "--write-pcap", copy], standardInputPath: packed)
    #expect(FileManager.default.contentsEqual(atPath: Captures.demo, andPath: copy))
  }

  @Test func anInterruptEndsTheWaitForAPipe() throws {
    let fifo = folder.file("quiet")
    #expect(mkfifo(fifo, 0o600) == 0)
    let process = try Subprocess(
      Programs.martlet, ["read", fifo, "--write-pcap", folder.file("quiet.pcap")])
    let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: fifo))
    usleep(500_000)
    process.signal(SIGINT)
    #expect(try process.wait(seconds: 10) == .exited(130))
    try writer.close()
  }

  /// A part of an earlier split is split into the same folder once more.
  @Test func aSplitNeverOverwritesItsInput() throws {
    let parts = folder.file("parts")
    _ = try read(Captures.demo, "--split-by", "app_proto", "--split-into", parts)
    let part = "\(parts)/tls.pcap"
    let before = try Data(contentsOf: URL(fileURLWithPath: part))
    let run = try FileRead([part, "--split-by", "app_proto", "--split-into", parts])
    #expect(run.status == .exited(74))
    #expect(run.errors.contains("is an input"), "\(run.errors)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: part)) == before)
  }

  @Test func noPacketIsACaptureStill() throws {
    for name in ["none.pcap", "none.pcapng"] {
      let path = folder.file(name)
      _ = try read(Captures.demo, "--where", "dest_port == 1", "--write-pcap", path)
      #expect(try Subprocess.output("capinfos", ["-c", "-M", path]).contains("0"))
    }
  }

  @Test func aClosedPipeOfRecordsLeavesThePacketsWhole() throws {
    let copy = folder.file("copy.pcap")
    let process = try Subprocess(
      "sh",
      [
        "-c",
        "\(Programs.martlet) read \(Captures.demo) --write-pcap \(copy) --format eve | head -1",
      ])
    #expect(try process.wait() == .exited(0))
    #expect(FileManager.default.contentsEqual(atPath: Captures.demo, andPath: copy))
  }

  @Test(.enabled(if: Requirements.isRoot, "needs root to mount a small file system"))
  func aFullTemporaryFolderIsSaid() throws {
    let small = folder.file("small")
    #expect(mkdir(small, 0o755) == 0)
    _ = try Subprocess.output("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small])
    defer { _ = try? Subprocess.output("umount", [small]) }
    let run = try FileRead(
      [Captures.demo, "--write-pcap", folder.file("copy.pcap")], environment: ["TMPDIR": small])
    #expect(run.status == .exited(74))
    #expect(run.errors.contains("No space left on device"), "\(run.errors)")
  }

  @Test func whatCannotBeWrittenIsSaid() throws {
    let full = try FileRead([Captures.demo, "--write-pcap", "/dev/full"])
    #expect(full.status == .exited(74))
    #expect(full.errors.contains("No space left on device"), "\(full.errors)")
    let many = try FileRead([
      Captures.demo, "--split-by", "flow", "--split-into", folder.file("parts"), "--split-limit",
      "10",
    ])
    #expect(many.status == .exited(74))
    #expect(many.errors.contains("raise --split-limit"), "\(many.errors)")
    let hosts = try FileRead([
      Captures.demo, "--split-by", "host", "--split-into", folder.file("hosts"), "--split-limit",
      "10",
    ])
    #expect(hosts.status == .exited(74))
    #expect(try FileRead([Captures.demo, "--split-by", "flow"]).status == .exited(64))
    #expect(try FileRead([Captures.demo, "--follow", "--write-pcap", "x"]).status == .exited(64))
  }

  @Test(.enabled(if: Requirements.isRoot, "needs root to mount a small file system"))
  func aSmallDiskLeavesWholePackets() throws {
    let disk = folder.file("disk")
    #expect(mkdir(disk, 0o755) == 0)
    _ = try Subprocess.output("mount", ["-t", "tmpfs", "-o", "size=1200k", "tmpfs", disk])
    defer { _ = try? Subprocess.output("umount", [disk]) }
    let path = "\(disk)/copy.pcap"
    let run = try FileRead([Captures.demo, "--write-pcap", path])
    #expect(run.status == .exited(74))
    // Whole packets: it is read without complaint.
    let left = try FileRead([path, "--count", "--quiet"])
    #expect(left.status == .exited(0), "\(left.errors)")
    #expect(!left.output.hasPrefix("0 packets"))
  }
}
