import Foundation
import Testing

/// `martlet read --extract-streams`, held against what was sent and against other programs.
@Suite struct ExtractStreamsTests {
  private typealias Flags = MadeCapture.Flags
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func extract(_ capture: MadeCapture, _ more: String...) throws -> ExtractedStreams {
    let path = folder.file("made.pcap")
    try capture.write(to: path)
    return try extract(path, more)
  }

  private func extract(_ path: String, _ more: [String] = []) throws -> ExtractedStreams {
    let target = folder.file("out-\(UUID().uuidString)")
    let run = try FileRead([path, "--extract-streams", target, "--quiet"] + more)
    guard run.status == .exited(0) else { throw SupportError("\(run.status) \(run.errors)") }
    let left = try FileManager.default.contentsOfDirectory(atPath: target)
    #expect(!left.contains(".unfinished"))
    return try ExtractedStreams(target)
  }

  private func one(_ capture: MadeCapture, _ more: String...) throws
    -> ExtractedStreams
    .Conversation
  {
    let path = folder.file("made.pcap")
    try capture.write(to: path)
    let found = try extract(path, more).conversations
    try #require(found.count == 1)
    return found[0]
  }

  // MARK: One conversation

  @Test func bothDirections() throws {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "hello ")
    capture.tcp(fromClient: false, 5001, acknowledging: 1007, "welcome")
    capture.tcp(1007, acknowledging: 5008, "world")
    capture.tcp(1012, acknowledging: 5008, flags: Flags.fin)
    let found = try one(capture, "--protocols", "none")
    #expect(found.toServer?.text == "hello world")
    #expect(found.toClient?.text == "welcome")
    #expect(found.toServer?.flag("closed") == true)
    #expect(found.toClient?.flag("closed") == false)
    #expect(found.toServer?.flag("midstream") == false)
    #expect(found.toServer?.holes == [])
    #expect(found.toServer?.number("segments") == 2)
  }

  @Test func anIPv6AddressIsAFileName() throws {
    var capture = MadeCapture()
    capture.isIPv6 = true
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "six")
    let found = try one(capture)
    #expect(found.toServer?.text == "six")
    #expect(found.toServer?.path.contains(":") == false)
    #expect(found.toServer?.path.contains("_2001-db8--1_40000_2001-db8--2_4444_") == true)
  }

  @Test func anyOrderAndAWrapOfNumbers() throws {
    var capture = MadeCapture()
    let start = UInt32.max - 3
    capture.tcp(start, flags: Flags.syn)
    capture.tcp(fromClient: false, 5000, acknowledging: start &+ 1, flags: Flags.syn)
    capture.tcp(start &+ 5, acknowledging: 5001, "efgh")
    capture.tcp(start &+ 9, acknowledging: 5001, "ij")
    capture.tcp(start &+ 3, acknowledging: 5001, "cd")
    capture.tcp(start &+ 1, acknowledging: 5001, "ab")
    let found = try one(capture)
    #expect(found.toServer?.text == "abcdefghij")
    #expect(found.toServer?.isClean == true)
  }

  @Test func aHoleIsZerosAndSaysSo() throws {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "abc")
    capture.tcp(1006, acknowledging: 5001, "fgh")
    capture.tcp(1009, acknowledging: 5001, "ijklmn", captured: 2)
    capture.tcp(1015, acknowledging: 5001, "o")
    capture.tcp(1018, acknowledging: 5001, flags: Flags.fin)
    let found = try one(capture)
    #expect(found.toServer?.text == "abc\0\0fghij\0\0\0\0o\0\0")
    #expect(found.toServer?.holes == [[3, 2], [10, 4], [15, 2]])
    #expect(found.toServer?.number("missing_bytes") == 8)
    #expect(found.toServer?.number("hole_count") == 3)
  }

  @Test func whatComesLateFillsItsHole() throws {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "A")
    // More segments behind the hole than anybody waits for.
    for number in 0..<100 { capture.tcp(1011 + UInt32(number), acknowledging: 5001, "x") }
    capture.tcp(1004, acknowledging: 5001, "def")
    let found = try one(capture)
    #expect(found.toServer?.text.hasPrefix("A\0\0def\0\0\0\0xxx") == true)
    #expect(found.toServer?.holes == [[1, 2], [6, 4]])
    #expect(found.toServer?.number("missing_bytes") == 6)
  }

  @Test func theMiddleOfAConnection() throws {
    var capture = MadeCapture()
    capture.tcp(9000, acknowledging: 5001, "middle")
    capture.tcp(8990, acknowledging: 5001, "earlier...")
    capture.tcp(9006, acknowledging: 5001, " end")
    let found = try one(capture)
    let direction = try #require(found.toServer ?? found.toClient)
    #expect(direction.text == "middle end")
    #expect(direction.flag("midstream"))
    #expect(direction.number("early_bytes") == 10)
  }

  @Test func oneDirectionAlone() throws {
    var capture = MadeCapture()
    capture.tcp(1000, flags: Flags.syn)
    capture.tcp(1001, acknowledging: 5001, "only me")
    let found = try one(capture)
    #expect(found.toServer?.text == "only me")
    #expect(found.toClient == nil)
  }

  @Test func portsUsedAgainAreTwoConversations() throws {
    var capture = MadeCapture()
    for number in 0..<2 as Range<UInt32> {
      let start = 1000 + number * 500_000
      capture.tcp(start, flags: Flags.syn)
      capture.tcp(fromClient: false, 5000 + start, acknowledging: start + 1, flags: Flags.syn)
      capture.tcp(start + 1, acknowledging: 5001 + start, "number \(number)")
      capture.tcp(start + 9, acknowledging: 5001 + start, flags: Flags.fin)
      capture.tcp(
        fromClient: false, 5001 + start, acknowledging: start + 10, flags: Flags.fin)
    }
    let found = try extract(capture).conversations
    #expect(found.compactMap(\.toServer?.text).sorted() == ["number 0", "number 1"])
  }

  @Test func aKeepAliveIsNoData() throws {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "alive")
    capture.tcp(1005, acknowledging: 5001, "\0")
    capture.tcp(1006, acknowledging: 5001, "!")
    let found = try one(capture)
    #expect(found.toServer?.text == "alive!")
    #expect(found.toServer?.number("differing_bytes") == 0)
  }

  // MARK: Segments that differ

  @Test(arguments: [
    ("first", "a1234567h"), ("last", "aBCDEFGHh"), ("linux", "aBCDEFGHh"),
    ("windows", "a1234567h"),
  ])
  func thePolicyHoldsBehindAHole(_ policy: String, _ expected: String) throws {
    var capture = MadeCapture()
    capture.open()
    // The newer one begins before the older one, and ends with it.
    let isOld = policy == "windows" || policy == "first"
    capture.tcp(1003, acknowledging: 5001, "234567")
    capture.tcp(1002, acknowledging: 5001, isOld ? "1CDEFGH" : "BCDEFGH")
    capture.tcp(1009, acknowledging: 5001, "h")
    capture.tcp(1001, acknowledging: 5001, "a")
    let found = try one(capture, "--overlap", policy)
    #expect(found.toServer?.text == expected)
    #expect(found.toServer?.number("differing_bytes") == 6)
  }

  /// A file has what the records were made of.
  @Test(arguments: ["first", "last", "linux", "windows"])
  func aStreamIsWhatWasDissected(_ policy: String) throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    for newer in [4..<9, 2..<9, 4..<12, 2..<12, 5..<8, 0..<9, 0..<12] {
      capture.open()
      func send(_ path: String, _ range: Range<Int>) {
        let request = Array("GET \(path) HTTP/1.1\r\nHost: example.test\r\n\r\n".utf8)
        capture.tcp(
          1001 + UInt32(range.lowerBound), acknowledging: 5001,
          String(decoding: request[range.clamped(to: 0..<request.count)], as: UTF8.self))
      }
      send("/olds", 4..<9)
      send("/news", newer)
      send("/olds", 9..<400)
      send("/olds", 0..<4)
      capture.clientPort += 1
    }
    let path = folder.file("made.pcap")
    try capture.write(to: path)
    let options = ["--overlap", policy]
    let streams = try extract(path, options).conversations
    let run = try FileRead([path, "--format", "eve", "--quiet"] + options)
    var urls: [Int: String] = [:]
    for record in try FileRead.records(run.output) {
      guard let http = record["http"] as? [String: Any] else { continue }
      urls[record["src_port"] as? Int ?? 0] = http["url"] as? String
    }
    #expect(urls.count == 7)
    for stream in streams {
      let url = urls[stream.record["src_port"] as? Int ?? 0] ?? "?"
      #expect(stream.toServer?.text.hasPrefix("GET \(url) HTTP/1.1") == true, "\(url)")
    }
  }

  @Test func whatIsSettledStays() throws {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "true")
    capture.tcp(1001, acknowledging: 5001, "lies and more")
    capture.tcp(1001, acknowledging: 5001, "true")
    let found = try one(capture, "--overlap", "last")
    #expect(found.toServer?.text == "true and more")
    #expect(found.toServer?.number("differing_bytes") == 4)
    #expect(found.toServer?.number("repeated_bytes") == 8)
  }

  // MARK: Datagrams

  @Test func datagramsKeepTheirBoundaries() throws {
    var capture = MadeCapture()
    capture.udp("one")
    capture.udp(fromClient: false, "answer")
    capture.udp("eleven", captured: 2)
    capture.udp("two")
    let found = try one(capture)
    #expect(found.toServer?.text == "oneel\0\0\0\0two")
    #expect(found.toServer?.line["datagram_lengths"] as? [Int] == [3, 6, 3])
    #expect(found.toServer?.number("datagrams") == 3)
    #expect(found.toServer?.holes == [[5, 4]])
    #expect(found.toClient?.text == "answer")
  }

  /// Whether dissectors look at them, have given the flow up, or were never asked.
  @Test(arguments: ["all", "none", "http"])
  func datagramsInFragments(_ protocols: String) throws {
    let long = String(repeating: "0123456789abcdef", count: 100)
    var capture = MadeCapture()
    capture.udp("x")
    capture.udp(long, id: 7, fragments: [0, 800])
    for _ in 0..<20 { capture.udp("y") }
    capture.udp(long, id: 8, fragments: [1200, 0, 800])
    let found = try one(capture, "--protocols", protocols)
    let ys = String(repeating: "y", count: 20)
    #expect(found.toServer?.text == "x\(long)\(ys)\(long)")
    #expect(found.toServer?.number("datagrams") == 23)
  }

  // MARK: Many conversations

  @Test(
    .enabled(if: Captures.areThere, Comment(rawValue: Captures.absent)),
    .enabled(if: Requirements.tshark, "needs tshark"))
  func theStreamsAreTsharks() throws {
    let captures = Captures.manifest.filter {
      $0.corpus != "suricata" && !$0.isDamaged && (20...3000).contains($0.packets)
    }
    var (same, other) = (0, [String]())
    for entry in captures.enumerated().filter({ $0.offset % (captures.count / 50 + 1) == 0 }) {
      guard let path = Captures.path(entry.element.path) else { continue }
      let ours = try extract(path, ["--no-timeouts"]).cleanTCP()
      let theirs = try TsharkStreams.read(path)
      for (name, bytes) in ours where theirs[name] != nil {
        if theirs[name] == bytes {
          same += 1
        } else {
          other.append("\(entry.element.path) \(name)")
        }
      }
    }
    #expect(same > 100)
    // Retransmissions within tshark's view of a connection that was used again.
    #expect(other.count * 100 <= same, "\(other)")
  }

  @Test(.enabled(if: Requirements.has("tcpflow"), "*** needs tcpflow"))
  func theStreamsAreTcpflows() throws {
    let target = folder.file("tcpflow")
    _ = try Subprocess.output("tcpflow", ["-r", Captures.demo, "-o", target])
    let theirs = try FileManager.default.contentsOfDirectory(atPath: target)
      .filter { $0 != "report.xml" }
      .map { try Data(contentsOf: URL(fileURLWithPath: "\(target)/\($0)")) }
    let ours = try extract(Captures.demo).conversations.filter(\.isTCP)
    let bytes = ours.flatMap { [$0.toServer, $0.toClient] }.compactMap { $0 }
    #expect(bytes.count > 100)
    let known = Set(theirs)
    let unknown = bytes.filter { !known.contains($0.bytes) }
    #expect(unknown.map(\.path) == [])
  }

  @Test func moreWorkersGiveTheSameBytes() throws {
    func all(_ workers: String, _ more: String...) throws -> [String: Data] {
      let found = try extract(Captures.demo, ["--workers", workers] + more).conversations
      let directions = found.flatMap { [$0.toServer, $0.toClient] }.compactMap { $0 }
      return Dictionary(uniqueKeysWithValues: directions.map { ($0.path, $0.bytes) })
    }
    let single = try all("1")
    #expect(single.count > 200)
    #expect(try all("3") == single)
    #expect(try all("2", "--sorted", "--protocols", "none") == single)
  }

  @Test func aConditionChoosesConversations() throws {
    let found = try extract(Captures.demo, ["--where", "dest_port == 80"]).conversations
    #expect(!found.isEmpty)
    #expect(found.allSatisfy { $0.record["dest_port"] as? Int == 80 })
    let all = try extract(Captures.demo).conversations
    #expect(all.filter { $0.record["dest_port"] as? Int == 80 }.count == found.count)
  }

  @Test func aPipeAndTwoFiles() throws {
    let target = folder.file("piped")
    let run = try FileRead(
      ["-", "--extract-streams", target, "--quiet"], standardInputPath: Captures.demo)
    #expect(run.status == .exited(0))
    let copy = folder.file("copy.pcap")
    try FileManager.default.copyItem(atPath: Captures.demo, toPath: copy)
    let once = try extract(Captures.demo).conversations.count
    #expect(try ExtractedStreams(target).conversations.count == once)
    let twice = try extract(Captures.demo, [copy]).conversations
    // Every segment twice, and the same again.
    #expect(twice.count == once)
    #expect(twice.allSatisfy { $0.toServer?.number("differing_bytes") ?? 0 == 0 })
  }

  // MARK: What goes wrong

  /// An `index.json` whose files are not read.
  private func index(_ target: String) throws -> [[String: Any]] {
    try FileRead.records(String(contentsOfFile: "\(target)/index.json", encoding: .utf8))
  }

  private func line(_ record: [String: Any], _ direction: String = "to_server") -> [String: Any] {
    (record["streams"] as? [String: [String: Any]])?[direction] ?? [:]
  }

  /// One flow that counts up as far as it can, and one as any other.
  @Test func holesBeyondAGibibyteCutAStream() throws {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "A")
    for step in 1...4 as ClosedRange<UInt32> {
      // More pieces than wait for a hole to be filled, as far ahead as a window can be.
      for piece in 0..<70 as Range<UInt32> {
        let sequence = 1001 &+ step &* ((1 << 30) - 1000) &+ 2 * piece
        capture.tcp(sequence, acknowledging: 5001, "x")
      }
    }
    capture.clientPort += 1
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "as any other")
    let path = folder.file("made.pcap")
    try capture.write(to: path)
    let target = folder.file("cut")
    let run = try FileRead([path, "--extract-streams", target])
    #expect(run.status == .exited(0), "\(run.errors)")
    #expect(run.errors.contains(", 1 cut\n"), "\(run.errors)")
    let records = try index(target)
    try #require(records.count == 2)
    for record in records {
      let line = line(record)
      let place = "\(target)/\(line["path"] as? String ?? "?")"
      let size = try FileManager.default.attributesOfItem(atPath: place)[.size] as? Int ?? 0
      #expect(size == line["bytes"] as? Int)
      if record["src_port"] as? Int == 40_000 {
        #expect(line["cut"] as? Bool == true)
        #expect(((1 << 30) - 1000...1 << 30).contains(size), "\(size)")
        #expect(line["hole_count"] as? Int == 70)
      } else {
        #expect(line["cut"] as? Bool == false)
        #expect(try String(contentsOfFile: place, encoding: .utf8) == "as any other")
      }
    }
  }

  /// What would be larger than a file may be is cut; nothing else is.
  @Test func aFileThatCanGrowNoMoreIsOneStreamsTrouble() throws {
    var capture = MadeCapture()
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "A")
    capture.tcp(10_001_001, acknowledging: 5001, "far away")
    capture.clientPort += 1
    capture.open()
    capture.tcp(1001, acknowledging: 5001, "as any other")
    let path = folder.file("made.pcap")
    try capture.write(to: path)
    let target = folder.file("small")
    let run = try FileRead(
      [path, "--extract-streams", target, "--quiet"],
      wrapper: ["/bin/sh", "-c", "ulimit -f 256; exec \"$@\"", "sh"])
    #expect(run.status == .exited(74), "\(run.errors)")
    #expect(run.errors.contains("no file can be larger there; 1 is cut"), "\(run.errors)")
    let found = try ExtractedStreams(target).conversations
    let texts = Dictionary(
      uniqueKeysWithValues: found.map { ($0.client.suffix(5), $0.toServer?.text) })
    #expect(texts == ["40000": "A", "40001": "as any other"])
    #expect(found.filter { $0.toServer?.flag("cut") == true }.count == 1)
  }

  @Test(arguments: ["größe", "日本語", "e\u{301}/"])
  func aFolderMayHaveAnyName(_ name: String) throws {
    let target = folder.file(name)
    let run = try FileRead([Captures.demo, "--extract-streams", target, "--quiet"])
    #expect(run.status == .exited(0), "\(run.errors)")
    // It finds every file by its path.
    #expect(try ExtractedStreams(target).conversations.count > 100)
  }

  /// The same command is not refused because of what an earlier one left.
  @Test func aRunThatNeverBeganLeavesTheFolders() throws {
    let targets = [folder.file("streams"), folder.file("files")]
    let isThere = { FileManager.default.fileExists(atPath: $0) }
    let command = [
      Captures.demo, "--extract-streams", targets[0], "--extract-files", targets[1], "--quiet",
    ]
    let noRedis = ["--publish", "redis://127.0.0.1:1", "--sensor", "nobody"]
    for (more, status) in [
      (noRedis, 69), (["--output", folder.file("no/such/folder.json")], 74),
    ] as [([String], Int32)] {
      let run = try FileRead(command + more)
      #expect(run.status == .exited(status), "\(run.errors)")
      #expect(targets.filter(isThere) == [])
    }
    // One that was there stays.
    try FileManager.default.createDirectory(atPath: targets[1], withIntermediateDirectories: false)
    #expect(try FileRead(command + noRedis).status == .exited(69))
    #expect(targets.filter(isThere) == [targets[1]])
    #expect(try FileManager.default.contentsOfDirectory(atPath: targets[1]) == [])
    let run = try FileRead(command)
    #expect(run.status == .exited(0), "\(run.errors)")
  }

  @Test func aFolderWithSomethingInItIsRefused() throws {
    let target = folder.file("full")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: "\(target)/mine"))
    let run = try FileRead([Captures.demo, "--extract-streams", target])
    #expect(run.status == .exited(74))
    #expect(run.errors.contains("is not empty"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: target) == ["mine"])
  }

  @Test(.enabled(if: Requirements.isRoot, "mounts a small file system"))
  func aFullDiskIsAnError() throws {
    let small = folder.file("small")
    try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: false)
    _ = try Subprocess.output("mount", ["-t", "tmpfs", "-o", "size=200k", "tmpfs", small])
    defer { _ = try? Subprocess.output("umount", [small]) }
    for option in ["--extract-streams", "--extract-files"] {
      let run = try FileRead([Captures.demo, option, "\(small)/out"], seconds: 60)
      #expect(run.status == .exited(74), "\(option) \(run.errors)")
      #expect(run.errors.contains("No space left on device"))
      try FileManager.default.removeItem(atPath: "\(small)/out")
    }
  }
}
