import CCompression
import Foundation
import Testing

@testable import Ports

/// Compressed files hold the same packets as the file they were made from.
@Suite struct CompressionTests {
  /// A file of some megabytes that compresses middling well.
  static let plain: [UInt8] = {
    var generator = SeededGenerator(state: 4)
    var file = PcapBuilder()
    let text = Array("GET /index.html HTTP/1.1\r\nHost: www.example.com\r\n\r\n".utf8)
    var bytes = file.bytes
    for number in 0..<4000 {
      var one = PcapBuilder()
      let noise = generator.bytes(Int.random(in: 0..<40, using: &generator))
      one.add(1_700_000_000 + UInt32(number), 0, text + noise + [UInt8](repeating: 7, count: 500))
      bytes += one.bytes[24...]
    }
    return bytes
  }()

  static let packets: [ReadPacket] = {
    (try? read(plain, .mapped).packets) ?? []
  }()

  /// The methods, and the program of each.
  static let methods: [(CompressionMethod, [String])] = [
    (.gzip, ["gzip", "-1", "-n"]), (.zstd, ["zstd", "-1", "-q"]), (.lz4, ["lz4", "-1", "-q"]),
    (.xz, ["xz", "-0", "-T1"]),
  ]

  /// Compressed by the method's own program, or by its library where that is not installed.
  static func compress(_ bytes: [UInt8], _ method: CompressionMethod) throws -> [UInt8] {
    let command = try #require(methods.first { $0.0 == method }).1
    if Programs.has(command[0]) {
      let folder = try TemporaryFolder()
      let path = try folder.write("plain", bytes)
      return try Programs.output(command[0], command.dropFirst() + ["-c", path])
    }
    var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 8 + (64 << 10))
    var count = 0
    switch method {
    case .gzip:
      var stream = z_stream()
      let size = Int32(MemoryLayout<z_stream>.size)
      try #require(
        deflateInit2_(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
      )
      defer { deflateEnd(&stream) }
      var input = bytes
      let result = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          stream.next_in = input.baseAddress
          stream.avail_in = UInt32(input.count)
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          return deflate(&stream, Z_FINISH)
        }
      }
      try #require(result == Z_STREAM_END)
      count = Int(stream.total_out)
    case .zstd:
      count = ZSTD_compress(&output, output.count, bytes, bytes.count, 1)
      try #require(ZSTD_isError(count) == 0)
    case .lz4:
      count = LZ4F_compressFrame(&output, output.count, bytes, bytes.count, nil)
      try #require(LZ4F_isError(count) == 0)
    case .xz:
      let result = lzma_easy_buffer_encode(
        0, LZMA_CHECK_CRC64, nil, bytes, bytes.count, &output, &count, output.count)
      try #require(result == LZMA_OK)
    }
    return Array(output[..<count])
  }

  @Test(arguments: methods.map(\.0), Way.allCases)
  func likeThePlainFile(_ method: CompressionMethod, _ way: Way) throws {
    let result = try read(Self.compress(Self.plain, method), way, burst: 64)
    #expect(result.problem == nil)
    #expect(result.packets == Self.packets)
    #expect(Self.packets.count == 4000)
  }

  /// Several members or frames one behind the other are one stream.
  @Test(arguments: methods.map(\.0), Way.allCases)
  func concatenated(_ method: CompressionMethod, _ way: Way) throws {
    let cuts = [0, 1, 20, 100_000, 100_000, 1_500_000, Self.plain.count]
    var bytes: [UInt8] = []
    for (from, to) in zip(cuts, cuts.dropFirst()) {
      bytes += try Self.compress(Array(Self.plain[from..<to]), method)
    }
    let result = try read(bytes, way, burst: 64)
    #expect(result.problem == nil)
    #expect(result.packets == Self.packets)
  }

  /// What may stand between members and behind them: gzip's zeros, skippable frames, xz' padding.
  @Test(arguments: methods.map(\.0))
  func padding(_ method: CompressionMethod) throws {
    let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]
    let filling: [UInt8] =
      switch method {
      case .gzip: [UInt8](repeating: 0, count: 1000)
      case .zstd, .lz4: skippable
      case .xz: [UInt8](repeating: 0, count: 8)
      }
    let first = try Self.compress(Array(Self.plain[..<777]), method)
    let second = try Self.compress(Array(Self.plain[777...]), method)
    var files = [first + filling + second, first + filling + second + filling]
    // As pzstd begins.
    if method == .zstd { files.append(skippable + first + skippable + skippable + second) }
    for file in files {
      let result = try read(file, .mapped, burst: 64)
      #expect(result.problem == nil)
      #expect(result.packets == Self.packets)
    }
  }

  @Test(arguments: methods.map(\.0))
  func cutAtAnyPlace(_ method: CompressionMethod) throws {
    let small = Array(Self.plain[..<3000])
    let whole = try Self.compress(small, method)
    let all = try read(small, .mapped).packets
    for length in 6..<whole.count {
      let result = try read(Array(whole[..<length]), .mapped)
      #expect(result.packets == Array(all.prefix(result.packets.count)))
      let problem = try #require(result.problem, "at \(length)")
      #expect(problem.kind == .cut)
      #expect(problem.text.contains("\(method.rawValue) data, after \(length) compressed bytes"))
    }
    // In a large one, most of what stands before the cut is delivered. (What lz4 and xz write here is
    // a single block.)
    let large = try Self.compress(Self.plain, method)
    let half = try read(Array(large[..<(large.count * 3 / 4)]), .mapped, burst: 64)
    #expect(half.packets.count > 500 || method == .xz || method == .lz4)
    #expect(half.packets == Array(Self.packets.prefix(half.packets.count)))
    #expect(half.problem?.kind == .cut)
  }

  @Test(arguments: methods.map(\.0))
  func damagedInTheMiddle(_ method: CompressionMethod) throws {
    var bytes = try Self.compress(Self.plain, method)
    for place in bytes.count / 2..<bytes.count / 2 + 200 { bytes[place] ^= 0x5a }
    let result = try read(bytes, .mapped, burst: 64)
    #expect(result.packets.count < Self.packets.count)
    let kind = try #require(result.problem?.kind)
    #expect(kind == .damaged)
    if method == .gzip || method == .xz || method == .zstd {
      // What is checked is right up to there: whole blocks, or what came before the first nonsense.
      let right = zip(result.packets, Self.packets).prefix { $0 == $1 }.count
      #expect(right >= result.packets.count - 200)
    }
  }

  @Test(arguments: methods.map(\.0))
  func rubbishBehindTheMagic(_ method: CompressionMethod) throws {
    let magic = try Array(Self.compress([1], method).prefix(6))
    for seed in 0..<50 {
      var generator = SeededGenerator(state: UInt64(seed))
      let result = try read(magic + generator.bytes(3000), .mapped)
      #expect(result.problem != nil)
      #expect(result.packets.isEmpty)
    }
  }

  @Test(arguments: methods.map(\.0))
  func somethingElseInside(_ method: CompressionMethod) throws {
    for (content, says) in [
      (Array("a text of some length".utf8), "neither pcap nor pcapng"), ([], "is empty"),
      (Array("snoop\0 and more of it".utf8), "snoop"),
    ] {
      let problem = try #require(try read(Self.compress(content, method), .mapped).problem)
      #expect(problem.kind == .notACapture)
      #expect(problem.text.contains(says))
    }
  }

  /// Most of a gigabyte of nothing in a few megabytes: all of it is read, and little of it is held.
  @Test(arguments: methods.map(\.0))
  func bombs(_ method: CompressionMethod) throws {
    var head = PcapngBuilder()
    head.section()
    head.interface(resolution: 9)
    head.enhanced(0, 1, [1])
    // Blocks of 16 MiB that are passed over, and a packet behind them.
    let size = 16 << 20
    var block = PcapngBuilder()
    block.block(0x7777, [UInt8](repeating: 0, count: size))
    var tail = PcapngBuilder()
    tail.enhanced(0, 2, [2])
    let one = try Self.compress(block.bytes, method)
    var bytes = try Self.compress(head.bytes, method)
    for _ in 0..<48 { bytes += one }
    bytes += try Self.compress(tail.bytes, method)
    block.bytes = []
    // Of the whole process, other tests' memory too: hence a wide margin.
    let before = residentBytes()
    let path = try TemporaryFolder()
    try path.write("bomb", bytes)
    let reader = try CaptureReader(path: path.file("bomb"), number: 0)
    var packets: [ReadPacket] = []
    let watch = MemoryWatch()
    drain(reader) { packets.append($0) }
    let most = watch.finish()
    #expect(packets == [ReadPacket(1, [1]), ReadPacket(2, [2])])
    #expect(reader.problem == nil)
    #expect(most - before < 400 << 20)
  }
}

/// Resident memory of this process.
func residentBytes() -> Int {
  let pages = processFile("statm").split(separator: " ")
  return pages.count > 1 ? (Int(pages[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}

/// Resident memory of this process's mappings of a file.
func mappedBytes(_ path: String) -> Int {
  var isWanted = false
  var sum = 0
  for line in processFile("smaps").split(separator: "\n") {
    if line.hasPrefix("Rss:") {
      if isWanted { sum += (Int(line.split(separator: " ")[1]) ?? 0) << 10 }
    } else if line.contains("-") && line.contains("/") {
      isWanted = line.hasSuffix(path)
    } else if line.contains("-") && line.contains(" 00:00 ") {
      isWanted = false
    }
  }
  return sum
}

/// The most resident memory while something runs.
final class MemoryWatch: @unchecked Sendable {
  private let lock = NSLock()
  private var isOver = false
  private var most = 0
  private var thread: PosixThread?

  init(_ measure: @escaping @Sendable () -> Int = residentBytes) {
    thread = PosixThread(name: "watch") { [self] in
      while !lock.withLock({ isOver }) {
        let now = measure()
        lock.withLock { most = max(most, now) }
        usleep(2000)
      }
    }
  }

  func finish() -> Int {
    lock.withLock { isOver = true }
    thread?.join()
    thread = nil
    return lock.withLock { most }
  }
}
