import CBurst
import Foundation
import Testing

@testable import Ports

/// Several files as one stream.
@Suite struct CaptureStreamTests {
  /// A packet of a stream: its time and its first bytes, which tell where it came from.
  struct Seen: Equatable {
    var time: UInt64
    var file: UInt32
    var data: [UInt8]
  }

  static func drain(
    _ stream: CaptureStream, burst: Int = 32, located: Bool = true
  ) -> [Seen] {
    let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: burst)
    let locations = UnsafeMutablePointer<PacketLocation>.allocate(capacity: burst)
    defer {
      room.deallocate()
      locations.deallocate()
    }
    var seen: [Seen] = []
    while true {
      switch stream.fill(room, locations: locations, capacity: burst) {
      case .packets(let count):
        for i in 0..<count {
          seen.append(
            Seen(
              time: room[i].timestamp_ns, file: locations[i].file,
              data: Array(
                UnsafeBufferPointer(start: room[i].data, count: Int(room[i].captured_length)))))
        }
        stream.forgetSpent()
      case .idle: stream.forgetSpent()
      case .end:
        stream.forgetSpent()
        return seen
      }
    }
  }

  /// A file with packets at the given seconds; each holds the file's letter and its own number.
  static func file(_ letter: UInt8, _ seconds: [UInt32]) -> [UInt8] {
    var file = PcapBuilder()
    for (number, second) in seconds.enumerated() { file.add(second, 0, [letter, UInt8(number)]) }
    return file.bytes
  }

  private func order(
    _ files: [[UInt32]], inOrder: Bool = false, compress: Bool = false
  ) throws -> String {
    let folder = try TemporaryFolder()
    var inputs: [CaptureInput] = []
    for (number, seconds) in files.enumerated() {
      let letter = UInt8(ascii: "a") + UInt8(number)
      var bytes = Self.file(letter, seconds)
      if compress { bytes = try CompressionTests.compress(bytes, .gzip) }
      inputs.append(CaptureInput(path: try folder.write("\(number)", bytes)))
    }
    let stream = CaptureStream(inputs, inOrder: inOrder)
    let seen = Self.drain(stream, burst: 3)
    #expect(stream.problems.isEmpty)
    #expect(stream.filesRead == files.count { !$0.isEmpty })
    #expect(stream.bytesRead == stream.totalBytes)
    #expect(seen.allSatisfy { UInt8(ascii: "a") + UInt8($0.file) == $0.data[0] })
    return String(decoding: seen.map { $0.data[0] }, as: UTF8.self)
  }

  @Test(arguments: [false, true])
  func byTime(_ compress: Bool) throws {
    // Disjoint, given the wrong way round.
    #expect(try order([[5, 6, 7], [1, 2, 3]], compress: compress) == "bbbaaa")
    // Overlapping.
    #expect(try order([[1, 3, 5, 7], [2, 4, 6]], compress: compress) == "abababa")
    #expect(try order([[1, 9], [2, 3], [3, 4, 10]], compress: compress) == "abbccac")
    // Of one time, by the inputs' order, again and again.
    #expect(try order([[1, 1, 2], [1, 1, 2], [0, 1, 2]], compress: compress) == "caabbcabc")
    #expect(try order([[0, 0], [0, 0]], compress: compress) == "aabb")
    // Within a file packets keep their order: one that is late holds nothing up.
    #expect(try order([[5, 1, 6], [2, 3, 7]], compress: compress) == "bbaaab")
    // A file without packets.
    #expect(try order([[], [1], []], compress: compress) == "b")
    #expect(try order([], compress: compress) == "")
  }

  @Test func inTheOrderTheyAreGiven() throws {
    #expect(try order([[5, 6, 7], [1, 2, 3]], inOrder: true) == "aaabbb")
    #expect(try order([[1, 3, 5, 7], [2, 4, 6]], inOrder: true) == "aaaabbb")
  }

  /// Against sorting, with times at random: files whose packets rise merge into what a stable sort by
  /// time and input gives.
  @Test(arguments: 0..<40)
  func likeAStableSort(_ seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed))
    let span = UInt32.random(in: 1...60, using: &generator)
    let files = (0..<Int.random(in: 1...9, using: &generator)).map { _ in
      let start = UInt32.random(in: 0...50, using: &generator)
      return (0..<Int.random(in: 1...40, using: &generator)).map { _ in
        start + UInt32.random(in: 0..<span, using: &generator)
      }.sorted()
    }
    var all: [(UInt32, Int)] = []
    for (number, times) in files.enumerated() { all += times.map { ($0, number) } }
    let expected = all.sorted { $0 < $1 }.map { UInt8(ascii: "a") + UInt8($0.1) }
    #expect(try order(files) == String(decoding: expected, as: UTF8.self))
  }

  @Test func hundredsOfFiles() throws {
    let folder = try TemporaryFolder()
    var inputs: [CaptureInput] = []
    // Three overlapping at a time, a tenth of them compressed; and all open at a time in the second.
    for together in [false, true] {
      inputs = []
      for number in 0..<300 {
        var file = PcapBuilder()
        let start = UInt32(together ? 0 : number * 10)
        for packet in 0..<30 {
          file.add(start + UInt32(packet), UInt32(number), [UInt8(packet)])
        }
        let bytes =
          number % 10 == 0 ? try CompressionTests.compress(file.bytes, .zstd) : file.bytes
        inputs.append(CaptureInput(path: try folder.write("\(together) \(number)", bytes)))
      }
      inputs.shuffle()
      let stream = CaptureStream(inputs)
      let seen = Self.drain(stream)
      #expect(seen.count == 9000)
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.time <= $1.time })
      #expect(stream.problems.isEmpty && stream.filesRead == 300)
    }
  }

  @Test func compressedAndPlainAndPipes() throws {
    let folder = try TemporaryFolder()
    let pipe = try FeedingPipe(Self.file(UInt8(ascii: "p"), [2, 4, 6]), pieces: 1)
    defer { pipe.finish() }
    let fifo = folder.file("fifo")
    try #require(mkfifo(fifo, 0o600) == 0)
    let writer = PosixThread(name: "fifo") {
      let bytes = Self.file(UInt8(ascii: "f"), [3, 5])
      let descriptor = open(fifo, O_WRONLY)
      _ = write(descriptor, bytes, bytes.count)
      close(descriptor)
    }
    defer { writer.join() }
    var inputs = [CaptureInput(path: "-", descriptor: pipe.reading), CaptureInput(path: fifo)]
    for (index, (method, _)) in CompressionTests.methods.enumerated() {
      let letter = UInt8(ascii: "a") + UInt8(index)
      let bytes = try CompressionTests.compress(Self.file(letter, [1, 3, 5]), method)
      inputs.append(CaptureInput(path: try folder.write(method.rawValue, bytes)))
    }
    inputs.append(
      CaptureInput(path: try folder.write("plain", Self.file(UInt8(ascii: "e"), [1, 7]))))
    let stream = CaptureStream(inputs)
    #expect(stream.totalBytes == nil)
    let seen = Self.drain(stream)
    #expect(String(decoding: seen.map { $0.data[0] }, as: UTF8.self) == "abcdepfabcdpfabcdpe")
    #expect(stream.problems.isEmpty)
  }

  /// What is wrong with one input is said, and the others are read.
  @Test func damagedOnesAmongGoodOnes() throws {
    let folder = try TemporaryFolder()
    let good = Self.file(UInt8(ascii: "g"), [1, 5])
    let cut = Array(Self.file(UInt8(ascii: "c"), [2, 3, 4]).dropLast())
    var nonsense = Self.file(UInt8(ascii: "n"), [2])
    nonsense += [UInt8](repeating: 0xff, count: 40)
    let zipped = try CompressionTests.compress(Self.file(UInt8(ascii: "z"), [2, 3]), .gzip)
    let inputs = [
      CaptureInput(path: folder.file("missing")),
      CaptureInput(path: try folder.write("cut", cut)),
      CaptureInput(path: try folder.write("good", good)),
      CaptureInput(path: try folder.write("empty", [])),
      CaptureInput(path: try folder.write("nonsense", nonsense)),
      CaptureInput(path: try folder.write("zipped", Array(zipped.dropLast(4)))),
      CaptureInput(path: folder.path),
      CaptureInput(path: try folder.write("header", Array(good[..<20]))),
    ]
    let stream = CaptureStream(inputs)
    let seen = Self.drain(stream)
    #expect(String(decoding: seen.map { $0.data[0] }, as: UTF8.self) == "gcnzczg")
    #expect(stream.filesRead == 4)
    let problems = Dictionary(
      uniqueKeysWithValues: stream.problems.map {
        (($0.file as NSString).lastPathComponent, $0.kind)
      })
    #expect(
      problems == [
        "missing": .unreadable, "cut": .cut, "empty": .notACapture, "nonsense": .damaged,
        "zipped": .cut, (folder.path as NSString).lastPathComponent: .unreadable, "header": .cut,
      ])
  }

  /// A compressed file whose first packet stands behind more than is read ahead.
  @Test(.timeLimit(.minutes(1)))
  func aFirstPacketFarBehind() throws {
    var file = PcapngBuilder()
    file.section()
    file.interface(resolution: 9)
    file.block(0x7777, [UInt8](repeating: 0, count: 30 << 20))
    file.enhanced(0, 5, [5])
    let folder = try TemporaryFolder()
    let zipped = try folder.write("a", CompressionTests.compress(file.bytes, .gzip))
    let plain = try folder.write("b", Self.file(1, [0]))
    let seen = Self.drain(CaptureStream([CaptureInput(path: zipped), CaptureInput(path: plain)]))
    #expect(seen.map(\.time) == [0, 5])
  }

  /// What has been read is let go of, packets or none.
  @Test func mappingsGo() throws {
    let folder = try TemporaryFolder()
    let empty = try folder.write("empty", PcapBuilder().bytes)
    let full = try folder.write("full", Self.file(1, [1, 2, 3]))
    let cut = try folder.write("cut", Array(Self.file(1, [1, 2, 3]).dropLast()))
    func isMapped() -> Bool { processFile("maps").contains(folder.path) }
    for inOrder in [false, true] {
      do {
        let inputs = [empty, full, cut].map { CaptureInput(path: $0) }
        let stream = CaptureStream(inputs, inOrder: inOrder)
        #expect(Self.drain(stream).count == 5)
        // Forgotten while the stream is still there.
        #expect(!isMapped())
      }
      do {
        let reader = try CaptureReader(path: full, number: 0)
        #expect(isMapped())
        withExtendedLifetime(reader) {}
      }
      do { _ = CaptureStream([empty, full].map { CaptureInput(path: $0) }, inOrder: inOrder) }
      #expect(!isMapped())
    }
  }

  @Test func dropsThatTheFilesReport() throws {
    var file = PcapngBuilder()
    file.section()
    file.interface()
    file.enhanced(0, 0, [1])
    file.statistics(0, interfaceDrops: 3, systemDrops: 4)
    let folder = try TemporaryFolder()
    let path = try folder.write("file", file.bytes)
    let stream = CaptureStream([CaptureInput(path: path), CaptureInput(path: path)])
    #expect(Self.drain(stream).count == 2)
    #expect(stream.reportedDrops == 14)
  }

  // MARK: Against Wireshark's programs

  /// Pieces of a capture, cut by editcap and given in any order, come out as mergecap has them.
  @Test(
    .enabled(if: Programs.wireshark, Programs.noWireshark),
    .enabled(if: Captures.areThere, Captures.absent),
    arguments: [
      ("ndpi/tests/cfgs/default/pcap/vnc.pcap", 500),
      ("ndpi/tests/cfgs/default/pcap/KakaoTalk_talk.pcap", 100),
      ("zeek/testing/btest/Traces/quic/firefox-102.13.0esr-blog-cloudflare-com.pcap", 50),
      ("wireshark/test/captures/netperfmeter.pcapng.gz", 300),
    ])
  func likeMergecap(_ name: String, _ packets: Int) throws {
    try mergeLikeMergecap([name], packets)
  }

  /// Captures that overlap in time are hard to find: two are shifted onto each other.
  @Test(
    .enabled(if: Programs.wireshark, Programs.noWireshark),
    .enabled(if: Captures.areThere, Captures.absent))
  func overlappingLikeMergecap() throws {
    let folder = try TemporaryFolder()
    let names = [
      "ndpi/tests/cfgs/default/pcap/vnc.pcap",
      "ndpi/tests/cfgs/default/pcap/KakaoTalk_talk.pcap",
      "ja4/pcap/tls3.pcapng",
    ]
    var files: [String] = []
    for (number, name) in names.enumerated() {
      let first = try #require(read(Captures.path(name), burst: 256).packets.first?.time)
      let shift = 1_700_000_000 - Int64(first / 1_000_000_000)
      let path = folder.file("\(number).pcapng")
      try Programs.run("editcap", "-t", "\(shift)", Captures.path(name), path)
      files.append(path)
    }
    try compare(files, folder)
  }

  private func mergeLikeMergecap(_ names: [String], _ packets: Int) throws {
    let folder = try TemporaryFolder()
    for name in names {
      try Programs.run(
        "editcap", "-c", "\(packets)", Captures.path(name), folder.file("piece.pcapng"))
    }
    let pieces = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(pieces.count > 3)
    try compare(pieces.map { folder.file($0) }.shuffled(), folder)
  }

  private func compare(_ files: [String], _ folder: TemporaryFolder) throws {
    let merged = folder.file("merged.pcapng")
    // Of packets of one time mergecap takes that of its last input first.
    _ = try Programs.output("mergecap", ["-w", merged] + files.reversed())
    let expected = read(merged, burst: 256)
    #expect(expected.problem == nil)
    let seen = Self.drain(CaptureStream(files.map { CaptureInput(path: $0) }))
    #expect(seen.count == expected.packets.count && seen.count > 500)
    let differ = zip(seen, expected.packets).firstIndex {
      $0.time != $1.time || $0.data != $1.data
    }
    #expect(differ == nil)
  }
}

extension Sequence {
  fileprivate func firstIndex(where matches: (Element) -> Bool) -> Int? {
    for (index, element) in enumerated() where matches(element) { return index }
    return nil
  }
}
