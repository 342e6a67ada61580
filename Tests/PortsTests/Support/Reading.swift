import CBurst
import Foundation
import Testing

@testable import Ports

/// A packet as a reader gave it, with its bytes copied.
struct ReadPacket: Equatable, CustomTestStringConvertible {
  var time: UInt64
  var data: [UInt8]
  var wire: UInt32
  var linkType: UInt32
  /// Of its first byte in the file.
  var offset: UInt64

  init(
    _ time: UInt64, _ data: [UInt8], wire: UInt32? = nil, linkType: UInt32 = 1, offset: UInt64 = 0
  ) {
    self.time = time
    self.data = data
    self.wire = wire ?? UInt32(data.count)
    self.linkType = linkType
    self.offset = offset
  }

  init(_ packet: martlet_packet, offset: UInt64) {
    self.init(
      packet.timestamp_ns,
      Array(UnsafeBufferPointer(start: packet.data, count: Int(packet.captured_length))),
      wire: packet.wire_length, linkType: packet.link_type, offset: offset)
  }

  /// Equal but for the place.
  static func == (a: ReadPacket, b: ReadPacket) -> Bool {
    a.time == b.time && a.data == b.data && a.wire == b.wire && a.linkType == b.linkType
  }

  var testDescription: String {
    "\(time) ns, \(data.count) of \(wire) bytes, link type \(linkType)"
  }
}

struct ReadResult {
  var packets: [ReadPacket] = []
  var problem: CaptureProblem?
  var reportedDrops: UInt64 = 0
}

/// How a file gets to the reader.
enum Way: Sendable, CaseIterable {
  case mapped
  /// Through a pipe, in large pieces.
  case piped
  /// Through a pipe, a few bytes at a time.
  case dripped
}

/// Reads a whole file, as `martlet read` would.
func read(_ path: String, descriptor: Int32? = nil, burst: Int = 7) -> ReadResult {
  var result = ReadResult()
  let reader: CaptureReader
  do throws(CaptureProblem) {
    reader = try CaptureReader(path: path, number: 0, descriptor: descriptor)
  } catch {
    result.problem = error
    return result
  }
  drain(reader, burst: burst) { result.packets.append($0) }
  result.problem = reader.problem
  result.reportedDrops = reader.reportedDrops
  #expect(reader.packets == UInt64(result.packets.count))
  return result
}

/// Takes everything out of a reader.
func drain(_ reader: CaptureReader, burst: Int = 7, _ body: (ReadPacket) -> Void) {
  let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: burst)
  defer { room.deallocate() }
  while true {
    switch reader.fill(room, capacity: burst, until: .max, waitMilliseconds: 100) {
    case .packets(let count):
      for i in 0..<count {
        body(ReadPacket(room[i], offset: reader.offset(of: room[i].data)))
      }
      CaptureStream.forget(reader.takeSpent())
    case .idle: CaptureStream.forget(reader.takeSpent())
    case .end:
      CaptureStream.forget(reader.takeSpent())
      return
    }
  }
}

/// Reads bytes that are a file.
func read(_ bytes: [UInt8], _ way: Way, burst: Int = 7) throws -> ReadResult {
  switch way {
  case .mapped:
    let file = try MemoryFile(bytes)
    return read("test", descriptor: file.take(), burst: burst)
  case .piped, .dripped:
    let pipe = try FeedingPipe(
      bytes, pieces: way == .piped ? 1 << 16 : bytes.count < 10_000 ? 3 : 1001)
    defer { pipe.finish() }
    return read("test", descriptor: pipe.reading, burst: burst)
  }
}

/// A file that has no name.
struct MemoryFile {
  private let descriptor: Int32

  init(_ bytes: [UInt8]) throws {
    var template = Array("\(NSTemporaryDirectory())/martlet-ports-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    try #require(descriptor >= 0)
    unlink(template)
    var done = 0
    while done < bytes.count {
      let wrote = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(done))
      }
      try #require(wrote > 0)
      done += wrote
    }
  }

  /// The descriptor, which the reader closes.
  func take() -> Int32 { descriptor }
}

/// A pipe that a thread writes into.
final class FeedingPipe: @unchecked Sendable {
  let reading: Int32
  private let thread: PosixThread

  init(_ bytes: [UInt8], pieces: Int, pauseMicroseconds: UInt32 = 0) throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    signal(SIGPIPE, SIG_IGN)
    reading = ends[0]
    let writing = ends[1]
    thread = PosixThread(name: "feed") {
      var done = 0
      while done < bytes.count {
        let count = min(pieces, bytes.count - done)
        let wrote = bytes.withUnsafeBytes { write(writing, $0.baseAddress! + done, count) }
        // The reader has seen enough.
        if wrote <= 0 { break }
        done += wrote
        if pauseMicroseconds > 0 { usleep(pauseMicroseconds) }
      }
      close(writing)
    }
  }

  func finish() { thread.join() }
}

/// A folder that goes when the test has ended.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("\(NSTemporaryDirectory())/martlet-ports-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    // As the kernel names it, without doubled slashes.
    let resolved = try #require(realpath(template, nil))
    defer { free(resolved) }
    path = String(cString: resolved)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let path = file(name)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
}

/// A file of /proc, which has no length until it is read.
func processFile(_ name: String) -> String {
  let descriptor = open("/proc/self/\(name)", O_RDONLY)
  guard descriptor >= 0 else { return "" }
  defer { close(descriptor) }
  var text: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let got = read(descriptor, &piece, piece.count)
    guard got > 0 else { return String(decoding: text, as: UTF8.self) }
    text += piece[..<got]
  }
}

func contents(_ path: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}
